"""One container for each place where the Feature has to work, and the same questions to all."""

import re

import pytest

from lab.lab import ALLOWED
from probes import (assert_enforcing, assert_knocks, assert_open, assert_reaches, assert_refuses,
                    config)

NETWORK = "lab_net"
NETWORK_V6 = "2001:db8:d:1::/64"

PLACES = {  # image, user of the container, network
    "debian-root": ("debian:12", "root", None),
    "debian-user": ("debian:12", "dev", None),
    "debian-root-network": ("debian:12", "root", NETWORK),
    "debian-user-network": ("debian:12", "dev", NETWORK),
    "busybox-root": ("busybox:musl", "root", None),
    "busybox-user": ("busybox:musl", "dev", None),
    "busybox-root-network": ("busybox:musl", "root", NETWORK),
}


class Place:
    def __init__(self, world, workspace, image, user, network):
        self.world, self.workspace, self.user = world, workspace, user
        self.has_curl = image.startswith("debian")
        self.container = workspace.must_up()
        self.bare = world.bare(image, *([f"--network={network}"] if network else []))

    def check(self):
        assert_enforcing(self.container, self.user)
        if not self.has_curl:
            assert_knocks(self.world, self.container, self.bare, self.user)
            return
        assert_reaches(self.container, ALLOWED, self.user)
        assert_refuses(self.world, self.container, self.user)
        assert_open(self.world, self.bare)


@pytest.fixture(scope="module")
def network(world):
    world.engine.docker("network", "create", "--ipv6", "--subnet", NETWORK_V6, NETWORK)
    yield
    world.engine.docker("network", "rm", NETWORK, check=False)


@pytest.fixture(scope="module", params=PLACES)
def place(request, world, new_workspace, network):
    image, user, network = PLACES[request.param]
    arguments = [f"--network={network}"] if network else []
    workspace = new_workspace(request.param, config(image, containerUser=user, runArgs=arguments))
    place = Place(world, workspace, image, user, network)
    yield place
    place.bare.remove()
    workspace.remove()


def test_listed_hosts_work_and_others_are_refused(place):
    place.check()


def test_exec_by_the_cli_does_too(place):
    program = ["curl", "-sS", f"http://{ALLOWED}/"] if place.has_curl else ["knock", ALLOWED, "80"]
    done = place.workspace.exec(*program)
    assert done.returncode == 0, done.stderr


def test_only_tables_of_egressd_are_added(place):
    """And Docker's rules for its own DNS are as in any container, up to the ports it chose."""
    def shape(table):
        return re.sub(r"(127.0.0.11:|sport )\d+", r"\1PORT", table)

    with_egressd, without = place.container.tables(), place.bare.tables()
    ours = {name for name in with_egressd if name.endswith(" egressd")}
    assert "inet egressd" in ours
    foreign = {name: shape(text) for name, text in with_egressd.items() if name not in ours}
    assert foreign == {name: shape(text) for name, text in without.items()}


def test_the_daemon_is_nobody_and_the_only_one(place):
    rows = place.container.sh('for p in /proc/[0-9]*; do grep -q "^Name:.egressd$" $p/status '
                              '2>/dev/null && grep -E "^(Uid|CapEff|NoNewPrivs)" $p/status; done; '
                              ':').stdout.split("\n")
    uids = [row.split()[1] for row in rows if row.startswith("Uid")]
    assert "65053" in uids, rows


def test_stop_and_start_again(place):
    """The network namespace is a new one then, with no rules in it."""
    place.world.engine.docker("stop", "--time", "2", place.container.name)
    again = place.workspace.must_up()
    assert again.details["Id"] == place.container.details["Id"]
    place.check()
