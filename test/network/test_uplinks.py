"""The interfaces by which packets leave: each has its backstop, and what is legitimate passes."""

import subprocess

import pytest

from lab import raw
from lab.internet import CONTAINER_V4, CONTAINER_V6, GATEWAY_V4, GATEWAY_V6
from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL_V4
from lab.waiting import wait_until

EXPERIMENTAL = 0x88b5


def chains(container):
    return {line.split()[1] for line in container.nft(
        "list", "table", "netdev", "egressd", check=False).splitlines() if "chain " in line}


def speak(container, device):
    """Whether a packet socket may send on the device."""
    return raw.send(container, [dict(do="frame", device=device, kind=EXPERIMENTAL,
                                     body=b"<secret>".ljust(46))])[0]


def second_cable(lab, name="eth1"):
    """As docker network connect lays one: made outside, given a name and an address, then up."""
    lab.internet.machine.ip(f"link add net1 type veth peer name tmp1 netns {lab.container.pid}",
                            "addr add 172.31.0.1/24 dev net1", "link set net1 up")
    lab.container.ip(f"link set tmp1 name {name}", f"addr add 172.31.0.2/24 dev {name}",
                     f"link set {name} up")


@pytest.mark.leak("H34")
def test_an_interface_that_comes_later(lab, container):
    egressd = lab.egressd(allow=[ALLOWED, "172.31.0.1:443"])
    assert chains(container) == {"lo", "eth0"}
    second_cable(lab)
    wait_until(lambda: chains(container) == {"lo", "eth0", "eth1"}, "a chain for eth1")
    assert speak(container, "eth1").error == "ENOBUFS"
    assert container.connect("172.31.0.1", 443)
    assert container.connect("172.31.0.1", 80).error == "ECONNREFUSED"

    container.ip("link set eth1 down", "link set eth1 name other", "link set other up")
    wait_until(lambda: chains(container) == {"lo", "eth0", "other"}, "a chain of the new name")
    assert speak(container, "other").error == "ENOBUFS"

    container.ip("link del other")
    wait_until(lambda: chains(container) == {"lo", "eth0"}, "the chain's end")
    assert container.connect(ALLOWED_V4, 443)
    assert egressd.status()["state"] == "enforcing" and not egressd.weaknesses()
    assert "tampered" not in egressd.log(), "an interface that goes is no damage"


@pytest.mark.leak("H34", "H35")
def test_interfaces_of_the_time_without_a_daemon(lab, container):
    egressd = lab.egressd(allow=[ALLOWED])
    egressd.kill9()
    second_cable(lab)
    assert speak(container, "eth1"), "documented: nobody was there to put a chain in place"
    assert speak(container, "eth0").error == "ENOBUFS"
    egressd.start()
    assert chains(container) == {"lo", "eth0", "eth1"}
    assert speak(container, "eth1").error == "ENOBUFS"


