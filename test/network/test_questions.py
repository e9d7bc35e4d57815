"""What the upstream sees: questions that egressd made itself, and nothing of the client in them."""

import itertools
import struct
import subprocess

import dns.edns
import pytest

from lab.dns_wire import encode_name
from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL_V4

OPTIONS = [dns.edns.GenericOption(10, b"8 bytes!"),  # cookie
           dns.edns.GenericOption(65001, b"a secret to carry out"),
           dns.edns.ECSOption("198.51.100.0", 24)]


@pytest.mark.leak("L7", "H25")
def test_case_and_edns_of_the_client_stay_inside(lab, container, zone):
    """The client's capital letters could spell a message: upstream sees others, or none."""
    zone.host("*.wide.test", ALLOWED_V4)
    lab.egressd(allow=["*.wide.test"])
    sent = [f"mEsSaGeInCaPiTaLs{number}.WiDe.TeSt" for number in range(8)]
    for name in sent:
        answer = container.dig(name, edns=0, edns_options=OPTIONS)
        assert answer.addresses == [ALLOWED_V4]
        assert name in str(answer.message.question[0].name), "a client is owed its own spelling"
    seen = lab.dns.questions()
    assert {question.lower for question in seen} == {name.lower() for name in sent}
    assert not {question.name for question in seen} & set(sent)
    assert {question.edns_options for question in seen} == {()}
    assert {question.extra_records for question in seen} == {0}
    assert len({question.wire[2:4] for question in seen}) == 1, "flags vary"
    assert len({question.id for question in seen}) > 1
    assert len({question.source[1] for question in seen}) > 1


@pytest.mark.leak("L7", "H20")
def test_other_types_of_an_allowed_name_are_empty(lab, container):
    """A and AAAA are asked; the rest would be a way to carry words in and out."""
    lab.egressd(allow=[ALLOWED])
    for type in ("TXT", "ANY", "MX", "SRV", "NULL", "CNAME", "NS", "SOA", "PTR", "TYPE65280"):
        answer = container.dig(ALLOWED, type)
        assert (answer.rcode, answer.records) == ("NOERROR", []), type
    assert {question.type for question in lab.dns.questions()} <= {"A", "AAAA"}


@pytest.mark.leak("H19")
@pytest.mark.parametrize("type", ["HTTPS", "SVCB"])
def test_service_bindings_are_empty(lab, container, zone, type):
    """Their hints are addresses that nobody leased, and their keys hide what is asked."""
    hints = (struct.pack("!H", 1) + encode_name(".") + struct.pack("!HH4s", 4, 4, bytes(
        map(int, EVIL_V4.split(".")))))
    zone.record(ALLOWED, type, hints)
    assert container.dig(ALLOWED, type).records
    egressd = lab.egressd(allow=[ALLOWED])
    answer = container.dig(ALLOWED, type)
    assert (answer.rcode, answer.records) == ("NOERROR", [])
    assert EVIL_V4 not in egressd.leased()


@pytest.mark.leak("L7")
def test_other_classes_stay_inside(lab, container):
    lab.egressd(allow=[ALLOWED])
    lab.forget()
    for name, klass in itertools.product(("version.bind", ALLOWED), ("CH", "HS", "ANY")):
        answer = container.dig(name, "TXT", klass=klass)
        assert answer.rcode in ("REFUSED", "NXDOMAIN", "NOTIMP", "NOERROR"), (name, klass)
        assert not answer.records
    assert not lab.strays([ALLOWED])
    assert {question.klass for question in lab.dns.questions()} <= {1}


@pytest.mark.parametrize("name", ["10.113.0.203.in-addr.arpa", "66.113.0.203.in-addr.arpa"])
def test_reverse_names_do_not_leave(lab, container, name):
    """Answered here at once, whether or not the address is leased."""
    assert container.dig(name, "PTR")
    egressd = lab.egressd(allow=[ALLOWED])
    egressd.wait_leased(ALLOWED_V4)
    lab.forget()
    answer = container.dig(name, "PTR")
    assert answer.rcode in ("NXDOMAIN", "NOERROR")
    assert not lab.strays([ALLOWED])


@pytest.mark.leak("H28")
@pytest.mark.parametrize("server", ["192.0.2.53", "2001:db8:53::53", "127.0.0.1"])
def test_an_answer_sent_by_the_client_teaches_nothing(lab, container, server):
    """A packet with QR=1 that claims allowed.test is at the attacker's address."""
    egressd = lab.egressd(allow=[ALLOWED])
    egressd.wait_leased(ALLOWED_V4, ALLOWED_V6)
    lab.forget()
    question = encode_name(ALLOWED) + struct.pack("!HH", 1, 1)
    record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + bytes([203, 0, 113, 66])
    for identity in range(50):
        forged = struct.pack("!6H", identity, 0x8180, 1, 1, 0, 0) + question + record
        container.udp(server, 53, forged, timeout=0.002)
    assert egressd.leased() == {ALLOWED_V4, ALLOWED_V6}
    assert container.connect(EVIL_V4, 443).error == "ECONNREFUSED"
    assert not lab.witness.packets(destination=EVIL_V4)
    assert not lab.strays([ALLOWED])


