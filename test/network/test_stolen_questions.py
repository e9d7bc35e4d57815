"""Who sends first from where a resolver is makes flows in which the next question is the answer:
nothing redirects or translates it, and the sender would get it, with its id, to answer at will."""

import contextlib
import os
import signal

import pytest

from lab.internet import CONTAINER_V6
from lab.lab import ALLOWED, EVIL, EVIL_V4, GATEWAY_V4, UPSTREAM_V6

DOCKER = "127.0.0.11"
THIEF = """
import os, socket, struct, sys
source, target, evil = sys.argv[1], sys.argv[2], socket.inet_aton(sys.argv[3])
family = socket.AF_INET6 if ":" in source else socket.AF_INET
thief = socket.socket(family, socket.SOCK_DGRAM)
if family == socket.AF_INET6:
    thief.setsockopt(socket.IPPROTO_IPV6, 78, 1)  # IPV6_FREEBIND
thief.bind((source, 53))
for port in range(1, 65536):
    try:
        thief.sendto(b"x", (target, port))
    except OSError:
        pass
print("ready", flush=True)
while True:
    try:
        wire, client = thief.recvfrom(4096)
    except OSError:
        continue
    print("stolen", wire.hex(), flush=True)
    question = wire[12:wire.index(b"\\0", 12) + 5]
    thief.sendto(wire[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0) + question
                 + struct.pack("!3HIH", 0xc00c, 1, 1, 600, 4) + evil, client)
"""


@contextlib.contextmanager
def thief(container, source, target):
    """At work, with a flow to every port of target; what it said is there in the end."""
    with container.at_work(THIEF, source, target, EVIL_V4) as process:
        assert process.stdout.readline() == "ready\n"
        said = []
        try:
            yield said
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # all that it says is there to be read
            said.append(process.stdout.read())


@pytest.mark.leak("H27", "L3")
def test_questions_to_dockers_resolver(lab, container):
    """dockerd listens on another port, and its address is loopback: anybody can have port 53."""
    lab.docker_dns(neighbours={"db": GATEWAY_V4})
    egressd = lab.egressd(allow=["db:80", ALLOWED])
    with thief(container, DOCKER, "127.0.0.1") as said:
        egressd.reload({"allow": ["db:80", "db:443", ALLOWED]})
        for name, address in (("db", GATEWAY_V4), (ALLOWED, None)):
            answer = container.dig(name, server=DOCKER)
            assert answer.addresses and EVIL_V4 not in answer.addresses
            assert address in (None, *answer.addresses)
        assert container.dig(EVIL, server=DOCKER).rcode == "NXDOMAIN"
        assert EVIL_V4 not in egressd.leased()
        assert not container.connect(EVIL_V4, 80)
    assert said == [""]


@pytest.mark.leak("H27", "H52")
def test_questions_to_an_upstream_of_ipv6(lab, container):
    """Whose address anybody can bind to: names go on all the same."""
    egressd = lab.egressd(allow=[ALLOWED], upstream=UPSTREAM_V6)
    with thief(container, UPSTREAM_V6, CONTAINER_V6) as said:
        egressd.reload({"allow": [ALLOWED, "*.new.test"]})
        lab.zone.host("a.new.test", "198.51.100.9")
        assert container.dig("a.new.test").addresses == ["198.51.100.9"]
    assert said == [""]


# Answers in the place of a resolver that is gone.
HEIR = """
import socket, struct, sys
evil = socket.inet_aton(sys.argv[2])
heir = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
heir.bind(("127.0.0.11", int(sys.argv[1])))
print("ready", flush=True)
while True:
    wire, client = heir.recvfrom(4096)
    question = wire[12:wire.index(b"\\0", 12) + 5]
    try:
        heir.sendto(wire[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0) + question
                    + struct.pack("!3HIH", 0xc00c, 1, 1, 600, 4) + evil, client)
        print("answered", flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
"""


@pytest.mark.leak("H27", "L4")
def test_the_port_of_a_resolver_that_is_gone(lab, container):
    """dockerd can be started anew below its containers (live-restore): for a moment its port is
    anybody's, and the rules still lead there. A name without a dot may have any address."""
    resolver = lab.docker_dns(neighbours={"db": GATEWAY_V4})
    egressd = lab.egressd(allow=["db:80"])
    egressd.wait_leased(GATEWAY_V4)
    resolver.close()
    with container.at_work(HEIR, str(resolver.udp_port), EVIL_V4) as heir:
        assert heir.stdout.readline() == "ready\n"
        egressd.reload({"allow": ["db:80", "db:443"]})  # asks anew
        assert heir.stdout.readline() == "Operation not permitted\n"
        assert EVIL_V4 not in container.dig("db").addresses
    assert EVIL_V4 not in egressd.leased()
    assert not container.connect(EVIL_V4, 80)
