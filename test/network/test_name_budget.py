"""Names as a channel: below an allowed wildcard there is room for new ones, but not for much."""

import json
import pathlib
import random
import re

import pytest

from lab.daemon import ROOT, measure
from lab.lab import ALLOWED, ALLOWED_V4, EVIL, EVIL_V4, UPSTREAM
from lab.waiting import wait_until

WILD = "*.wide.test"
AT_ONCE, IN_ALL = 250, 1000  # as policy/name_budget.h has it
BLOCKED = 15

# Asks for random names as fast as they are answered, and tells what came of it.
FLOOD = """
import collections, json, os, select, socket, sys, time
server, below, count, kind = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
tail = b"".join(bytes([len(label)]) + label.encode() for label in below.split(".")) + b"\\0"
tail += kind.to_bytes(2, "big") + b"\\0\\1"
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.connect((server, 53))
client.setblocking(False)
rcodes, open_, sent = collections.Counter(), 0, 0
idle = time.monotonic()
while (sent < count or open_ > 0) and time.monotonic() - idle < 6:
    while sent < count and open_ < 100:
        label = os.urandom(16).hex().encode()
        try:
            client.send(os.urandom(2) + b"\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0"
                        + bytes([len(label)]) + label + tail)
        except OSError:
            break
        sent, open_ = sent + 1, open_ + 1
    select.select([client], [], [], 0.5)
    try:
        while True:
            rcodes[client.recv(4096)[3] & 15] += 1
            open_ -= 1
            idle = time.monotonic()
    except BlockingIOError:
        pass
print(json.dumps(rcodes))
"""


def flood(container, count, below="wide.test", kind=1):
    """{rcode: how many} of so many random names."""
    done = container.run(["/usr/bin/python3", "-I", "-c", FLOOD, UPSTREAM, below, count, kind],
                         uid=1000, timeout=900)
    return {int(rcode): number for rcode, number in json.loads(done.stdout).items()}


def asked_below(lab, suffix):
    return {question.lower for question in lab.dns.questions() if question.lower.endswith(suffix)}


def ede_text(answer):
    return next(option.text for option in answer.message.options if option.otype == BLOCKED)


def entry_of(egressd, written=WILD):
    return next(entry for entry in egressd.status()["entries"] if entry["entry"] == written)


@pytest.mark.leak("L6", "H52")
def test_ten_thousand_random_names(lab, container, zone):
    """Some get out, the rest are refused at once, here; whoever asks for others notices nothing."""
    zone.host(WILD, "198.51.100.7")
    flood(container, 50)
    assert len(asked_below(lab, ".wide.test")) == 50, "with egressd off each name gets out"
    egressd = lab.egressd(allow=[WILD, ALLOWED])
    egressd.wait_leased(ALLOWED_V4)
    assert container.dig("known.wide.test").addresses == ["198.51.100.7"]
    lab.forget()
    rcodes, elapsed = measure(lambda: flood(container, 10000))
    out = asked_below(lab, ".wide.test")
    assert AT_ONCE - 10 <= len(out) <= AT_ONCE + elapsed * AT_ONCE / 3600, "some come back by the hour"
    assert rcodes[0] == len(out) and rcodes[0] + rcodes[3] == 10000
    assert {packet.asked for packet in lab.witness.packets() if packet.asked} <= {*out, ALLOWED}

    answer = container.dig("one-more.wide.test", edns=0)
    assert (answer.rcode, answer.ede, answer.records) == ("NXDOMAIN", BLOCKED, [])
    assert not lab.dns.questions("one-more.wide.test")
    assert f"'{WILD}' has led to 250 new names within an hour" in ede_text(answer)
    assert "names" in ede_text(answer)
    assert container.resolve("one-more.wide.test").error == "EAI_NONAME"
    assert container.connect("known.wide.test", 443)
    assert container.connect(ALLOWED, 443)
    assert len(egressd.leased()) < 10

    warnings = re.findall(r"warning: .*policy.json:\d+:\d+: new names are refused.*", egressd.log())
    assert len(warnings) == 1 and WILD in warnings[0]
    status = egressd.status()
    names = entry_of(egressd)["names"]
    assert status["counters"]["questions_over_budget"] == names["refused"] >= 10000 - AT_ONCE
    assert names["used"] <= AT_ONCE and names["most"] == IN_ALL and names["standing"] == "resting"
    assert "questions for more refused" in egressd.ctl("status").stdout