@pytest.mark.leak("L30", "L37", "H34")
def test_containers_on_a_bridge_in_here(lab, container):
    """They speak with each other and with us, reach what is allowed, and nothing else."""
    inner = lab.nested(), lab._machine("other")
    # Where br_netfilter is loaded, frames between the two would be judged as if they were leaving.
    container.run(["sysctl", "-qe", "-w", "net.bridge.bridge-nf-call-iptables=0",
                   "net.bridge.bridge-nf-call-ip6tables=0"])
    container.ip("addr flush dev inner0", "link add br-inner type bridge",
                 "addr add 10.99.0.1/24 dev br-inner", "addr add fd99::1/64 dev br-inner nodad",
                 "link set br-inner up", "link set inner0 master br-inner",
                 f"link add inner1 type veth peer name eth0 netns {inner[1].pid}",
                 "link set inner1 master br-inner up")
    inner[1].ip("addr add 10.99.0.3/24 dev eth0", "addr add fd99::3/64 dev eth0 nodad",
                "link set eth0 up", "route add default via 10.99.0.1",
                "route add default via fd99::1")
    reach = [("10.99.0.3", inner[0]), ("fd99::3", inner[0]), ("10.99.0.1", inner[0]),
             ("10.99.0.2", container), ("fd99::2", container), (CONTAINER_V4, inner[1])]
    wait_until(lambda: all(machine.ping(address, 0.2) for address, machine in reach), "bridge")
    out = raw.ethernet_to(container, "br-inner", 0x0800, raw.ipv4(
        "10.99.0.2", EVIL_V4, raw.UDP, raw.udp(b"<inner secret>")))
    lab.forget()
    assert raw.send(inner[0], [out])[0]
    wait_until(lambda: lab.witness.carried(b"<inner secret>"), "a frame of the inner container")

    lab.egressd(allow=[f"{ALLOWED}:443"]).wait_leased(ALLOWED_V4, ALLOWED_V6)
    assert chains(container) == {"lo", "eth0"}, "a bridge and its ports lead to containers in here"
    for address, machine in reach[:3]:
        assert machine.ping(address), address
    lab.forget()
    assert raw.send(inner[0], [out])[0]
    assert inner[1].connect(ALLOWED_V4, 443) and inner[1].connect(ALLOWED_V6, 443)
    assert inner[1].connect(EVIL_V4, 443).error == "ECONNREFUSED"
    assert not lab.witness.carried(b"<inner secret>")


@pytest.mark.leak("H34")
def test_what_the_ip_stack_sends_passes(lab, container):
    """Bulk in large segments, neighbours of both families, multicast reports, answers, realms."""
    lab.egressd(allow=[f"{ALLOWED}:8443", f"{ALLOWED}:443"]).wait_leased(ALLOWED_V4, ALLOWED_V6)
    container.ip(f"route change default via {GATEWAY_V4} realm 7")
    lab.forget()

    def asks_for_a_neighbour():
        container.run(["ip", "neigh", "flush", "dev", "eth0"])
        assert container.connect(ALLOWED_V4, 443)
        return lab.witness.carried(b"\x08\x06\0\1\x08\0\6\4")

    # Unless the gateway asks first, from which one learns as well.
    wait_until(asks_for_a_neighbour, "a question for an IPv4 neighbour")
    for address in (ALLOWED_V4, ALLOWED_V6):
        flow = container.open(address, 8443)
        assert len(bytes.fromhex(flow.echo(b"bulk" * 100_000, timeout=10).reply)) > 0
    join = ("import socket, struct; s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM);"
            "s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton("
            "socket.AF_INET6, 'ff15::77') + struct.pack('I', socket.if_nametoindex('eth0')));"
            "input()")
    with subprocess.Popen(container.command(["/usr/bin/python3", "-c", join], uid=1000),
                          stdin=subprocess.PIPE) as member:
        group = bytes.fromhex("ff150000000000000000000000000077")
        wait_until(lambda: lab.witness.carried(group), "the report of a multicast listener")
        member.communicate(b"\n")
    assert lab.internet.machine.ping(CONTAINER_V4) and lab.internet.machine.ping(CONTAINER_V6)
    assert container.ping(GATEWAY_V6).error  # and what is not allowed does not


@pytest.mark.leak("L16", "H35", "H53")
@pytest.mark.parametrize("how", ["flush chain netdev egressd eth0", "delete table netdev egressd",
                                 "add rule netdev egressd eth0 accept"])
def test_the_backstop_comes_back(lab, container, how):
    """Root may take it away where the kernel knows no owners, but not for long."""
    egressd = lab.egressd(allow=[ALLOWED], lacks=["owner"])
    container.nft(*how.split())
    wait_until(lambda: egressd.status()["kernel"]["restored"], "repair")
    wait_until(lambda: speak(container, "eth0").error == "ENOBUFS", "the backstop's return")
    assert container.connect(ALLOWED_V4, 443)
