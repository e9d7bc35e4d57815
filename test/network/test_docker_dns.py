"""Beside Docker's embedded DNS: used, closed to others, never touched, never in a loop."""

import pytest

from lab.dns_zone import silence
from lab.lab import ALLOWED, ALLOWED_V4, EVIL, EVIL_V4, GATEWAY_V4, UPSTREAM


def foreign_rules(container):
    """The ruleset without counters and without what is egressd's."""
    rules, keep = [], True
    for line in container.nft("-s", "list", "ruleset").splitlines():
        if line.startswith("table "):
            keep = line.split()[2] != "egressd"
        if keep:
            rules.append(line)
    return rules


def tables(container):
    return set(container.nft("list", "tables").splitlines())


@pytest.mark.parametrize("crash", [False, True], ids=["stop", "kill"])
def test_nobody_elses_rules_are_touched(lab, container, crash):
    """Through start, use, reload, crash and end, only egressd's own tables come and go."""
    lab.docker_dns()
    container.nft("add", "table", "inet", "somebody")
    container.nft("add", "chain", "inet", "somebody", "out",
                  "{ type filter hook output priority 5; policy accept; }")
    rules, before = foreign_rules(container), tables(container)
    egressd = lab.egressd(allow=[ALLOWED])
    assert tables(container) - before <= {"table inet egressd", "table netdev egressd"}
    assert before < tables(container)
    assert foreign_rules(container) == rules
    assert container.connect(ALLOWED, 443)
    egressd.reload({"allow": [ALLOWED, "more.test"]})
    egressd.restart(crash)
    assert foreign_rules(container) == rules
    egressd.stop()
    assert foreign_rules(container) == rules


@pytest.mark.leak("H38", "L5")
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_names_work_and_nothing_loops(lab, container, tcp):
    """dockerd asks its external server from in here: fewer than three packets a question."""
    docker = lab.docker_dns()
    lab.zone.host("x.fresh.test", "198.51.100.3")
    lab.egressd(allow=[ALLOWED, "*.fresh.test"])
    docker.log.clear()
    answer = container.dig("x.fresh.test", server="127.0.0.11", tcp=tcp)
    assert answer.addresses == ["198.51.100.3"]
    assert len(lab.dns.questions("x.fresh.test")) <= 2
    assert len(docker.log) <= 2
    assert container.connect(ALLOWED, 443)


@pytest.mark.leak("H38", "L5")
def test_questions_of_docker_itself_are_judged_too(lab, container):
    """What dockerd is asked by others (another way in) ends at the gate on its way out."""
    docker = lab.docker_dns()
    lab.egressd(allow=[ALLOWED])
    lab.forget()
    # As if a client had reached dockerd past every rule: what it then does is what counts.
    assert ALLOWED_V4 in docker.ask(ALLOWED)
    assert EVIL_V4 not in docker.ask(EVIL)
    assert not lab.strays([ALLOWED])
    assert not lab.dns.questions(EVIL)
    assert len(lab.dns.questions(ALLOWED)) <= 4


@pytest.mark.leak("L10")
def test_compose_neighbours(lab, container):
    """A single label written in the policy: asked of Docker, private address and all."""
    docker = lab.docker_dns(neighbours={"db": GATEWAY_V4, "secret": "172.30.0.9"})
    lab.egressd(allow=["db:5432", ALLOWED])
    assert container.connect("db", 5432).address == GATEWAY_V4
    assert container.connect(GATEWAY_V4, 22).error == "ECONNREFUSED"
    assert container.resolve("secret").error == "EAI_NONAME"
    assert "secret" not in docker.log
    assert not lab.dns.questions("db"), "a neighbour's name is nobody's business outside"


@pytest.mark.leak("L4", "H31")
def test_all_ports_of_the_embedded_resolver_are_closed(lab, container):
    """Whatever is bound there; other loopback addresses stay free."""
    docker = lab.docker_dns()
    lab.egressd(allow=[ALLOWED])
    for port, tcp in ((docker.udp_port, False), (docker.tcp_port, True)):
        for address in ("127.0.0.11", "::ffff:127.0.0.11"):
            if tcp:
                outcome = container.connect(address, port)
            else:
                outcome = container.udp(address, port, timeout=0.5)
            assert outcome.error in ("ECONNREFUSED", "EPERM", "EHOSTUNREACH"), outcome
    assert EVIL not in docker.log


def test_the_external_server_goes_silent(lab, container, zone):
    """Docker or not: a failure is told before a stub gives up, and nothing opens."""
    lab.docker_dns()
    zone.twist("*", silence)
    lab.egressd(allow=["*.late.test"])
    answer = container.dig("never.late.test", server="127.0.0.11")
    assert answer.rcode == "SERVFAIL" and answer.elapsed < 5
    assert container.connect(EVIL_V4, 443).error == "ECONNREFUSED"


@pytest.mark.leak("L5")
def test_upstream_is_the_external_server(lab, container):
    """Dotted names go straight there: Docker's forwarder is not in the way."""
    docker = lab.docker_dns()
    lab.egressd(allow=[ALLOWED])
    docker.log.clear()
    assert container.connect(ALLOWED, 443)
    assert {question.destination for question in lab.dns.questions(ALLOWED)} == {UPSTREAM}
