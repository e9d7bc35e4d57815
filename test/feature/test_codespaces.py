"""GitHub Codespaces: its agent makes the container, with arguments of its own."""

import pytest

from engine.codespace import HOST_NETWORK
from lab.lab import ALLOWED, EVIL, EVIL_V4
from lab.waiting import wait_until
from probes import assert_enforcing, assert_open, assert_reaches, assert_refuses, config

OWN_NETWORK = ["--network=bridge"]
WAY_OUT = '"runArgs": ["--network=bridge"]'
HOOK = "echo user-hook-$((6 * 7))"


@pytest.fixture
def codespace(world):
    """Makes the codespace of a test; there is one on a machine at a time."""
    made = []

    def make(*arguments, **options):
        made.append(world.codespace(*arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.remove()


def ruleset(world):
    return world.engine.run(["nft", "--stateless", "list", "ruleset"]).stdout


def assert_the_machine_is_free(world, neighbour):
    assert_open(world, neighbour)
    reached = world.engine.run(["curl", "-sS", "-m", "30", f"http://{EVIL_V4}/"])
    assert reached.returncode == 0, reached.stderr


@pytest.fixture
def untouched(world):
    """The machine's rules are the same to the byte, and everybody else on it is free."""
    neighbour = world.bare("debian:12")
    before = ruleset(world)

    def check():
        assert ruleset(world) == before
        assert_the_machine_is_free(world, neighbour)

    yield check
    neighbour.remove()
    for family in ("inet", "netdev"):  # if it was wrong, then for this test alone
        world.engine.run(["nft", "delete", "table", family, "egressd"])


@pytest.mark.leak("H36", "H39")
def test_the_machines_network_is_left_alone_and_the_log_says_the_way_out(codespace, untouched):
    one = codespace("stop", config(onCreateCommand=HOOK))
    ok, log = one.come_up()
    container, = one.containers()
    assert not ok and not container.is_running
    assert container.details["HostConfig"]["NetworkMode"] == "host"
    assert "user-hook-42" not in log
    for words in ("shares the network of its host", "GitHub Codespaces", WAY_OUT, "Docker Compose",
                  "stopping the container"):
        assert words in log, log
    untouched()


@pytest.mark.leak("H36")
def test_or_it_warns_and_goes_on(codespace, untouched):
    settings = config(onCreateCommand=HOOK)
    settings["features"] = {"./egressd": {"onFailure": "warn"}}
    one = codespace("warn", settings)
    ok, log = one.come_up()
    container, = one.containers()
    assert ok and container.details["HostConfig"]["NetworkMode"] == "host", log
    for words in ("user-hook-42", "NOT PROTECTED: the container runs on", WAY_OUT,
                  "NOT PROTECTED: going on"):
        assert words in log, log
    for command in (["status"], ["wait", "--timeout", "1"]):
        assert container.ctl(*command).returncode == 69
    untouched()


@pytest.mark.parametrize("repository, agent", [(OWN_NETWORK, HOST_NETWORK),
                                               ([], [*OWN_NETWORK, *HOST_NETWORK])])
def test_two_networks_are_none(codespace, untouched, repository, agent):
    """If the agent kept its own beside the repository's, Docker before 25 would refuse, in either
    order: no container without a policy. test_sandbox_codespace.py has what later ones do."""
    one = codespace("both", config(runArgs=repository), network=agent)
    ok, log = one.come_up()
    assert not ok and "Container cannot be connected to network endpoints" in log, log
    assert not [container for container in one.containers() if container.is_running]
    untouched()


def repository():
    """A devcontainer.json that asks for a network of its own."""
    return config(runArgs=OWN_NETWORK, remoteUser="dev", onCreateCommand=HOOK)


def also_allow(settings, host):
    settings["customizations"]["egressd"]["allow"].append(host)


class TestWithANetworkOfItsOwn:
    """One codespace, from its creation to its rebuild."""

    @pytest.fixture(scope="class")
    def settings(self):
        return repository()

    @pytest.fixture(scope="class")
    def one(self, world, settings):
        one = world.codespace("bridge", settings, network=())
        yield one
        one.remove()

    @pytest.fixture(scope="class")
    def first(self, one):
        return one.must_come_up()

    @pytest.mark.leak("H39")
    def test_everything_works(self, world, first, untouched):
        assert_enforcing(first, "dev")
        assert_reaches(first, ALLOWED, "dev")
        assert_refuses(world, first, "dev")
        status = first.ctl("status").stdout
        assert "/workspaces/.codespaces/shared/merged_devcontainer.json (pinned)" in status
        untouched()

    def test_ports_are_forwarded(self, world, first):
        """From the machine, where the agent is, to what a program in the container serves."""
        world.engine.docker("exec", "--detach", "--user", "dev", first.name, "python3", "-m",
                            "http.server", "--directory", "/workspaces", "3000")
        address = first.details["NetworkSettings"]["IPAddress"]
        fetch = ["curl", "-sS", "-m", "30", f"http://{address}:3000/"]
        wait_until(lambda: "bridge/" in world.engine.run(fetch).stdout, "the forwarded port")

    @pytest.mark.leak("L19", "L24")
    def test_what_was_pinned_holds_when_it_is_resumed(self, world, one, settings, first):
        """The merged file lies in a folder that the container can write, and is written again."""
        also_allow(settings, EVIL)
        one.write(".devcontainer/devcontainer.json", settings)
        one.merge(settings, hostname="codespaces-d4e5f6")
        world.engine.docker("stop", "--time", "2", first.name)
        again = one.resume()
        assert again.name == first.name
        assert_enforcing(again, "dev")
        assert_reaches(again, ALLOWED, "dev")
        assert_refuses(world, again, "dev")
        assert f"+ allow {EVIL}" in again.ctl("status").stdout

    @pytest.mark.leak("L20")
    def test_and_a_rebuild_adopts_what_the_repository_says_then(self, one, first):
        rebuilt = one.must_come_up("--remove-existing-container")
        assert rebuilt.name != first.name
        for host in (ALLOWED, EVIL):
            assert_reaches(rebuilt, host, "dev")


COMPOSE = """
services:
  app:
    image: debian:12
    command: sleep infinity
"""


@pytest.mark.leak("H39")
def test_compose_needs_no_arguments(world, codespace, untouched):
    settings = config(dockerComposeFile="docker-compose.yml", service="app", remoteUser="dev")
    del settings["image"]
    one = codespace("compose", settings, files={".devcontainer/docker-compose.yml": COMPOSE})
    container = one.must_come_up()
    assert_enforcing(container, "dev")
    assert container.curl(f"http://{ALLOWED}/", "-4", user="dev")
    assert_refuses(world, container, "dev")
    status = container.ctl("status").stdout
    assert "/workspaces/.codespaces/shared/merged_devcontainer.json (pinned)" in status
    one.remove()  # with its network, which is rules of Docker's
    untouched()


@pytest.mark.leak("L19")
def test_what_a_prebuild_pinned_holds_in_the_codespace_made_of_it(world, codespace):
    """A prebuild runs the first two hooks and stops; its disk is what new codespaces start from."""
    settings = repository()
    one = codespace("prebuild", settings, network=())
    made = one.create("--prebuild")
    assert made.ok, made.output
    prebuilt, = one.containers()
    assert_refuses(world, prebuilt, "dev")
    world.engine.docker("stop", "--time", "2", prebuilt.name)
    also_allow(settings, EVIL)
    one.merge(settings, hostname="codespaces-d4e5f6")
    container = one.resume()
    assert container.name == prebuilt.name
    assert_reaches(container, ALLOWED, "dev")
    assert_refuses(world, container, "dev")
    assert container.ctl("apply").returncode == 0
    assert_reaches(container, EVIL, "dev")
