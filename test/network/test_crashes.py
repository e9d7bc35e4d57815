"""kill -9, SIGSTOP, restart: closed all the time, and what is open stays open."""

import pytest

from lab import dns_zone
from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL, EVIL_V4, EVIL_V6
from lab.waiting import wait_until

EVIL_TARGETS = [(EVIL_V4, 443), (EVIL_V6, 443)]


def assert_none_but_to_allowed(packets):
    """The end of a connection that was allowed may still be on its way."""
    assert not [packet for packet in packets
                if packet.destination not in (ALLOWED_V4, ALLOWED_V6)]


def assert_closed(lab, container):
    """Neither an address nor a name that is not on the list gets anywhere."""
    lab.forget()
    for address, port in EVIL_TARGETS:
        assert container.connect(address, port).error == "ECONNREFUSED"
    assert not container.dig(EVIL, timeout=0.3).addresses
    assert not container.dig(EVIL, server="198.51.100.53", tcp=True, timeout=0.3).addresses
    assert_none_but_to_allowed(lab.strays([ALLOWED]))


@pytest.fixture
def both_open(lab, container):
    """The probes of this file do succeed without egressd."""
    for address, port in EVIL_TARGETS:
        lab.prove_open(lambda: container.connect(address, port), destination=address)
    lab.prove_open(lambda: container.dig(EVIL, server="198.51.100.53", tcp=True))


@pytest.mark.leak("H50", "L23", "L24")
def test_after_kill_nine_nothing_opens(lab, container, both_open):
    """Leases and flows stand, names fail; a new daemon takes over what it finds."""
    egressd = lab.egressd(allow=[ALLOWED, f"{ALLOWED}:5432"])
    flow4, flow6 = (container.open(ALLOWED, 5432, family=family) for family in (4, 6))
    egressd.kill9()
    assert_closed(lab, container)
    assert container.connect(ALLOWED_V4, 443) and container.connect(ALLOWED_V6, 443)
    assert flow4.echo() and flow6.echo()
    egressd.start()
    assert flow4.echo() and flow6.echo()
    assert container.connect(ALLOWED, 443)
    assert container.resolve(EVIL).error == "EAI_NONAME"
    assert_closed(lab, container)


@pytest.mark.leak("H50")
def test_frozen_it_is_closed(lab, container, both_open):
    egressd = lab.egressd(allow=[ALLOWED, "*.late.test"])
    assert container.connect(ALLOWED, 443)
    egressd.freeze()
    assert_closed(lab, container)
    assert not container.dig("new.late.test", timeout=0.3)
    assert container.connect(ALLOWED_V4, 443)
    assert not lab.dns.log
    egressd.thaw()
    assert wait_until(lambda: container.resolve(ALLOWED), "the daemon thawed")
    assert container.resolve(EVIL).error == "EAI_NONAME"


@pytest.mark.leak("H50", "L24", "L25")
@pytest.mark.parametrize("crash", [False, True], ids=["stop", "kill"])
def test_a_restart_keeps_leases_and_flows(lab, container, zone, both_open, crash):
    """Even with the upstream silent: nobody asks again for what is already open."""
    egressd = lab.egressd(allow=[ALLOWED, f"{ALLOWED}:5432"])
    flow = container.open(ALLOWED, 5432)
    before = egressd.leases()
    zone.twist("*", dns_zone.silence)
    egressd.restart(crash)
    assert flow.echo()
    after = egressd.leases()
    assert set(after) == set(before)
    assert all(after[key] >= before[key] - 30 for key in before)
    assert container.connect(ALLOWED_V4, 443) and container.connect(ALLOWED_V6, 443)
    assert_closed_but_for_questions(lab, container)


def assert_closed_but_for_questions(lab, container):
    lab.forget()
    for address, port in EVIL_TARGETS:
        assert container.connect(address, port).error == "ECONNREFUSED"
    assert_none_but_to_allowed(lab.strays([ALLOWED]))


@pytest.mark.leak("H50")
def test_a_restart_with_a_narrower_policy_ends_what_it_no_longer_allows(lab, container, zone):
    zone.host("other.test", "198.51.100.8")
    egressd = lab.egressd(allow=[f"{ALLOWED}:5432", "other.test:5432"])
    keep, cut = container.open(ALLOWED, 5432), container.open("other.test", 5432)
    egressd.kill9()
    egressd.write_policy({"allow": [f"{ALLOWED}:5432"]})
    egressd.start()
    assert keep.echo()
    assert not cut.echo(timeout=1)
    assert container.connect("198.51.100.8", 5432).error == "ECONNREFUSED"
    assert egressd.leased() == {ALLOWED_V4, ALLOWED_V6}


@pytest.mark.leak("H50", "L22", "L24")
@pytest.mark.parametrize("crash", [False, True], ids=["stop", "kill"])
def test_restarts_under_fire(lab, container, both_open, crash):
    """The server that must not be reached sees no packet; the allowed one no failure."""
    egressd = lab.egressd(allow=[ALLOWED])
    assert container.connect(ALLOWED, 443)
    lab.forget()
    hammer = container.agent(another="hammer")
    hammer.begin_hammer(*EVIL_TARGETS, (ALLOWED_V4, 80), (ALLOWED_V6, 80))
    for _ in range(10):
        egressd.restart(crash)
    counts = hammer.end_hammer()
    for address, port in EVIL_TARGETS:
        assert set(counts[f"{address}:{port}"]) == {"ECONNREFUSED"}
        assert not lab.witness.packets(destination=address, tells=True)
    for address in (ALLOWED_V4, ALLOWED_V6):
        assert set(counts[f"{address}:80"]) == {"ok"}, counts


@pytest.mark.leak("H50", "L24")
def test_names_asked_while_it_restarts_do_not_leave(lab, container, both_open):
    """Questions in the gap are lost or refused; not one about a refused name goes out."""
    egressd = lab.egressd(allow=[ALLOWED])
    hammer = container.agent(another="hammer")
    lab.forget()
    hammer.begin_hammer((EVIL, 443), (f"x.{EVIL}", 443))
    for _ in range(5):
        egressd.restart(crash=True)
    counts = hammer.end_hammer()
    assert not lab.strays([ALLOWED])
    assert set().union(*counts.values()) <= {"EAI_NONAME", "EAI_AGAIN"}


@pytest.mark.leak("H54", "L21")
def test_start_under_fire(lab, container):
    """A prober that was there first: once it is refused, it never gets through again."""
    hammer = container.agent(another="hammer")
    hammer.begin_hammer((EVIL_V4, 80), (EVIL_V6, 80))
    wait_until(lambda: len(lab.witness.packets(destination=EVIL_V4)) > 10, "prober at work")
    egressd = lab.egressd(allow=[ALLOWED])
    lab.forget()
    for _ in range(20):
        egressd.status()
    assert not [packet for packet in lab.strays([ALLOWED]) if packet.opens]
    hammer.end_hammer()


@pytest.mark.leak("L24")
def test_a_new_network_with_an_old_state(lab, container):
    """The container starts again: rules are gone, the state directory is not."""
    state = lab.folder / "state"
    egressd = lab.egressd(allow=[ALLOWED], state_dir=state)
    assert container.connect(ALLOWED, 443)
    egressd.kill9()
    container.nft("flush", "ruleset")
    container.run(["sh", "-c", "rm -rf /run/egressd"])
    assert container.connect(EVIL_V4, 443), "without rules it is open: the probe is good"
    egressd.start()
    assert_closed_but_for_questions(lab, container)
    assert container.connect(ALLOWED, 443)