@pytest.mark.leak("L6", "L34")
def test_explain_and_the_gate_say_the_same(lab, container, zone):
    zone.host(WILD, "198.51.100.7")
    egressd = lab.egressd(allow=[{"host": WILD, "names": 3}, ALLOWED])
    for number in range(3):
        assert egressd.ctl("explain", f"n{number}.wide.test").returncode == 0
        assert container.dig(f"n{number}.wide.test").rcode == "NOERROR"
    for name, rcode in (("n1.wide.test", "NOERROR"), ("n3.wide.test", "NXDOMAIN")):
        told = egressd.ctl("explain", name, check=False)
        assert told.returncode == (0 if rcode == "NOERROR" else 1)
        assert container.dig(name).rcode == rcode
    assert "has led to 3 new names, all it may" in " ".join(told.stdout.split())
    assert "policy.json:" in told.stdout and '"n3.wide.test"' in told.stdout
    assert entry_of(egressd)["names"] == {"most": 3, "used": 3, "refused": 1, "standing": "spent"}


@pytest.mark.leak("L6")
def test_a_name_that_leads_nowhere_costs_as_well(lab, container, zone):
    """Its question has left: NXDOMAIN, SERVFAIL and silence tell the zone's owner all the same."""
    def fail(question, reply):
        reply.rcode = "SERVFAIL" if question.lower.startswith("f") else "NXDOMAIN"

    zone.twist("*", fail)
    lab.egressd(allow=[{"host": WILD, "names": 20}])
    for number in range(15):
        container.dig(f"f{number}.wide.test")
        container.dig(f"n{number}.wide.test")
    assert len(asked_below(lab, ".wide.test")) == 20


@pytest.mark.leak("L6")
def test_a_long_name_counts_for_several(lab, container, zone):
    """What gets out is bounded in bytes: a name of 250 is worth four short ones."""
    zone.host(WILD, "198.51.100.7")
    lab.egressd(allow=[{"host": WILD, "names": 100}])
    for number in range(100):
        labels = [f"{number:03}" + "x" * 55] + ["y" * 55] * 3
        container.dig(".".join(labels) + ".wide.test")
    out = asked_below(lab, ".wide.test")
    assert len(out) == 25
    assert sum(len(name) - len(".wide.test") for name in out) <= 100 * 64


@pytest.mark.leak("L6")
def test_the_order_of_known_names_says_little(lab, container, zone):
    """TTL 0 would let a thousand names that are known be asked in any order, for ever."""
    zone.host(WILD, "198.51.100.7", ttl=0)
    egressd = lab.egressd(allow=[{"host": WILD, "names": 10}])
    names = [f"{letter}.wide.test" for letter in "abcdefgh"]
    for name in names:
        container.dig(name)
    lab.forget()
    dice = random.Random(6)
    answers, elapsed = measure(
        lambda: [container.dig(dice.choice(names)) for _ in range(1200)])
    assert all(answer.addresses == ["198.51.100.7"] for answer in answers), "all are answered"
    assert len(lab.dns.questions()) <= 400 + 2 * elapsed < 1200
    assert egressd.leased() == {"198.51.100.7"}


@pytest.mark.leak("L6")
def test_timers_and_docker_have_no_budget_of_their_own(lab, container, zone):
    docker = lab.docker_dns()
    zone.host(WILD, "198.51.100.7", ttl=1)
    egressd = lab.egressd(allow=[{"host": WILD, "names": 2}], refresh_min=1)
    container.dig("one.wide.test", server="127.0.0.11")
    assert "198.51.100.7" in docker.ask("two.wide.test")
    assert "198.51.100.7" not in docker.ask("three.wide.test")
    assert "198.51.100.7" in docker.ask("one.wide.test")
    before = egressd.status()["counters"]["refreshes"]
    wait_until(lambda: egressd.status()["counters"]["refreshes"] > before + 1, "timer")
    assert asked_below(lab, ".wide.test") == {"one.wide.test", "two.wide.test"}


