"""test/breakout in a real container, as the user whom VS Code would run things as."""

import pytest

from probes import assert_nothing_gets_out, config

NETWORK = "breakout_net"
NETWORK_V6 = "2001:db8:d:4::/64"
NETWORKS = {"default": [], "network": [f"--network={NETWORK}"]}


@pytest.fixture(scope="module", params=NETWORKS)
def network(request, world):
    world.engine.docker("network", "create", "--ipv6", "--subnet", NETWORK_V6, NETWORK)
    yield NETWORKS[request.param]
    world.engine.docker("network", "rm", NETWORK, check=False)


@pytest.mark.leak("L1", "L2", "L3", "L4", "L5", "L7", "L8", "L9", "L10", "L11", "L17", "L18",
                  "L19", "L29", "L31", "L32", "L35", "L36", "L37", "L38", "L39", "H20", "H27",
                  "H28", "H31", "H32", "H33", "H34", "H35", "H36", "H37", "H43", "H44", "H53")
def test_nothing_gets_out_of_a_real_container(world, new_workspace, network):
    workspace = new_workspace(f"breakout{len(network)}", config(remoteUser="dev", runArgs=network))
    container = workspace.must_up()
    bare = world.bare("debian:12", *network)
    try:
        assert_nothing_gets_out(world, container, bare)
    finally:
        bare.remove()
        workspace.remove()
