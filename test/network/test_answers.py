"""Which addresses of an answer open something: those at the end of the chain, if public."""

import pytest

from lab.dns_wire import address_record, name_record
from lab.dns_zone import extra, rcode
from lab.lab import (ALLOWED, ALLOWED_V4, ALLOWED_V6, CONTAINER_V4, EVIL, EVIL_V4, EVIL_V6,
                     GATEWAY_V4, GATEWAY_V6)

EDGE_V4, EDGE_V6 = "198.51.100.80", "2001:db8:ed9e::80"
UNROUTABLE = ["127.0.0.1", "127.9.9.9", "0.0.0.0", "224.0.0.1", "255.255.255.255", "240.0.0.1",
              "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", f"::ffff:{EVIL_V4}",
              f"::{EVIL_V4}", "fe80::1", "ff02::1", CONTAINER_V4]
PRIVATE = ["10.9.8.7", "172.16.5.4", "192.168.1.1", "169.254.169.254", "100.64.1.1", "192.0.0.8",
           "198.18.0.1", "168.63.129.16", "fd00::1", "fd00:ec2::254", "64:ff9b::a00:1",
           "64:ff9b::7f00:1", "64:ff9b::cb00:7142", "64:ff9b:1::1", "2002:7f00:1::1",
           "2002:cb00:7142::1", "2001:0:cb00:7142::1", GATEWAY_V4, GATEWAY_V6]


@pytest.mark.leak("H14")
def test_a_chain_of_aliases_opens_its_end(lab, container, zone):
    """With the ports of the name that was asked, and nothing else on the way."""
    zone.alias("www.test", "a.cdn.test", ttl=300)
    zone.alias("a.cdn.test", "b.cdn.test", ttl=5)
    zone.alias("b.cdn.test", "edge.cdn.test", ttl=300)
    zone.host("edge.cdn.test", EDGE_V4, EDGE_V6, ttl=300)
    probe = lab.prove_open(lambda: container.connect(EDGE_V4, 22), destination=EDGE_V4)
    egressd = lab.egressd(allow=["www.test:443"])
    answer = container.dig("www.test")
    assert answer.addresses == [EDGE_V4] and answer.ttl <= 5
    assert container.connect("www.test", 443, family=4).address == EDGE_V4
    assert container.connect("www.test", 443, family=6).address == EDGE_V6
    assert set(egressd.leases()) == {(EDGE_V4, "tcp", 443), (EDGE_V6, "tcp", 443)}
    probe.refused("ECONNREFUSED")


@pytest.mark.leak("H17")
def test_a_chain_told_in_pieces(lab, container, zone):
    """An upstream that answers with the alias alone."""
    zone.alias("www.test", "edge.cdn.test", split=True)
    zone.host("edge.cdn.test", EDGE_V4, EDGE_V6)
    lab.egressd(allow=["www.test"])
    assert container.connect("www.test", 443).address in (EDGE_V4, EDGE_V6)


@pytest.mark.leak("H16")
def test_chains_without_an_end(lab, container, zone):
    zone.alias("self.test", "self.test")
    zone.alias("a.loop.test", "b.loop.test")
    zone.alias("b.loop.test", "a.loop.test")
    for hop in range(40):
        zone.alias(f"h{hop}.long.test", f"h{hop + 1}.long.test")
    zone.host("h40.long.test", EDGE_V4)
    zone.alias("dead.test", "gone.test")
    names = ["self.test", "a.loop.test", "h0.long.test", "dead.test"]
    egressd = lab.egressd(allow=[*names, ALLOWED])
    for name in names:
        answer = container.dig(name)
        assert answer and answer.addresses == [], name
    assert egressd.leased() <= {ALLOWED_V4, ALLOWED_V6}
    assert container.connect(ALLOWED, 443)


@pytest.mark.leak("H15")
@pytest.mark.parametrize("section", ["answer", "authority", "additional"])
def test_records_beside_the_chain_open_nothing(lab, container, zone, section):
    probes = [lab.prove_open(lambda address=address: container.connect(address, 443),
                             destination=address) for address in (EVIL_V4, EVIL_V6)]
    zone.twist(ALLOWED, *(extra(section, (owner, EVIL_V4, 60), (owner, EVIL_V6, 60))
                          for owner in (EVIL, "sub.allowed.test", "test")))
    egressd = lab.egressd(allow=[ALLOWED])
    for type, address in (("A", ALLOWED_V4), ("AAAA", ALLOWED_V6)):
        answer = container.dig(ALLOWED, type)
        assert answer.addresses == [address]
        assert not answer.message.additional
        assert container.connect(address, 443)
    assert egressd.leased() == {ALLOWED_V4, ALLOWED_V6}
    for probe in probes:
        probe.refused("ECONNREFUSED")


@pytest.mark.leak("H15")
def test_a_second_alias_beside_the_chain(lab, container, zone):
    def twist(question, reply):
        reply.answer.append(name_record("elsewhere.test", "CNAME", EVIL, 60))
        if question.type == "A":
            reply.answer.append(address_record(EVIL, EVIL_V4, 60))

    zone.twist(ALLOWED, twist)
    egressd = lab.egressd(allow=[ALLOWED])
    assert container.dig(ALLOWED).addresses == [ALLOWED_V4]
    assert EVIL_V4 not in egressd.leased()