@pytest.mark.leak("L6")
def test_more_names_by_reload_and_none_lost(lab, container, zone):
    """What is spent stays spent through a reload; a larger number counts at once. A restart begins
    anew: what was asked is remembered as long as the daemon lives."""
    zone.host(WILD, "198.51.100.7")
    egressd = lab.egressd(allow=[{"host": WILD, "names": 2}, ALLOWED])

    def rcode(name):
        return container.dig(f"{name}.wide.test").rcode

    assert [rcode(name) for name in "abc"] == ["NOERROR", "NOERROR", "NXDOMAIN"]
    egressd.reload({"allow": [{"host": WILD, "names": 2}]})
    assert [rcode(name) for name in "abc"] == ["NOERROR", "NOERROR", "NXDOMAIN"]
    egressd.reload({"allow": [{"host": WILD, "names": 3}]})
    assert [rcode(name) for name in "abcd"] == ["NOERROR"] * 3 + ["NXDOMAIN"]
    egressd.restart(crash=True)
    assert [rcode(name) for name in "defg"] == ["NOERROR"] * 3 + ["NXDOMAIN"]


@pytest.mark.leak("L6")
def test_the_most_specific_entry_pays(lab, container, zone):
    """The one that the verdict names; a name that is listed itself costs nobody anything."""
    zone.host("*.wide.test", "198.51.100.7")
    egressd = lab.egressd(allow=[{"host": "*.wide.test", "names": 2}, "listed.deep.wide.test",
                                 {"host": "*.deep.wide.test", "names": 1}])

    def rcode(name):
        return container.dig(f"{name}.wide.test").rcode

    assert [rcode(name) for name in ("a.deep", "b.deep", "listed.deep", "a", "b", "c")] == [
        "NOERROR", "NXDOMAIN", "NOERROR", "NOERROR", "NOERROR", "NXDOMAIN"]
    assert entry_of(egressd, "*.deep.wide.test")["names"]["used"] == 1


def resident_mib(egressd):
    return sum(int(re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status")
                             .read_text()).group(1)) for pid in egressd.processes()) / 1024


@pytest.mark.leak("H52")
def test_a_hundred_thousand_names_at_full_speed(lab, container, zone, monkeypatch):
    """Below a wildcard and refused ones: memory stays small, and others are answered. Of the binary
    that is shipped, as sanitizers need memory of their own."""
    release = ROOT / "build/release/egressd"
    if not release.exists():
        pytest.skip("needs build/release")
    monkeypatch.setenv("EGRESSD_BUILD", "build/release")
    zone.host(WILD, "198.51.100.7")
    egressd = lab.egressd(allow=[WILD, ALLOWED, "*.fast.test"])
    zone.host("*.fast.test", "198.51.100.8")
    lab.forget()
    others = container.agent(another="others")
    others.begin("many", name="{}.fast.test", port=80, count=200, clients=1)
    rcodes = flood(container, 100000)
    assert sum(rcodes.values()) >= 99000, "answered, all but what UDP loses"
    refused = flood(container, 20000, below="evil.test", kind=28)
    assert refused[3] >= 19800
    outcome = others.finish()
    assert (outcome.done, outcome.failed) == (200, 0), outcome
    assert len(asked_below(lab, ".wide.test")) <= AT_ONCE + 5
    assert not asked_below(lab, ".evil.test")
    assert resident_mib(egressd) < 32
    assert len(egressd.leases()) < 1000
    assert container.resolve(EVIL).error == "EAI_NONAME"
    assert container.connect(EVIL_V4, 443).error == "ECONNREFUSED"
