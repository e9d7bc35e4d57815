"""test/breakout in a real container, as the user whom VS Code would run things as."""

import pathlib
import re

import pytest

from lab.lab import ALLOWED, EVIL, EVIL_V4, EVIL_V6
from probes import assert_unseen, config

BREAKOUT = pathlib.Path(__file__).resolve().parents[1] / "breakout"
INSIDE = "/usr/local/bin/breakout"
NETWORK = "breakout_net"
NETWORK_V6 = "2001:db8:d:4::/64"
NETWORKS = {"default": [], "network": [f"--network={NETWORK}"]}
NOTHING_GOT_OUT, SOMETHING_GOT_OUT = 0, 1
TRIED_IN_VAIN = ["--refused", EVIL_V4, "--refused", EVIL_V6, "--refused-name", EVIL,
                 "--resolver", "192.0.2.53"]


@pytest.fixture(scope="module", params=NETWORKS)
def network(request, world):
    world.engine.docker("network", "create", "--ipv6", "--subnet", NETWORK_V6, NETWORK)
    yield NETWORKS[request.param]
    world.engine.docker("network", "rm", NETWORK, check=False)


def breakout(world, container, *options):
    """Exit code, row -> what was found, and the text, for whom the image has no root."""
    world.engine.docker("cp", BREAKOUT, f"{container.name}:{INSIDE}")
    done = container.run("python3", INSIDE, *TRIED_IN_VAIN, *options, user="dev", check=False,
                         timeout=170)
    rows = dict(re.findall(r"^([LH]\d+) +(closed|OPEN|skipped) ", done.stdout, re.MULTILINE))
    return done.returncode, rows, done.stdout + done.stderr


@pytest.mark.leak("L1", "L2", "L3", "L4", "L5", "L7", "L8", "L9", "L10", "L11", "L17", "L18",
                  "L19", "L29", "L31", "L32", "L35", "L36", "L37", "L38", "L39", "H20", "H27",
                  "H28", "H31", "H32", "H33", "H34", "H35", "H36", "H37", "H43", "H44", "H53")
def test_nothing_gets_out_of_a_real_container(world, new_workspace, network):
    workspace = new_workspace(f"breakout{len(network)}", config(remoteUser="dev", runArgs=network))
    container = workspace.must_up()
    bare = world.bare("debian:12", *network)
    try:
        code, open_rows, text = breakout(world, bare, "--allowed", f"{ALLOWED}:443")
        assert code == SOMETHING_GOT_OUT, text
        world.forget()
        code, rows, text = breakout(world, container)
        assert code == NOTHING_GOT_OUT, text
        assert_unseen(world)
        # What is open without egressd is closed with it, not merely skipped.
        assert {row for row, found in open_rows.items() if found == "OPEN"} == {
            row for row, found in rows.items() if found == "closed"
            and open_rows[row] == "OPEN"}, text
        assert len([found for found in open_rows.values() if found == "OPEN"]) > 15
    finally:
        bare.remove()
        workspace.remove()
