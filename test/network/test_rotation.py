"""Names whose address changes all the time: the first connection must always work."""

import pytest

from lab.dns_zone import Rotation, delay
from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6

NAME = "turning.test"


@pytest.mark.leak("H1", "H5", "H11")
@pytest.mark.parametrize("ttl, family, count", [(0, 6, 10_000), (0, None, 10_000), (2, None, 1000)])
def test_ten_thousand_connections_by_name(lab, container, zone, ttl, family, count):
    """A different address for every question, and not one connection fails."""
    v4, v6 = Rotation("198.51.100.0/24"), Rotation("2001:db8:77::/64")
    zone.host(NAME, v4, v6, ttl=ttl)
    egressd = lab.egressd(allow=[f"{NAME}:80"])
    outcome = container.many(NAME, 80, count, family=family)
    assert outcome.failed == 0, outcome
    assert outcome.slowest < 5, "a question was lost: a stub asks again after five seconds"
    if family == 6:
        assert outcome.addresses > 9_900
    assert egressd.leased() <= {*v4.given, *v6.given}


@pytest.mark.leak("H2")
@pytest.mark.parametrize("family", [4, 6])
def test_sixty_four_clients_ask_for_one_new_name_at_once(lab, container, zone, family):
    """All connect as soon as they are answered; the upstream is asked once."""
    lab.egressd(allow=["*.fresh.test:80"])
    for round in range(10):
        name = f"n{round}.fresh.test"
        zone.host(name, Rotation("198.51.100.0/24"), Rotation("2001:db8:77::/64"), ttl=60)
        zone.twist(name, delay(0.05))
        outcome = container.burst(name, 80, 64, family=family)
        assert outcome.done == 64, outcome
        asked = [question.type for question in lab.dns.questions(name)]
        assert sorted(asked) in (["A"], ["AAAA"], ["A", "AAAA"]), asked


@pytest.mark.leak("H2")
def test_sixty_four_clients_with_ten_thousand_connections(lab, container, zone):
    """64 clients at once, each asking a name again and again whose answer never is the same."""
    zone.host(NAME, Rotation("198.51.100.0/24"), Rotation("2001:db8:77::/64"), ttl=0)
    lab.egressd(allow=[f"{NAME}:80"])
    outcome = container.many(NAME, 80, 10_000, clients=64)
    assert outcome.failed == 0, outcome


@pytest.mark.leak("H1")
def test_a_thousand_fresh_names(lab, container, zone):
    zone.host("*.fresh.test", Rotation("198.51.100.0/24"), Rotation("2001:db8:77::/64"))
    allow = [f"n{number}.fresh.test:80" for number in range(1000)]
    lab.egressd(allow=allow)
    outcome = container.many("n{}.fresh.test", 80, 1000)
    assert outcome.failed == 0, outcome


def test_both_families_of_an_allowed_name(lab, container):
    probe4 = lab.prove_open(lambda: container.connect(ALLOWED, 443, family=4))
    probe6 = lab.prove_open(lambda: container.connect(ALLOWED, 443, family=6))
    lab.egressd(allow=[ALLOWED])
    assert probe4.allowed().address == ALLOWED_V4
    assert probe6.allowed().address == ALLOWED_V6
    code, body = container.curl(f"https://{ALLOWED}/")
    assert code == 0 and ALLOWED in body
