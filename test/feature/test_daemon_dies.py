"""Inside a real container: closed whatever becomes of the daemon."""

import pytest

from engine.container import COULD_NOT_CONNECT
from lab.lab import ALLOWED, EVIL, EVIL_V4, EVIL_V6
from lab.waiting import wait_until
from probes import assert_reaches, assert_refuses, assert_unseen, config

ENTRYPOINT = "/usr/local/share/egressd/entrypoint.sh"


@pytest.fixture
def container(new_workspace):
    workspace = new_workspace("dies", config())
    yield workspace.must_up()
    workspace.remove()


def kill(container, signal):
    for process in container.processes("egressd"):
        container.run("kill", f"-{signal}", str(process), check=False)


def test_killed(world, container):
    assert_reaches(container, ALLOWED)
    wait_until(lambda: kill(container, "KILL") or not container.processes("egressd"),
               "end of all its processes")
    assert_refuses_without_gate(world, container)
    assert "table inet egressd" in container.nft("list", "ruleset")
    container.run(ENTRYPOINT, "/workspaces/dies", "", "")
    assert_reaches(container, ALLOWED)
    assert_refuses(world, container)


def test_stopped(world, container):
    assert_reaches(container, ALLOWED)
    kill(container, "STOP")
    assert_refuses_without_gate(world, container)
    kill(container, "CONT")
    assert_reaches(container, ALLOWED)


def test_a_second_start_is_harmless(world, container):
    container.run(ENTRYPOINT, "/workspaces/dies", "", "")
    assert_reaches(container, ALLOWED)
    assert_refuses(world, container)


def assert_refuses_without_gate(world, container):
    """Names may take a stub's timeout now, so only addresses must fail at once."""
    world.forget()
    assert container.curl(f"http://{EVIL_V4}/").code == COULD_NOT_CONNECT
    assert container.curl(f"http://[{EVIL_V6}]/").code == COULD_NOT_CONNECT
    assert not container.curl(f"http://{EVIL}/")
    assert_unseen(world)