@pytest.mark.leak("L11", "L12", "L38", "H18")
def test_private_addresses_open_nothing(lab, container, zone):
    """Rebinding: an allowed name that leads to a private or embedded address leads nowhere."""
    names = {}
    for number, address in enumerate(UNROUTABLE + PRIVATE):
        names[f"bad{number}.test"] = address
        zone.host(f"bad{number}.test", address)
    probes = [lab.prove_open(lambda address=address: container.connect(address, 80),
                             destination=address) for address in PRIVATE]
    egressd = lab.egressd(allow=[*names, ALLOWED])
    for name, address in names.items():
        answer = container.dig(name, "AAAA" if ":" in address else "A", edns=0)
        assert answer and answer.addresses == [], (name, address)
    egressd.wait_leased(ALLOWED_V4)
    assert egressd.leased() <= {ALLOWED_V4, ALLOWED_V6}
    for probe in probes:
        probe.refused("ECONNREFUSED")


@pytest.mark.leak("L12", "H18")
def test_a_mixed_answer_keeps_the_public_part(lab, container, zone):
    zone.host("mixed.test", "10.9.8.7", EDGE_V4, "127.0.0.1", "fd00::1", EDGE_V6, "::1")
    probe = lab.prove_open(lambda: container.connect("10.9.8.7", 443), destination="10.9.8.7")
    egressd = lab.egressd(allow=["mixed.test"])
    assert container.resolve("mixed.test", 4).addresses == [EDGE_V4]
    assert container.resolve("mixed.test", 6).addresses == [EDGE_V6]
    assert container.connect("mixed.test", 443)
    assert egressd.leased() == {EDGE_V4, EDGE_V6}
    probe.refused("ECONNREFUSED")


@pytest.mark.leak("L12", "H18")
def test_private_addresses_where_the_policy_says_so(lab, container, zone):
    zone.host("git.corp.example", "10.9.8.7", "fd00::1")
    lab.egressd(allow=[{"host": "git.corp.example", "ports": ["443"], "private": True}])
    assert container.connect("git.corp.example", 443, family=4).address == "10.9.8.7"
    assert container.connect("git.corp.example", 443, family=6).address == "fd00::1"


@pytest.mark.leak("L12")
def test_private_does_not_open_the_embedded_resolver(lab, container, zone):
    """127.0.0.11 stays closed, whatever a name with "private" leads to."""
    docker = lab.docker_dns()
    zone.host("sly.test", "127.0.0.11")
    lab.egressd(allow=[{"host": "sly.test", "private": True, "ports": ["*"]}])
    container.dig("sly.test")
    assert container.connect("127.0.0.11", docker.tcp_port).error == "ECONNREFUSED"
    answer = container.dig(EVIL, server="127.0.0.11", port=docker.udp_port, timeout=0.5)
    assert answer.addresses == []
    assert EVIL not in docker.log


@pytest.mark.leak("H24")
@pytest.mark.parametrize("code", ["NXDOMAIN", "SERVFAIL", "REFUSED", "FORMERR", "NOTIMP"])
def test_data_in_an_error_opens_nothing(lab, container, zone, code):
    zone.host("odd.test", EDGE_V4)
    zone.twist("odd.test", rcode(code, keep_data=True))
    probe = lab.prove_open(lambda: container.connect(EDGE_V4, 443), destination=EDGE_V4)
    egressd = lab.egressd(allow=["odd.test"])
    answer = container.dig("odd.test")
    assert answer.addresses == [] and answer.rcode in ("NXDOMAIN", "SERVFAIL")
    assert egressd.leased() == set()
    probe.refused("ECONNREFUSED")


@pytest.mark.leak("H4")
def test_one_address_many_times_over(lab, container, zone):
    """Duplicates, and an address that a fixed entry opens already."""
    zone.host("twice.test", EDGE_V4, EDGE_V4, ALLOWED_V4, EDGE_V4, EDGE_V6, EDGE_V6)
    egressd = lab.egressd(allow=["twice.test:443", ALLOWED, f"{EDGE_V4}:443", f"[{EDGE_V6}]:443"])
    assert container.connect("twice.test", 443)
    assert container.connect(ALLOWED, 443)
    egressd.wait_leased(ALLOWED_V4)
    for address in (EDGE_V4, ALLOWED_V4, EDGE_V6):
        assert container.connect(address, 443)


def test_no_such_family_is_no_error(lab, container, zone):
    """A name with IPv4 only: AAAA is empty, not refused (musl would give up on both)."""
    zone.host("four.test", EDGE_V4)
    lab.egressd(allow=["four.test"])
    answer = container.dig("four.test", "AAAA")
    assert (answer.rcode, answer.records) == ("NOERROR", [])
    assert container.resolve("four.test").addresses == [EDGE_V4]
