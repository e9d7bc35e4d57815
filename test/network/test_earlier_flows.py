"""Flows that are older than the rules: a redirect is chosen when a flow begins, so these would
go on past the gate if nobody ended them."""

import struct

import pytest

from lab.dns_wire import encode_name
from lab.lab import ALLOWED, EVIL, EVIL_V4, UPSTREAM, UPSTREAM_V6
from lab.waiting import wait_until

SERVERS = [UPSTREAM, UPSTREAM_V6, "198.51.100.53", "2001:db8:9::9"]


def question(name, tcp):
    wire = struct.pack("!6H", 5, 0x100, 1, 0, 0, 0) + encode_name(name) + b"\0\1\0\1"
    return struct.pack("!H", len(wire)) + wire if tcp else wire


@pytest.mark.leak("H29")
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("server", SERVERS)
def test_questions_on_a_flow_from_before(lab, container, server, tcp):
    """c-ares keeps one socket per server; a DNS stream may live for ever."""
    flow = container.open(server, 53, udp=not tcp)
    assert flow.echo(question(EVIL, tcp)), "without egressd the flow works"
    assert lab.dns.questions(EVIL)
    lab.egressd(allow=[ALLOWED])
    lab.forget()
    for _ in range(3):
        outcome = flow.echo(question(EVIL, tcp), timeout=0.5)
        assert bytes([203, 0, 113, 66]) not in bytes.fromhex(getattr(outcome, "reply", ""))
    assert not lab.dns.questions(EVIL)
    assert not [packet for packet in lab.strays([ALLOWED]) if packet.payload]


def track_flows(container):
    """Somebody else's table makes the kernel track flows, from the next packet on."""
    container.run(["nft", "add table inet early; add chain inet early in "
                   "{ type filter hook input priority 0; }; add rule inet early in ct state new"])


@pytest.mark.leak("H30", "L29")
@pytest.mark.parametrize("tracked", [False, True], ids=["", "tracked"])
@pytest.mark.parametrize("server", SERVERS[:2])
def test_a_server_that_keeps_sending_revives_nothing(lab, container, zone, server, tracked):
    """Its packets would make a flow of their own, in which ours are mere replies.

    By chance they do even if nothing was tracked before: while the table is being loaded, the
    kernel begins to track a moment before the rules are in force.
    """
    def for_seconds(asked, reply):
        copies = []
        for number in range(1500):
            again = reply.copy()
            again.delay_s = number * 0.01
            copies.append(again)
        return copies

    zone.twist(EVIL, for_seconds)
    flow = container.open(server, 53, udp=True)
    assert flow.echo(question(EVIL, False))
    if tracked:
        track_flows(container)
        wait_until(lambda: container.run(["conntrack", "-L", "-p", "udp", "--sport", "53"]).stdout,
                   "a flow that begins with the server's packet")
    lab.egressd(allow=[ALLOWED])
    lab.forget()
    for number in range(20):
        flow.send(question(f"x{number}.{EVIL}", False))
    assert not [asked for asked in lab.dns.log if asked.lower.endswith(EVIL)]
    assert not [packet for packet in lab.strays([ALLOWED]) if (packet.asked or "").endswith(EVIL)]


@pytest.mark.leak("H29", "H54")
@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
def test_a_new_flow_beside_an_old_one_is_refused(lab, container, udp):
    """An old connection of another kind opens no door for new ones."""
    container.open(EVIL_V4, 123 if udp else 5432, udp=udp)
    lab.egressd(allow=[ALLOWED])
    outcome = container.udp(EVIL_V4, 443) if udp else container.connect(EVIL_V4, 5432)
    assert outcome.error in ("ECONNREFUSED", "EPERM", "EACCES")
