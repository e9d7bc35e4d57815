"""Forged and broken answers: no state changes, and the honest answer still gets through."""

import struct

import pytest

from lab import dns_zone
from lab.dns_wire import TYPES, encode_name
from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL_V4, EVIL_V6

FORGERIES = ["wrong_id", "wrong_question", "wrong_type", "wrong_port", "no_question",
             "two_questions"]


@pytest.mark.leak("H27")
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_answer_before_the_honest_one(lab, container, zone, forgery):
    probe = lab.prove_open(lambda: container.connect(EVIL_V4, 443), destination=EVIL_V4)
    zone.twist(ALLOWED, getattr(dns_zone, forgery))
    egressd = lab.egressd(allow=[ALLOWED])
    outcome = container.resolve(ALLOWED)
    assert set(outcome.addresses) == {ALLOWED_V4, ALLOWED_V6}
    assert egressd.leased() == {ALLOWED_V4, ALLOWED_V6}
    probe.refused("ECONNREFUSED")


@pytest.mark.leak("H27")
def test_the_case_of_the_question_must_come_back(lab, container, zone):
    """0x20: whoever did not see the question cannot know its capital letters."""
    zone.twist(ALLOWED, dns_zone.wrong_case)
    egressd = lab.egressd(allow=[ALLOWED])
    assert container.dig(ALLOWED).addresses == [ALLOWED_V4]
    assert {EVIL_V4, EVIL_V6}.isdisjoint(egressd.leased())


@pytest.mark.leak("H27")
def test_an_upstream_that_mangles_case_still_works(lab, container, zone):
    """Some resolvers answer in lower case: the answer is had some other way."""
    def lower(question, reply):
        reply.name = reply.name.lower()
        for record in reply.answer:
            record.owner = record.owner.lower()

    zone.twist(ALLOWED, lower)
    lab.egressd(allow=[ALLOWED])
    answer = container.dig(ALLOWED)
    assert answer.addresses == [ALLOWED_V4] and answer.elapsed < 5


@pytest.mark.leak("H27")
def test_a_storm_of_forgeries(lab, container, zone):
    """A hundred guesses at the id before the honest answer: no guess is taken."""
    def storm(question, reply):
        lies = []
        if question.transport == "tcp":
            return reply
        for guess in range(1, 101):
            lie = dns_zone.wrong_id(question, reply)[0]
            lie.id = (reply.id + guess) & 0xffff
            lies.append(lie)
        return [*lies, reply]

    zone.twist(ALLOWED, storm)
    egressd = lab.egressd(allow=[ALLOWED])
    assert container.dig(ALLOWED).addresses == [ALLOWED_V4]
    assert egressd.leased() <= {ALLOWED_V4, ALLOWED_V6}


@pytest.mark.leak("H27")
def test_an_answer_after_the_honest_one(lab, container, zone):
    def late(question, reply):
        if question.transport == "tcp":
            return reply
        lie = dns_zone.wrong_type(question, reply)[0]
        lie.type = reply.type
        lie.delay_s = 0.05
        return [reply, lie]

    zone.twist(ALLOWED, late)
    egressd = lab.egressd(allow=[ALLOWED])
    for _ in range(20):
        assert container.dig(ALLOWED).addresses == [ALLOWED_V4]
    assert egressd.leased() <= {ALLOWED_V4, ALLOWED_V6}


def answer_with(body, answers=1):
    """Twist: an honest header and question, then these bytes in place of the records."""
    def twist(question, reply):
        head = struct.pack("!6H", question.id, 0x8180, 1, answers, 0, 0)
        return (head + encode_name(question.name)
                + struct.pack("!HH", TYPES[question.type], question.klass) + body)

    return twist


EVIL_RDATA = bytes(map(int, EVIL_V4.split(".")))
MALFORMED = {
    "no record though promised": b"",
    "pointer to itself": b"\xc0\xff\0\1\0\1\0\0\0\x3c\0\4" + EVIL_RDATA,
    "pointer forward": b"\xc0\x40\0\1\0\1\0\0\0\x3c\0\4" + EVIL_RDATA,
    "pointer into the header": b"\xc0\x02\0\1\0\1\0\0\0\x3c\0\4" + EVIL_RDATA,
    "odd label type": b"\x80\x0c\0\1\0\1\0\0\0\x3c\0\4" + EVIL_RDATA,
    "data longer than said": b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\3" + EVIL_RDATA,
    "data shorter than said": b"\xc0\x0c\0\1\0\1\0\0\0\x3c\xff\xff" + EVIL_RDATA,
    "address of five bytes": b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\5" + EVIL_RDATA + b"\1",
    "address of no bytes": b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\0",
    "other class": b"\xc0\x0c\0\1\0\3\0\0\0\x3c\0\4" + EVIL_RDATA,
    "alias past its data": b"\xc0\x0c\0\5\0\1\0\0\0\x3c\0\2\x3fa",
    "alias with a zero byte": (b"\xc0\x0c\0\5\0\1\0\0\0\x3c\0\x0e\x07allowed\0\4te\0t\0"),
}


@pytest.mark.leak("H23")
def test_malformed_answers_open_nothing(lab, container, zone):
    """None is learned, each is answered within a stub's patience, and others are not disturbed."""
    names = {}
    for number, (what, body) in enumerate(MALFORMED.items()):
        name = f"bad{number}.test"
        names[name] = what
        zone.twist(name, answer_with(body))
        zone.host(name, EVIL_V4)
    zone.twist("cut.test", dns_zone.malformed(lambda question, honest: honest[:-14]))
    zone.twist("noise.test", dns_zone.malformed(lambda question, honest: b"\xff" * 40))
    zone.twist("tiny.test", dns_zone.malformed(lambda question, honest: honest[:5]))
    for name in ("cut.test", "noise.test", "tiny.test"):
        names[name] = name
        zone.host(name, EVIL_V4)
    egressd = lab.egressd(allow=[*names, ALLOWED])
    agents = [(what, container.agent(another=name), name) for name, what in names.items()]
    for _, agent, name in agents:
        agent.begin("ask", wire=(struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + encode_name(name)
                                 + b"\0\1\0\1").hex(), server="192.0.2.53", port=53, timeout=6)
    assert container.dig(ALLOWED).addresses == [ALLOWED_V4]
    for what, agent, _ in agents:
        outcome = agent.finish()
        assert outcome and outcome.elapsed < 5, (what, outcome)
        reply = bytes.fromhex(outcome.reply)
        assert EVIL_RDATA not in reply and reply[6:8] == b"\0\0", what
    assert egressd.leased() <= {ALLOWED_V4, ALLOWED_V6}
    assert container.connect(EVIL_V4, 443).error == "ECONNREFUSED"
