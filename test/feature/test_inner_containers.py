"""A Docker Engine inside the dev container: what runs in its containers is held to the same."""

import pytest

from engine.container import COULD_NOT_CONNECT, COULD_NOT_RESOLVE
from engine.images import BUSYBOX
from lab.lab import ALLOWED, ALLOWED_V4, EVIL, EVIL_V4
from probes import config

OUTER, INNER = "outer_net", "inner_net"
OUTER_V6 = "2001:db8:d:3::/64"

# Where the dev container has a network of its own, its resolver is at 127.0.0.11, which no inner
# container can ask: the inner engine then takes public resolvers.
PLACES = {"default": [], "network": [f"--network={OUTER}"]}


@pytest.fixture(scope="module", params=PLACES)
def arguments(request, world):
    world.engine.docker("network", "create", "--ipv6", "--subnet", OUTER_V6, OUTER)
    yield PLACES[request.param]
    world.engine.docker("network", "rm", OUTER, check=False)


def knock(engine, host, *options):
    """What a program sees that runs in a container of the inner engine."""
    done = engine.docker("run", "--rm", *options, BUSYBOX, "knock", host, "80", check=False)
    return done.returncode, done.stderr


@pytest.mark.leak("L30")
def test_an_inner_engine(world, new_workspace, arguments):
    outside = world.bare("debian:12", *arguments)
    workspace = new_workspace(f"inner{len(arguments)}", config(runArgs=arguments))
    try:
        with world.engine_inside(outside, BUSYBOX) as inner:
            world.forget()
            assert knock(inner, EVIL_V4)[0] == 0
            assert world.witness.packets(destination=EVIL_V4)
            assert knock(inner, EVIL)[0] == 0
            assert world.dns.questions(EVIL)
        with world.engine_inside(workspace.must_up(), BUSYBOX) as inner:
            assert_held(world, inner)
            inner.docker("network", "create", INNER)
            assert_held(world, inner, f"--network={INNER}")
    finally:
        outside.remove()
        workspace.remove()


def assert_held(world, inner, *options):
    world.forget()
    assert knock(inner, ALLOWED, *options) == (0, "")
    assert knock(inner, ALLOWED_V4, *options) == (0, "")
    assert knock(inner, EVIL, *options)[0] == COULD_NOT_RESOLVE
    code, message = knock(inner, EVIL_V4, *options)
    assert code == COULD_NOT_CONNECT and "refused" in message
    assert not world.witness.packets(destination=EVIL_V4, tells=True)
    assert not world.dns.questions(EVIL)
