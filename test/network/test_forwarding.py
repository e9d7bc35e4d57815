"""Containers inside the container: their packets are forwarded, and judged like any other."""

import re
import subprocess

import dns.message
import pytest

from lab.lab import (ALLOWED, ALLOWED_V4, ALLOWED_V6, CONTAINER_V4, CONTAINER_V6, EVIL, EVIL_V4,
                     EVIL_V6, UPSTREAM, UPSTREAM_V6)


@pytest.mark.leak("L30", "L39")
def test_forwarded_packets_are_refused(lab):
    inner = lab.nested()
    tcp = [lab.prove_open(lambda address=address, port=port: inner.connect(address, port),
                          destination=address)
           for address in (EVIL_V4, EVIL_V6) for port in (22, 443)]
    other = [lab.prove_open(lambda address=address: inner.udp(address, 443), destination=address)
             for address in (EVIL_V4, EVIL_V6)]
    other += [lab.prove_open(lambda address=address: inner.ping(address), destination=address)
              for address in (EVIL_V4, EVIL_V6)]
    lab.egressd(allow=[ALLOWED])
    for probe in tcp:
        probe.refused("ECONNREFUSED", at_once=True)
    for probe in other:
        probe.refused()
    assert not lab.strays([ALLOWED])


@pytest.mark.leak("L30")
def test_forwarded_packets_to_allowed_addresses_pass(lab):
    inner = lab.nested()
    lab.egressd(allow=[ALLOWED]).wait_leased(ALLOWED_V4, ALLOWED_V6)
    assert inner.connect(ALLOWED_V4, 443) and inner.connect(ALLOWED_V6, 443)
    assert inner.connect(ALLOWED_V4, 22).error == "ECONNREFUSED"


@pytest.mark.leak("L30", "L3")
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("server", [UPSTREAM, UPSTREAM_V6, "198.51.100.53"])
def test_forwarded_questions_do_not_leave(lab, server, tcp):
    inner = lab.nested()
    lab.prove_open(lambda: inner.dig(EVIL, server=server, tcp=tcp, timeout=1), port=53)
    lab.egressd(allow=[ALLOWED])
    lab.forget()
    answer = inner.dig(EVIL, server=server, tcp=tcp, timeout=1)
    assert not answer.addresses
    assert not lab.dns.questions(EVIL)
    assert not lab.strays([ALLOWED])


@pytest.mark.leak("L30", "L3")
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("server", [UPSTREAM, UPSTREAM_V6, "198.51.100.53"])
def test_forwarded_questions_are_answered_by_the_gate(lab, server, tcp):
    """As those of the container itself: whoever they are addressed to, and by the same policy."""
    inner = lab.nested()
    lab.egressd(allow=[ALLOWED, "*.below.test"])
    lab.zone.host("x.below.test", "198.51.100.7", "2001:db8:7::7")
    lab.forget()
    refused = inner.dig(EVIL, server=server, tcp=tcp, edns=0)
    assert (refused.rcode, refused.ede) == ("NXDOMAIN", 15)
    assert not lab.strays([ALLOWED])
    assert inner.dig("x.below.test", server=server, tcp=tcp).addresses == ["198.51.100.7"]
    assert inner.connect("198.51.100.7", 443)
    assert inner.connect("198.51.100.7", 22).error == "ECONNREFUSED"


@pytest.mark.leak("L30")
def test_an_inner_container_goes_on_when_the_daemon_comes_back(lab):
    """On another port, then: what conntrack remembers of the old one must not hold."""
    inner = lab.nested()
    egressd = lab.egressd(allow=[ALLOWED])
    ask = dict(server=UPSTREAM, timeout=2)
    flow = inner.open(UPSTREAM, 53, udp=True)
    question = dns.message.make_query(ALLOWED, "A").to_wire()
    assert flow.echo(question)
    egressd.restart(crash=True)
    assert inner.dig(ALLOWED, **ask).addresses == [ALLOWED_V4]
    assert flow.echo(question)


@pytest.mark.leak("L30", "L3")
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_the_gate_of_inner_containers_is_nobody_elses(lab, container, tcp):
    """Nobody outside gets an answer, neither by its port nor by sending a question through here."""
    lab.egressd(allow=[ALLOWED])
    outside = lab.internet.machine
    rules = container.nft("list", "chain", "inet", "egressd", "inner_dns")
    port = int(re.search(r"redirect to :(\d+)", rules)[1])
    for address in (CONTAINER_V4, CONTAINER_V6):
        assert not outside.dig(ALLOWED, server=address, port=port, tcp=tcp, timeout=0.5).ok
    outside.ip(f"route add 198.51.100.53/32 via {CONTAINER_V4} table 99",
               "rule add to 198.51.100.53 lookup 99 priority 0")
    container.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"])
    assert not outside.dig(ALLOWED, server="198.51.100.53", tcp=tcp, timeout=0.5).ok
    assert container.dig(ALLOWED, server="198.51.100.53").addresses == [ALLOWED_V4]


@pytest.mark.leak("L30")
def test_a_resolver_among_the_inner_containers_is_left_alone(lab, container):
    """What is asked of the inner bridge itself stays there: a resolver of podman's, say."""
    inner = lab.nested()
    lab.egressd(allow=[ALLOWED])
    serve = ("import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
             "s.bind(('10.99.0.1', 53)); print('up', flush=True)\n"
             "data, client = s.recvfrom(500); s.sendto(b'mine', client)\n")
    with subprocess.Popen(container.command(["/usr/bin/python3", "-c", serve]),
                          stdout=subprocess.PIPE) as server:
        server.stdout.readline()
        assert bytes.fromhex(inner.udp("10.99.0.1", 53, b"?").reply) == b"mine"


@pytest.mark.leak("L30")
def test_flows_into_the_container_are_answered(lab, container):
    """Who comes from outside (a forwarded port) gets replies: that is no way out."""
    lab.egressd(allow=[ALLOWED])
    serve = ("import socket; s = socket.create_server(('0.0.0.0', 3000)); print('up', flush=True)\n"
             "c, _ = s.accept(); c.sendall(c.recv(9)); c.close()\n")
    with subprocess.Popen(container.command(["/usr/bin/python3", "-c", serve], uid=1000),
                          stdout=subprocess.PIPE) as server:
        server.stdout.readline()
        flow = lab.internet.machine.open(CONTAINER_V4, 3000)
        assert bytes.fromhex(flow.echo(b"hello").reply) == b"hello"
