"""What doc/elsewhere.md says, done to the letter: without dev containers."""

import json
import pathlib
import re
import tempfile

import pytest

from engine.container import COULD_NOT_CONNECT, COULD_NOT_RESOLVE, Container
from engine.podman import Podman
from engine.world import ROOT
from lab.lab import ALLOWED, EVIL, EVIL_V4
from probes import assert_open, assert_reaches, assert_refuses, assert_unseen

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
    return done.stdout.strip()


@pytest.fixture
def composed(world, folder):
    text = as_published(world, block("yaml")).replace(
        "image: debian:12", "image: debian:12\n    command: sleep infinity") + (
        "networks:\n  default:\n    enable_ipv6: true\n"
        f'    ipam: {{ config: [ {{ subnet: "{NETWORK_V6}" }} ] }}\n')
    (folder / "docker-compose.yml").write_text(text)
    sh(world, folder, "docker-compose up --detach")
    yield Container(world.engine, sh(world, folder, "docker-compose ps --quiet app"))
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


@pytest.fixture
def new_podman(world):
    """Podman with the daemon's image."""
    made = []

    def make(base, **options):
        folder = pathlib.Path(tempfile.mkdtemp(dir=world.folder))
        folder.chmod(0o755)
        podman = Podman(f"/proc/{world.machine.pid}/ns/net", folder, "nameserver 192.0.2.53\n",
                        **options)
        made.append(podman)
        world.sidecar()
        podman.load_image(base)
        podman.docker("build", "--format", "docker", "--tag", "sidecar", world.folder / "image")
        return podman

    yield make
    for podman in made:
        podman.close()


def run_sidecar(podman, folder, upstream, *options):
    podman.run_image("egressd", "sidecar", *options, "--cap-drop=ALL", "--cap-add=NET_ADMIN",
                     "--cap-add=SETUID", "--cap-add=SETGID", "--read-only",
                     "--security-opt=no-new-privileges", "--volume=egressd:/run/egressd",
                     f"--volume={folder}/policy.json:/etc/egressd/policy.json:ro",
                     command=["--upstream", upstream])
    podman.docker("exec", "egressd", "egressctl", "wait")


def test_podman(world, folder, new_podman):
    """Of root, without systemd; the resolver is named, for there is none at 127.0.0.11."""
    podman = new_podman("debian:12")
    podman.docker("network", "create", "--ipv6", "--subnet", NETWORK_V6, "--subnet",
                  "10.99.6.0/24", "fenced")
    run_sidecar(podman, folder, "192.0.2.53", "--network=fenced")
    podman.run_image("held", "debian:12", "--network=container:egressd", "--cap-drop=NET_RAW",
                     command=["sleep", "infinity"])
    podman.run_image("bare", "debian:12", "--network=fenced", command=["sleep", "infinity"])
    held = Container(podman, "held")
    assert_reaches(held, ALLOWED)
    assert_refuses(world, held)
    assert_open(world, Container(podman, "bare"))


def test_podman_without_root(world, folder, new_podman):
    """Its network is a process of the user's, slirp4netns, which has a resolver of its own."""
    podman = new_podman("busybox:musl", rootless=True)
    run_sidecar(podman, folder, "10.0.2.3")
    podman.run_image("held", "busybox:musl", "--network=container:egressd",
                     command=["sleep", "infinity"])
    podman.run_image("bare", "busybox:musl", command=["sleep", "infinity"])
    held, bare = Container(podman, "held"), Container(podman, "bare")
    assert held.knock(ALLOWED)
    world.forget()
    assert held.knock(EVIL).code == COULD_NOT_RESOLVE
    refused = held.knock(EVIL_V4)
    assert refused.code == COULD_NOT_CONNECT and "refused" in refused.message
    assert_unseen(world)
    for host in (EVIL, EVIL_V4):
        assert bare.knock(host)
    assert world.dns.questions(EVIL)
