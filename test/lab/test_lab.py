"""The lab without egressd: what later must fail is seen to work here."""

import dns.message
import pytest

from lab import dns_zone
from lab.dns_zone import Rotation
from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL, EVIL_V4, EVIL_V6, UPSTREAM, UPSTREAM_V6


def test_names_resolve(lab, container):
    outcome = container.resolve(ALLOWED)
    assert set(outcome.addresses) == {ALLOWED_V4, ALLOWED_V6}
    assert container.resolve(ALLOWED, 4).addresses == [ALLOWED_V4]
    assert {q.type for q in lab.dns.questions(ALLOWED)} == {"A", "AAAA"}
    assert container.resolve("nobody.test").error == "EAI_NONAME"


@pytest.mark.parametrize("host", [EVIL, EVIL_V4, EVIL_V6, "198.51.100.77", "2001:db8:77::1"])
def test_every_address_answers_and_is_witnessed(lab, container, host):
    outcome = container.connect(host, 443)
    assert outcome
    assert [packet for packet in lab.witness.packets(destination=outcome.address)
            if packet.opens and packet.port == 443]


@pytest.mark.parametrize("host", [EVIL_V4, f"[{EVIL_V6}]"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_web_servers_know_who_came(lab, container, scheme, host):
    code, body = container.curl(f"{scheme}://{host}/")
    assert (code, body) == (0, f"{scheme} {host} at {host.strip('[]')}\n")
    assert lab.servers.came(protocol=scheme, destination=host.strip("[]"))


@pytest.mark.parametrize("server", [UPSTREAM, UPSTREAM_V6, "198.51.100.53"])
@pytest.mark.parametrize("tcp", [False, True])
def test_every_address_is_a_resolver(lab, container, server, tcp):
    answer = container.dig("EviL.test", server=server, tcp=tcp, edns=0)
    assert answer.addresses == [EVIL_V4]
    question, = lab.dns.questions(EVIL)
    assert (question.name, question.transport) == ("EviL.test", "tcp" if tcp else "udp")
    assert question.destination == server and question.edns_size
    assert lab.witness.packets(destination=server, port=53)


def test_echo_over_tcp_udp_and_icmp(container):
    flow = container.open(EVIL_V4, 5432)
    assert bytes.fromhex(flow.echo(b"hello").reply) == b"hello"
    assert container.udp(EVIL_V4, 123) and container.udp(EVIL_V6, 443)
    assert container.ping(EVIL_V4) and container.ping(EVIL_V6)


def test_aliases_and_rotation(container, zone):
    zone.alias("www.test", "edge.cdn.test")
    zone.host("edge.cdn.test", Rotation("203.0.113.0/24", each=2), ttl=0)
    first, second = (container.dig("www.test") for _ in range(2))
    assert [kind for _, kind, _, _ in first.records] == ["CNAME", "A", "A"]
    assert not set(first.addresses) & set(second.addresses)


def test_ten_thousand_lookups_and_none_is_lost(container, zone):
    zone.host("turning.test", Rotation("203.0.113.0/24"), Rotation("2001:db8:77::/64"), ttl=0)
    outcome = container.many("turning.test", 80, 10_000)
    assert outcome.done == 10_000
    assert outcome.slowest < 5, "a stub asks again after five seconds"


def test_sixty_four_clients_at_once(lab, container):
    assert container.burst(ALLOWED, 443, 64).done == 64
    assert len(lab.dns.questions(ALLOWED)) == 128


def test_truncation_silence_and_delay(lab, container, zone):
    zone.twist(ALLOWED, dns_zone.truncated(keep=1))
    answer = container.dig(ALLOWED)
    assert answer.truncated and answer.addresses == [ALLOWED_V4]
    assert container.resolve(ALLOWED, 4).addresses == [ALLOWED_V4]
    assert lab.dns.log[-1].transport == "tcp"
    zone.twist(ALLOWED, dns_zone.silence)
    assert container.dig(ALLOWED, timeout=0.2).error == "ETIMEDOUT"
    zone.twist(ALLOWED, dns_zone.delay(0.2))
    assert container.dig(ALLOWED).elapsed >= 0.2


def test_a_thousand_records_need_tcp(container, zone):
    zone.host("many.test", *(f"198.51.{100 + n // 250}.{1 + n % 250}" for n in range(1000)))
    assert container.dig("many.test").truncated
    assert len(container.dig("many.test", tcp=True).addresses) == 1000


@pytest.mark.parametrize("lie, forged", [
    (dns_zone.wrong_id, True), (dns_zone.wrong_question, True), (dns_zone.wrong_case, True),
    (dns_zone.malformed(lambda question, honest: honest[:20]), False)])
def test_lies_go_out_as_told(container, zone, lie, forged):
    zone.twist(ALLOWED, lie)
    wire = dns.message.make_query(ALLOWED, "A").to_wire().hex()
    outcome = container.agent().call("ask", wire=wire, server=UPSTREAM, port=53, timeout=2)
    assert (bytes([203, 0, 113, 66]).hex() in outcome.reply) == forged


def test_ttls_of_all_sizes(container, zone):
    for ttl in (0, 1, 60, 2**31, 2**32 - 1):
        zone.host("aged.test", ALLOWED_V4, ttl=ttl)
        assert int.from_bytes(container.dig("aged.test").wire[-10:-6], "big") == ttl


def test_docker_dns_answers_neighbours_and_asks_outside(lab, container):
    docker = lab.docker_dns(neighbours={"db": "172.30.0.1"})
    assert container.resolve("db", 4).addresses == ["172.30.0.1"]
    assert container.resolve(EVIL, 4).addresses == [EVIL_V4]
    for tcp in (False, True):
        port = docker.tcp_port if tcp else docker.udp_port
        for where in (53, port):
            answer = container.dig(EVIL, server="127.0.0.11", port=where, tcp=tcp)
            assert answer.addresses == [EVIL_V4], (tcp, where, answer)


def test_packets_of_a_nested_container_are_forwarded(lab):
    inner = lab.nested()
    assert inner.connect(EVIL_V4, 443) and inner.connect(EVIL_V6, 443)
    assert lab.witness.packets(source="10.99.0.2", destination=EVIL_V4)


def test_agent_has_no_privilege(container):
    assert container.run(["id", "-u"], uid=1000).stdout == "1000\n"
    assert container.run(["nft", "list", "ruleset"], uid=1000, check=False).returncode
    assert container.agent().send_raw(EVIL_V4, 132).error == "EPERM"
    assert container.root.send_raw(EVIL_V4, 132)


def test_nothing_of_the_host_is_touched(container):
    container.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    container.write("/run/egressd/mark", "x")
    container.write("/var/lib/egressd/mark", "x")
    with open("/etc/resolv.conf") as host:
        assert host.read() != "nameserver 127.0.0.1\n"
    with pytest.raises(FileNotFoundError):
        open("/run/egressd/mark").close()
