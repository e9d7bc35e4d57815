"""Containers inside the container: their packets are forwarded, and judged like any other."""

import subprocess

import pytest

from lab.lab import (ALLOWED, ALLOWED_V4, ALLOWED_V6, CONTAINER_V4, EVIL, EVIL_V4, EVIL_V6,
                     UPSTREAM, UPSTREAM_V6)


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
        probe.refused("ECONNREFUSED", within=0.1)
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
