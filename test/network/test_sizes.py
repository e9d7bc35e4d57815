"""Answers that are too big, cut short, or huge."""

import pytest

from lab import dns_zone
from lab.lab import ALLOWED_V4, EVIL_V4

NAME = "big.test"


def pool(count):
    return [f"198.51.{100 + number // 250}.{1 + number % 250}" for number in range(count)]


@pytest.mark.leak("H22")
@pytest.mark.parametrize("keep", [0, 1])
def test_a_truncated_answer_is_asked_again_over_tcp(lab, container, zone, keep):
    """What came cut is not the answer; the whole is."""
    addresses = pool(5)
    zone.host(NAME, *addresses)
    zone.twist(NAME, dns_zone.truncated(keep))
    egressd = lab.egressd(allow=[NAME])
    answer = container.dig(NAME)
    assert sorted(answer.addresses) == addresses and not answer.truncated
    assert egressd.leased() == set(addresses)
    assert "tcp" in {question.transport for question in lab.dns.questions(NAME, "A")}


@pytest.mark.leak("H22")
def test_the_part_of_a_truncated_answer_is_not_learned(lab, container, zone):
    zone.host(NAME, EVIL_V4, ALLOWED_V4)
    zone.twist(NAME, dns_zone.truncated(1), dns_zone.no_tcp)
    probe = lab.prove_open(lambda: container.connect(EVIL_V4, 443), destination=EVIL_V4)
    egressd = lab.egressd(allow=[NAME])
    answer = container.dig(NAME)
    assert (answer.rcode, answer.addresses) == ("SERVFAIL", []) and answer.elapsed < 5
    assert egressd.leased() == set()
    probe.refused("ECONNREFUSED")


@pytest.mark.leak("H21")
@pytest.mark.parametrize("count", [40, 100, 1000])
def test_many_addresses(lab, container, zone, count):
    """A UDP client is told to come back over TCP, and there gets them all, all usable."""
    addresses = pool(count)
    zone.host(NAME, *addresses)
    egressd = lab.egressd(allow=[NAME])
    short, roomy = container.dig(NAME), container.dig(NAME, edns=0)
    assert len(short.wire) <= 512 and len(roomy.wire) <= 1232
    assert short.truncated and roomy.truncated == (count >= 100)
    whole = container.dig(NAME, tcp=True)
    assert set(whole.addresses) == set(addresses) and not whole.truncated
    assert set(addresses) <= egressd.leased()
    assert set(container.resolve(NAME, 4).addresses) == set(addresses)
    for address in addresses[:: max(1, count // 20)]:
        assert container.connect(address, 443), address


@pytest.mark.leak("H21")
def test_a_huge_edns_size_is_not_believed(lab, container, zone):
    """A UDP answer stays below what fits through any path, whatever the client claims."""
    zone.host(NAME, *pool(200))
    lab.egressd(allow=[NAME])
    question = (b"\0\7\1\0\0\1\0\0\0\0\0\1\3big\4test\0\0\1\0\1" + b"\0\0\x29\xff\xff\0\0\0\0\0\0")
    answer = container.dig(NAME, wire=question)
    assert len(answer.wire) <= 1232 and answer.truncated
    assert not any(address not in pool(200) for address in answer.addresses)


@pytest.mark.leak("H3")
def test_more_addresses_than_any_name_should_have(lab, container, zone):
    """Whatever the limit is: an address that is told is an address that is open."""
    zone.host(NAME, *[f"198.{51 + n // 60000}.{n // 250 % 250}.{1 + n % 250}"
                      for n in range(4000)])
    egressd = lab.egressd(allow=[NAME])
    answer = container.dig(NAME, tcp=True)
    assert answer
    assert set(answer.addresses) <= egressd.leased()


def test_a_long_chain_with_long_names(lab, container, zone):
    labels = ["x" * 60, "y" * 60, "z" * 60]
    names = [f"{letter}.{'.'.join(labels)}.test" for letter in "abcd"]
    for here, there in zip(names, names[1:]):
        zone.alias(here, there)
    zone.host(names[-1], ALLOWED_V4)
    lab.egressd(allow=[names[0]])
    assert container.connect(names[0], 443).address == ALLOWED_V4
