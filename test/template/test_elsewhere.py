"""What doc/elsewhere.md says, done to the letter: without dev containers."""

import json
import pathlib
import re

import pytest

from engine.container import Container
from engine.world import ROOT
from lab.lab import ALLOWED
from probes import assert_open, assert_reaches, assert_refuses

PAGE = (ROOT / "doc/elsewhere.md").read_text()
NETWORK_V6 = "2001:db8:d:6::/64"


def block(language):
    """The first piece of the page in this language."""
    return re.search(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[1]


@pytest.fixture(scope="module")
def folder(world):
    """A folder with a policy; its files are those of the engine's machine too."""
    folder = pathlib.Path(world.folder, "elsewhere")
    folder.mkdir()
    (folder / "policy.json").write_text(json.dumps({"allow": [ALLOWED]}))
    return folder


def as_published(world, text):
    return text.replace("ghcr.io/<owner>/egressd/sidecar:0", world.sidecar())


def sh(world, folder, script):
    done = world.engine.run(["sh", "-euc", f'cd "$1"\n{script}', "sh", folder])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def composed(world, folder):
    text = as_published(world, block("yaml")).replace(
        "image: debian:12", "image: debian:12\n    command: sleep infinity") + (
        "networks:\n  default:\n    enable_ipv6: true\n"
        f'    ipam: {{ config: [ {{ subnet: "{NETWORK_V6}" }} ] }}\n')
    (folder / "docker-compose.yml").write_text(text)
    sh(world, folder, "docker-compose up --detach")
    yield Container(world.engine, "elsewhere_app_1")
    sh(world, folder, "docker-compose down --volumes --timeout 1")


@pytest.fixture
def by_hand(world, folder):
    script = as_published(world, block("sh")).replace(
        "network create", f"network create --ipv6 --subnet {NETWORK_V6}").replace(
        "--rm -it", "--rm -d --name held").replace(" debian:12", " debian:12 sleep infinity")
    sh(world, folder, script)
    yield Container(world.engine, "held")
    sh(world, folder, "docker rm --force held egressd; docker network rm fenced")


@pytest.fixture
def on_the_default_network(world, folder):
    sidecar = world.engine.docker(
        "run", "--detach", "--cap-drop", "ALL", "--cap-add", "NET_ADMIN", "--cap-add", "SETUID",
        "--cap-add", "SETGID", "--volume", f"{folder}/policy.json:/etc/egressd/policy.json:ro",
        world.sidecar(), "--upstream", "192.0.2.53").stdout.strip()
    world.engine.docker("exec", sidecar, "egressctl", "wait")
    held = world.bare("debian:12", f"--network=container:{sidecar}", "--cap-drop=NET_RAW")
    yield held
    held.remove()
    Container(world.engine, sidecar).remove()


@pytest.mark.parametrize("way", ["composed", "by_hand", "on_the_default_network"])
def test_root_in_a_container_that_uses_its_network_is_held(world, request, way):
    held = request.getfixturevalue(way)
    assert_reaches(held, ALLOWED)
    assert_refuses(world, held)
    bare = world.bare("debian:12")
    assert_open(world, bare)
    bare.remove()


def test_who_has_the_socket_alone_is_told_that_nothing_is_held(world, by_hand):
    """The socket of an egressd whose network one does not use: what it enforces is elsewhere."""
    assert by_hand.name
    stranger = world.bare("debian:12", "--volume=egressd:/run/egressd:ro")
    world.engine.docker("cp", world.engine.folder.parent / "image/root/usr/local/sbin/egressd",
                        f"{stranger.name}:/usr/local/bin/egressctl")
    for command in ("wait", "status", "doctor"):
        said = stranger.ctl(command)
        assert said.returncode == 1 and "another network" in " ".join(
            (said.stdout + said.stderr).split()), said
    stranger.remove()