MALFORMED = {
    "empty": b"", "short": b"\0\1\1", "header only": struct.pack("!6H", 1, 0x100, 0, 0, 0, 0),
    "cut in the name": struct.pack("!6H", 1, 0x100, 1, 0, 0, 0) + b"\x07allo",
    "loop": struct.pack("!6H", 1, 0x100, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1",
    "two questions": (struct.pack("!6H", 1, 0x100, 2, 0, 0, 0)
                      + (encode_name(ALLOWED) + b"\0\1\0\1") + (encode_name("evil.test")
                                                                + b"\0\1\0\1")),
    "long label": struct.pack("!6H", 1, 0x100, 1, 0, 0, 0) + b"\x7f" + b"a" * 127 + b"\0\0\1\0\1",
    "long name": (struct.pack("!6H", 1, 0x100, 1, 0, 0, 0) + (b"\x3f" + b"a" * 63) * 5
                  + b"\0\0\1\0\1"),
    "dot in a label": (struct.pack("!6H", 1, 0x100, 1, 0, 0, 0) + b"\x0callowed.test\0"
                       + b"\0\1\0\1"),
    "zero in a label": (struct.pack("!6H", 1, 0x100, 1, 0, 0, 0) + b"\x08allowed\0\x04test\0"
                        + b"\0\1\0\1"),
    "update": struct.pack("!6H", 1, 0x2900, 1, 0, 0, 0) + encode_name(ALLOWED) + b"\0\6\0\1",
    "notify": struct.pack("!6H", 1, 0x2100, 1, 0, 0, 0) + encode_name(ALLOWED) + b"\0\6\0\1",
    "answers promised": (struct.pack("!6H", 1, 0x100, 1, 9, 9, 9) + encode_name(ALLOWED)
                         + b"\0\1\0\1"),
}


@pytest.mark.leak("H23")
def test_malformed_questions_stay_inside(lab, container):
    """None of them is passed on, none is answered with an address, none hurts."""
    egressd = lab.egressd(allow=["*.other.test"])
    for what, wire in MALFORMED.items():
        for tcp in (False, True):
            lab.forget()
            outcome = container.agent().call("ask", wire=wire.hex(), server="192.0.2.53", port=53,
                                             tcp=tcp, timeout=0.1)
            reply = bytes.fromhex(outcome.reply) if outcome else b""
            assert reply[3:4] == b"" or reply[3] & 15, (what, reply)
            assert not lab.strays(), what
    assert egressd.processes()
    assert container.dig("evil.test").rcode == "NXDOMAIN"


@pytest.mark.leak("H52")
def test_idle_streams_do_not_starve_others(lab, container):
    """Five hundred connections to the gate that never ask anything."""
    lab.egressd(allow=[ALLOWED])
    idle = ("import socket, sys\n"
            "kept = [socket.create_connection(('192.0.2.53', 53), 60) for _ in range(500)]\n"
            "kept[0].send(b'\\0'); kept[1].send(b'\\0\\x20\\0')\n"
            "print('held', flush=True); sys.stdin.read()\n")
    with subprocess.Popen(container.command(["/usr/bin/python3", "-c", idle], uid=1000),
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as holder:
        assert holder.stdout.readline() == b"held\n"
        answer = container.dig(ALLOWED)
        assert answer.addresses == [ALLOWED_V4]
        holder.stdin.close()


def test_several_questions_on_one_stream(lab, container):
    """RFC 7766: pipelined, and cut where it hurts."""
    lab.egressd(allow=[ALLOWED])
    flow = container.open("192.0.2.53", 53)
    wires = [struct.pack("!6H", number, 0x100, 1, 0, 0, 0) + encode_name(ALLOWED) + b"\0\1\0\1"
             for number in (1, 2, 3)]
    stream = b"".join(struct.pack("!H", len(wire)) + wire for wire in wires)
    flow.send(stream[:1])
    flow.send(stream[1:40])
    replies, rest = b"", stream[40:]
    while replies.count(bytes([203, 0, 113, 10])) < 3:
        outcome = flow.echo(rest)
        assert outcome, (outcome, replies)
        replies, rest = replies + bytes.fromhex(outcome.reply), b""
