"""How long an address stays open: as long as somebody was told of it, or uses it; no longer."""

import time

import pytest

from lab.dns_zone import Rotation
from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6
from lab.waiting import wait_until

OLD, NEW = "198.51.100.1", "198.51.100.2"
HURRY = {"refresh_min": 1, "lease_grace": 2, "lease_idle": 3}
CAP_S, GRACE_S = 3600, 60
TTLS = {0: 0, 1: 1, 60: 60, 300: 300, 3600: 3600, 604800: CAP_S, 2**31 - 1: CAP_S, 2**31: 0,
        2**32 - 1: 0}


@pytest.mark.leak("L27", "H6", "H9")
def test_a_lease_outlives_what_the_client_was_told(lab, container, zone):
    """TTL 0 to 2^32-1: never permanent, never shorter than the client's own cache."""
    for number, ttl in enumerate(TTLS):
        zone.host(f"ttl{ttl}.test", f"198.51.100.{number + 1}", ttl=ttl)
    began = time.monotonic()
    egressd = lab.egressd(allow=[f"ttl{ttl}.test:443" for ttl in TTLS])
    for number, (ttl, told) in enumerate(TTLS.items()):
        answer = container.dig(f"ttl{ttl}.test")
        age = time.monotonic() - began
        lease = egressd.leases()[f"198.51.100.{number + 1}", "tcp", 443]
        assert told - age - 1 <= answer.ttl <= told, ttl
        assert answer.ttl < lease <= told + GRACE_S + 2, ttl
        assert container.connect(f"ttl{ttl}.test", 443), ttl


@pytest.mark.leak("H9")
def test_a_cached_answer_has_aged(lab, container, zone):
    """Served from the cache: a smaller TTL, one question outside, and the lease still outlives."""
    zone.host(ALLOWED, ALLOWED_V4, ttl=600)
    egressd = lab.egressd(allow=[ALLOWED])
    first = container.dig(ALLOWED)
    wait_until(lambda: container.dig(ALLOWED).ttl < first.ttl, "ageing of the answer")
    assert len(lab.dns.questions(ALLOWED, "A")) == 1
    assert egressd.leases()[ALLOWED_V4, "tcp", 443] > container.dig(ALLOWED).ttl


@pytest.mark.leak("H8")
@pytest.mark.parametrize("how", ["delete", "flush"])
def test_a_cached_answer_is_in_the_kernel(lab, container, how):
    """Somebody emptied the set by hand: the next answer puts the address back first."""
    egressd = lab.egressd(allow=[ALLOWED], lacks=["owner"])
    assert container.connect(ALLOWED, 443, family=4)
    if how == "flush":
        container.nft("flush", "set", "inet", "egressd", "allow4")
    else:
        container.nft("delete", "element", "inet", "egressd", "allow4",
                      f"{{ {ALLOWED_V4} . tcp . 443 }}")
    wait_until(lambda: container.dig(ALLOWED) and ALLOWED_V4 in egressd.leased(), "new lease")
    assert container.connect(ALLOWED, 443, family=4)


@pytest.mark.leak("H12")
def test_using_a_lease_does_not_shorten_it(lab, container, zone):
    zone.host(ALLOWED, ALLOWED_V4, ttl=3000)
    egressd = lab.egressd(allow=[ALLOWED])
    container.dig(ALLOWED)
    assert container.connect(ALLOWED_V4, 443)
    assert egressd.leases()[ALLOWED_V4, "tcp", 443] > 2990


@pytest.mark.leak("L26", "H10", "H11")
def test_a_record_that_changes_is_followed_by_timers_alone(lab, container, zone):
    """No client asks: the new address opens, the old one closes when expired and unused."""
    zone.host(ALLOWED, OLD, ttl=1)
    new = lab.prove_open(lambda: container.connect(NEW, 443), destination=NEW)
    old = lab.prove_open(lambda: container.connect(OLD, 443), destination=OLD)
    egressd = lab.egressd(allow=[ALLOWED], **HURRY)
    egressd.wait_leased(OLD)
    new.refused("ECONNREFUSED")
    old.allowed()
    zone.host(ALLOWED, NEW, ttl=1)
    egressd.wait_leased(NEW)
    new.allowed()
    egressd.wait_ended(OLD)
    old.refused("ECONNREFUSED")
    new.allowed()


@pytest.mark.leak("H10")
def test_a_flow_that_is_open_outlives_its_lease(lab, container, zone):
    zone.host(ALLOWED, OLD, ttl=1)
    egressd = lab.egressd(allow=[f"{ALLOWED}:5432"], **HURRY)
    flow = container.open(ALLOWED, 5432)
    zone.host(ALLOWED, NEW, ttl=1)
    egressd.wait_ended(OLD)
    assert flow.echo()
    assert container.connect(OLD, 5432).error == "ECONNREFUSED"
    assert flow.echo()


@pytest.mark.leak("H10")
def test_an_address_in_use_stays_open(lab, container, zone):
    """A client that never asks again (a JVM, a pool) and keeps connecting to what it knows."""
    zone.host(ALLOWED, OLD, ttl=1)
    egressd = lab.egressd(allow=[ALLOWED], **{**HURRY, "lease_idle": 10})
    assert container.connect(ALLOWED, 443)
    zone.host(ALLOWED, NEW, ttl=1)
    egressd.wait_leased(NEW)

    def expired_while_used():
        assert container.connect(OLD, 443)
        return OLD not in egressd.leased()

    wait_until(expired_while_used, "expiry of the old address", pause=0.1)
    for _ in range(20):
        assert container.connect(OLD, 443)
    egressd.wait_ended(OLD)
    assert container.connect(OLD, 443).error == "ECONNREFUSED"


@pytest.mark.leak("H11")
def test_old_addresses_of_a_rotation_end(lab, container, zone):
    """The sets stay bounded: what was given out long ago and is not used is gone."""
    rotation = Rotation("198.51.100.0/24")
    zone.host(ALLOWED, rotation, ttl=1)
    egressd = lab.egressd(allow=[ALLOWED], **HURRY)
    first = wait_until(egressd.leased, "the first address").pop()
    assert first in rotation.given
    wait_until(lambda: len(rotation.given) >= 4, "refreshes by timer")
    egressd.wait_ended(first)
    assert len(egressd.leased()) < 12


@pytest.mark.leak("H11")
def test_every_address_given_out_stays_usable_for_its_ttl(lab, container, zone):
    rotation = Rotation("198.51.100.0/24", each=4)
    zone.host("pool.test", rotation, ttl=0)
    lab.egressd(allow=["pool.test"])
    told = []
    for _ in range(30):
        told += container.dig("pool.test").addresses
    assert len(set(told)) > 100
    for address in told:
        assert container.connect(address, 443), address


@pytest.mark.leak("L26")
def test_a_name_that_dies_does_not_stay_open(lab, container, zone):
    zone.host(ALLOWED, OLD, ttl=1)
    probe = lab.prove_open(lambda: container.connect(OLD, 443), destination=OLD)
    egressd = lab.egressd(allow=[ALLOWED], **HURRY)
    egressd.wait_leased(OLD)
    zone.remove(ALLOWED)
    egressd.wait_ended(OLD)
    probe.refused("ECONNREFUSED")
    assert container.resolve(ALLOWED).error == "EAI_NONAME"
    zone.host(ALLOWED, NEW, ALLOWED_V6, ttl=1)
    wait_until(lambda: container.connect(ALLOWED, 443, family=4), "return of the name")
