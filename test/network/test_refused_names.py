"""A refused name: a final answer at once, and no question about it leaves, by whatever way."""

import pytest

from lab.lab import ALLOWED, ALLOWED_V4, EVIL, EVIL_V4, UPSTREAM, UPSTREAM_V6

AT_ONCE_S = 4  # a stub asks a second time after five seconds
BLOCKED = 15
SECRET = "mzxw6ytboi7d4ztf2q5gs43jn4.evil.test"


@pytest.mark.leak("L3", "L35")
@pytest.mark.parametrize("name", [EVIL, SECRET, "EVIL.Test", "a.very.deep.name.evil.test"])
def test_getaddrinfo_fails_at_once_and_for_good(lab, container, zone, name):
    zone.host("*.evil.test", EVIL_V4)
    probe = lab.prove_open(lambda: container.resolve(name), asked=name.lower())
    lab.egressd(allow=[ALLOWED])
    lab.forget()
    outcome = container.resolve(name)
    assert outcome.error == "EAI_NONAME"
    assert outcome.elapsed < AT_ONCE_S
    assert not lab.strays([ALLOWED])
    assert not lab.dns.questions(name.lower())
    probe.refused("EAI_NONAME")


@pytest.mark.leak("L2", "L3", "H32")
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("server", [UPSTREAM, UPSTREAM_V6, "198.51.100.53", "2001:db8:9::9",
                                    EVIL_V4, ALLOWED_V4])
def test_no_question_leaves_to_any_resolver(lab, container, server, tcp):
    """The configured resolver, others, and an allowed address that happens to be one."""
    assert container.dig(EVIL, server=server, tcp=tcp).addresses == [EVIL_V4]
    lab.egressd(allow=[ALLOWED, f"{ALLOWED}:53/udp"])
    container.resolve(ALLOWED)
    lab.forget()
    for _ in range(3):
        answer = container.dig(EVIL, server=server, tcp=tcp, edns=0)
        assert (answer.rcode, answer.ede, answer.records) == ("NXDOMAIN", BLOCKED, [])
    assert not lab.strays([ALLOWED])
    assert not lab.dns.questions(EVIL)


@pytest.mark.leak("L3", "L4", "L5", "H31")
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_docker_resolver_forwards_nothing(lab, container, tcp):
    """Neither at 127.0.0.11:53, nor at Docker's random port there, nor at its external server."""
    docker = lab.docker_dns()
    random_port = docker.tcp_port if tcp else docker.udp_port
    for server, port in (("127.0.0.11", 53), ("127.0.0.11", random_port), (UPSTREAM, 53)):
        assert container.dig(EVIL, server=server, port=port, tcp=tcp).addresses == [EVIL_V4]
    lab.egressd(allow=[ALLOWED])
    assert container.resolve(ALLOWED)
    lab.forget()
    docker.log.clear()
    for server in ("127.0.0.11", UPSTREAM):
        answer = container.dig(EVIL, server=server, tcp=tcp, edns=0)
        assert (answer.rcode, answer.ede) == ("NXDOMAIN", BLOCKED)
    for agent in (container.agent(), container.root):
        answer = agent.dig(EVIL, server="127.0.0.11", port=random_port, tcp=tcp, timeout=1)
        assert answer.error in ("ECONNREFUSED", "EPERM", "EHOSTUNREACH"), answer
    assert container.resolve(EVIL).error == "EAI_NONAME"
    assert EVIL not in docker.log
    assert not lab.strays([ALLOWED])
    assert not lab.dns.questions(EVIL)


@pytest.mark.leak("H32")
@pytest.mark.parametrize("port, tcp", [(853, True), (853, False), (784, False), (8853, False),
                                       (443, True)])
def test_other_ways_to_ask_are_closed(lab, container, port, tcp):
    """DNS over TLS, QUIC and HTTPS, at an address that is not on the list."""
    server = "198.51.100.53"

    def attempt():
        return container.connect(server, port) if tcp else container.udp(server, port)

    probe = lab.prove_open(attempt, destination=server)
    lab.egressd(allow=[ALLOWED])
    probe.refused("ECONNREFUSED", "EPERM", "EHOSTUNREACH")


def test_extended_error_only_for_those_who_speak_edns(lab, container):
    lab.egressd(allow=[ALLOWED])
    with_edns, without = container.dig(EVIL, edns=0), container.dig(EVIL)
    assert (with_edns.rcode, with_edns.ede) == ("NXDOMAIN", BLOCKED)
    assert (without.rcode, without.ede) == ("NXDOMAIN", None)
    assert not without.message.opt
    assert not without.message.authority, "a SOA would let the refusal be cached after a reload"


@pytest.mark.leak("H49")
def test_search_domains_cost_nothing(lab, container):
    """Six search domains with ndots:5: refused here, without a question outside."""
    domains = " ".join(f"d{number}.corp.example" for number in range(6))
    container.write("/etc/resolv.conf",
                    f"nameserver {UPSTREAM}\nsearch {domains}\noptions ndots:5\n")
    egressd = lab.egressd(allow=[ALLOWED])
    egressd.wait_leased(ALLOWED_V4)
    lab.forget()
    outcome = container.resolve(ALLOWED)
    assert ALLOWED_V4 in outcome.addresses and outcome.elapsed < AT_ONCE_S
    assert not lab.strays([ALLOWED])
    assert {question.lower for question in lab.dns.questions()} <= {ALLOWED}


@pytest.mark.leak("H20", "L7")
@pytest.mark.parametrize("name", [EVIL, SECRET])
def test_no_type_of_question_leaves(lab, container, name):
    types = ("A", "TXT", "ANY", "MX", "SRV", "NULL", "HTTPS", "PTR", "CNAME")
    for type in types:
        assert container.dig(name, type)
    assert len(lab.dns.questions(name)) == len(types)
    lab.egressd(allow=[ALLOWED])
    lab.forget()
    for type in types:
        assert container.dig(name, type).rcode == "NXDOMAIN", type
    assert not lab.strays([ALLOWED])
