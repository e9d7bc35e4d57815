"""Packets of one's own making, with and without CAP_NET_RAW: whatever they claim, they stay here.

Each carries bytes of its own, and the witness looks for them in every frame that arrives, whatever
its kind. With egressd off all of them arrive.
"""

import itertools
import socket
import subprocess

import pytest

from lab import raw
from lab.internet import CONTAINER_V4, CONTAINER_V6
from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL_V4, EVIL_V6, GATEWAY_V4
from lab.raw import ACK, FIN, PSH, RST, SYN, TCP, UDP
from lab.waiting import wait_until

AGENT = 1000
IPV4, ARP, VLAN, IPV6, EXPERIMENTAL = 0x0800, 0x0806, 0x8100, 0x86dd, 0x88b5
QUESTION_MARK = 0x65677264  # what egressd's own questions carry: anybody can read it in the source
FIRST_HOP, RECORD_ROUTE, TIMESTAMP = b"\x01\x83\x07\x04", b"\x01\x07\x07\x04", b"\x44\x08\x05\x00"


class Ways:
    """Ways out by name, each a function from the bytes to carry out to a request."""

    def __init__(self, lab, machine, ways, uid=None):
        self._lab, self._machine, self._uid = lab, machine, uid
        self._names = list(ways)
        self._secrets = [b"<secret %02d>" % number for number in range(len(ways))]
        self._requests = [way(secret) for way, secret in zip(ways.values(), self._secrets)]
        lab.forget()
        told = self._send()
        wait_until(lambda: not self._held(), f"all of it at the witness: {told}")

    def _send(self):
        return dict(zip(self._names, raw.send(self._machine, self._requests, self._uid)))

    def _held(self):
        """Those whose bytes have not arrived."""
        return [name for name, secret in zip(self._names, self._secrets)
                if not self._lab.witness.carried(secret)]

    def closed(self):
        """Nothing of any of them leaves; returns what the senders were told."""
        self._lab.forget()
        told = self._send()
        self._lab.container.connect(ALLOWED_V4, 443)  # what had left would have arrived before
        assert self._held() == self._names
        return told


def frames():
    v4 = lambda secret: raw.ipv4(CONTAINER_V4, GATEWAY_V4, UDP, raw.udp(secret))  # noqa: E731
    v6 = lambda secret: raw.ipv6(CONTAINER_V6, EVIL_V6, UDP, raw.udp(secret))  # noqa: E731

    def frame(kind, body, **how):
        return lambda secret: dict(do="frame", device="eth0", kind=kind, body=body(secret), **how)

    return {
        "IPv4": frame(IPV4, v4),
        "IPv4, with the mark of egressd": frame(IPV4, v4, mark=QUESTION_MARK),
        "IPv4, past the queue": frame(IPV4, v4, bypass=True),
        "IPv4, past the queue, with the mark": frame(IPV4, v4, bypass=True, mark=QUESTION_MARK),
        "IPv4, cooked": frame(IPV4, v4, cooked=True),
        "IPv6": frame(IPV6, v6),
        "IPv6, cooked, past the queue": frame(IPV6, v6, cooked=True, bypass=True),
        "TCP to an allowed host": frame(IPV4, lambda secret: raw.ipv4(
            CONTAINER_V4, ALLOWED_V4, TCP, raw.tcp(secret, PSH | ACK))),
        "ARP": frame(ARP, lambda secret: b"\0\1\x08\0\6\4\0\1" + secret.ljust(20)),
        "ARP, past the queue": frame(ARP, lambda secret: secret.ljust(28), bypass=True),
        "DHCP": frame(IPV4, lambda secret: raw.ipv4(
            "0.0.0.0", "255.255.255.255", UDP, raw.udp(secret, 67, 68))),
        "a VLAN": frame(VLAN, lambda secret: b"\0\7\x08\0" + v4(secret)),
        "a protocol of its own": frame(EXPERIMENTAL, lambda secret: secret.ljust(46)),
    }


@pytest.mark.leak("H34", "L37")
def test_a_packet_socket_gets_nothing_out(lab, container):
    """It needs CAP_NET_RAW, which Docker gives to root. It goes past the chains of inet egressd."""
    ways = Ways(lab, container, frames())
    egressd = lab.egressd(allow=[ALLOWED])
    assert container.connect(ALLOWED_V4, 443)
    told = ways.closed()
    assert {outcome.error for outcome in told.values()} == {"ENOBUFS"}
    assert not egressd.weaknesses()
    egressd.kill9()
    ways.closed()


ANSWERER = """
import socket, sys
server = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], 7777)); server.settimeout(10); print("up", flush=True)
try: server.sendto(b"<an answer>", server.recvfrom(100)[1])
except OSError as error: print(error)
"""


@pytest.mark.leak("H34", "H28")
@pytest.mark.parametrize("own, evil, kind", [(CONTAINER_V4, EVIL_V4, IPV4),
                                             (CONTAINER_V6, EVIL_V6, IPV6)], ids=["v4", "v6"])
def test_an_inbound_flow_cannot_be_forged_on_loopback(lab, container, own, evil, kind):
    """A frame that a packet socket sends on lo comes in again: as a question of somebody outside,
    whose answer would leave as part of a flow that began out there."""
    packet = raw.ipv4 if kind == IPV4 else raw.ipv6
    request = dict(do="frame", device="lo", kind=kind, to="00" * 6,
                   body=packet(evil, own, UDP, raw.udp(b"?", 7777, 9999, (evil, own))))
    container.run(["sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0",
                   "net.ipv4.conf.lo.rp_filter=0"])

    def forge():
        with subprocess.Popen(container.command(["/usr/bin/python3", "-I", "-c", ANSWERER, own]),
                              stdout=subprocess.PIPE) as server:
            server.stdout.readline()
            outcome, = raw.send(container, [request])
            server.stdout.read()
        return outcome

    lab.forget()
    wait_until(lambda: forge() and lab.witness.carried(b"<an answer>"),
               "an answer to a forged question")
    lab.egressd(allow=[ALLOWED])
    lab.forget()
    assert forge().error == "ENOBUFS"
    assert not lab.witness.carried(b"<an answer>")


@pytest.mark.leak("H34")
def test_express_sockets_are_a_limit(lab, container):
    """Documented: AF_XDP hands frames to the driver, and CAP_NET_RAW is enough for it."""
    way = [dict(do="express", device="eth0", kind=EXPERIMENTAL, body=b"<secret>".ljust(46))]
    outcome, = raw.send(container, way)
    if outcome.error in ("EAFNOSUPPORT", "EPROTONOSUPPORT"):
        pytest.skip("this kernel has no AF_XDP")
    assert outcome
    wait_until(lambda: lab.witness.carried(b"<secret>"), "an express frame")
    lab.egressd(allow=[ALLOWED])
    lab.forget()
    assert raw.send(container, way)[0]
    wait_until(lambda: lab.witness.carried(b"<secret>"), "an express frame")
    refused, = raw.send(container, way, uid=AGENT)
    assert refused.error == "EPERM"


def headers_v4(destination):
    def packet(protocol, body, **how):
        return lambda secret: dict(do="ip", destination=destination, **how, packet=raw.ipv4(
            CONTAINER_V4, destination, protocol, body(secret)))

    def fragment(start, more, body, **how):
        return lambda secret: dict(do="ip", destination=destination, **how, packet=raw.ipv4(
            CONTAINER_V4, destination, UDP, body(secret), start, more))

    plain = bytes.ljust
    ways = {f"protocol {number}": packet(number, lambda secret: plain(secret, 40))
            for number in (2, 4, 41, 47, 50, 51, 89, 94, 112, 115, 132, 136, 253)}
    ways |= {f"TCP flags {flags}": packet(TCP, lambda secret, flags=flags: raw.tcp(
        secret, flags, 8443))
             for flags in (0, FIN, RST, SYN, SYN | ACK, ACK, PSH | ACK, SYN | FIN)}
    ways |= {f"ICMP type {number}": packet(1, lambda secret, number=number: bytes([number, 0]) +
                                           b"\0\0\0\0\0\0" + secret) for number in (0, 8, 13)}
    ways["a first fragment"] = fragment(0, True, lambda secret: raw.udp(secret.ljust(64)),
                                        nodefrag=True)
    ways["a later fragment"] = fragment(1024, False, bytes, nodefrag=True)
    return ways


@pytest.mark.leak("L37", "H33", "H34", "H43")
def test_ipv4_headers_of_ones_own(lab, container):
    ways = Ways(lab, container, headers_v4(EVIL_V4))
    lab.egressd(allow=[ALLOWED]).wait_leased(ALLOWED_V4)
    assert all(not outcome for outcome in ways.closed().values())


@pytest.mark.leak("L9", "L37", "H43")
def test_ipv4_headers_to_an_allowed_host(lab, container):
    """Its one open port is no way to another protocol or port of it."""
    ways = Ways(lab, container, headers_v4(ALLOWED_V4))
    lab.egressd(allow=[f"{ALLOWED}:443"]).wait_leased(ALLOWED_V4)
    ways.closed()


def headers_v6(destination):
    chains = {
        "hop-by-hop options": [(raw.HOP_BY_HOP, raw.extension)],
        "destination options": [(raw.DESTINATION_OPTIONS, raw.extension)],
        "both": [(raw.HOP_BY_HOP, raw.extension), (raw.DESTINATION_OPTIONS, raw.extension)],
        "many": [(raw.DESTINATION_OPTIONS, raw.extension)] * 6,
        "a routing header": [(raw.ROUTING, lambda following: raw.routing_header(
            following, ALLOWED_V6))],
        "a whole fragment": [(raw.FRAGMENT, raw.fragment_header)],
        "options, then a fragment": [(raw.DESTINATION_OPTIONS, raw.extension),
                                     (raw.FRAGMENT, raw.fragment_header)],
    }
    bodies = {"UDP": (UDP, lambda secret: raw.udp(secret, 8443)),
              "TCP": (TCP, lambda secret: raw.tcp(secret, SYN, 8443)),
              "nothing": (raw.NO_NEXT, bytes), "ESP": (50, lambda secret: secret.ljust(40))}

    def way(chain, protocol, body):
        kinds = [kind for kind, _ in chain] + [protocol]

        def request(secret):
            packed = body(secret)
            for (_, build), following in reversed(list(zip(chain, kinds[1:]))):
                packed = build(following) + packed
            return dict(do="ip", destination=destination,
                        packet=raw.ipv6(CONTAINER_V6, destination, kinds[0], packed))
        return request

    return {f"{name} before {what}": way(chain, *bodies[what])
            for (name, chain), what in itertools.product(chains.items(), bodies)}


@pytest.mark.leak("L1", "L37", "H33", "H43")
@pytest.mark.parametrize("destination", [EVIL_V6, ALLOWED_V6], ids=["evil", "allowed"])
def test_ipv6_headers_in_front(lab, container, destination):
    """What stands before TCP or UDP hides neither the protocol nor the port."""
    ways = Ways(lab, container, headers_v6(destination))
    lab.egressd(allow=[f"{ALLOWED}:443"]).wait_leased(ALLOWED_V6)
    ways.closed()


def datagrams():
    def to(destination, port=443, **how):
        return lambda secret: dict(do="udp", destination=destination, port=port, payload=secret,
                                   **how)

    options = {"recorded route": RECORD_ROUTE + bytes(4), "timestamps": TIMESTAMP + bytes(4)}
    ways = {f"with {name}": to(EVIL_V4, options=bits.hex()) for name, bits in options.items()}
    ways |= {f"to {destination}": to(destination, port) for destination, port in (
        (f"::ffff:{EVIL_V4}", 443), ("2001:0:cb00:7142::1", 443), ("64:ff9b::cb00:7142", 443),
        ("64:ff9b:1::cb00:7142", 443), ("2002:cb00:7142::1", 443), ("::203.0.113.66", 443),
        ("239.255.1.2", 443), ("224.0.0.251", 5353), ("255.255.255.255", 9999),
        ("172.30.0.255", 9999), ("169.254.9.9", 443), ("ff02::fb%eth0", 5353),
        ("ff05::2", 443), ("ff0e::3", 443), (EVIL_V4, 443), (EVIL_V6, 443))}
    return ways


@pytest.mark.leak("L37", "L38", "H33", "H43")
def test_odd_destinations_and_options(lab, container):
    """What anybody may send: other forms of an address, many receivers, options of IP."""
    container.ip("route add 224.0.0.0/4 dev eth0", "route add 169.254.0.0/16 dev eth0")
    ways = Ways(lab, container, datagrams(), uid=AGENT)
    lab.egressd(allow=[f"{ALLOWED}:443/udp"]).wait_leased(ALLOWED_V4, ALLOWED_V6)
    told = ways.closed()
    assert {outcome.error for outcome in told.values()} <= {"EPERM", "EACCES"}, told


@pytest.mark.leak("L37", "H33", "H43")
def test_by_way_of_a_host_that_is_not_allowed(lab, container):
    """Source routes: the packet is for an allowed host, but goes to another one first."""
    by_v4 = FIRST_HOP + socket.inet_aton(EVIL_V4)
    by_v6 = raw.routing_header(0, "::", EVIL_V6)
    ways = Ways(lab, container, {
        f"to {destination}": lambda secret, destination=destination, options=options: dict(
            do="udp", destination=destination, port=443, payload=secret, options=options)
        for destination, options in ((ALLOWED_V4, by_v4), (ALLOWED_V6, by_v6))})
    lab.egressd(allow=[f"{ALLOWED}:443/udp"]).wait_leased(ALLOWED_V4, ALLOWED_V6)
    assert {outcome.error for outcome in ways.closed().values()} <= {"EPERM", "EACCES"}


@pytest.mark.leak("H43")
def test_an_empty_datagram(lab, container):
    probe = lab.prove_open(lambda: raw.send(container, [
        dict(do="udp", destination=EVIL_V4, port=9999, payload=b"")], AGENT)[0],
        destination=EVIL_V4)
    lab.egressd(allow=[ALLOWED])
    probe.refused("EPERM")


@pytest.mark.leak("L37", "H33")
@pytest.mark.parametrize("destination", [EVIL_V4, EVIL_V6])
def test_data_in_the_first_packet_of_a_connection(lab, container, destination):
    """TCP Fast Open, with a server that is told to ask for no cookie."""
    container.run(["sysctl", "-qw", "net.ipv4.tcp_fastopen=5"])
    ways = Ways(lab, container, {"fast open": lambda secret: dict(
        do="fast_open", destination=destination, port=443, payload=secret)}, uid=AGENT)
    lab.egressd(allow=[ALLOWED])
    ways.closed()
    assert not lab.witness.packets(destination=destination)


@pytest.mark.leak("L37", "H33")
def test_other_kinds_of_connections(lab, container):
    """MPTCP, SCTP and DCCP, as far as this kernel has them."""
    requests = [dict(do="stream", destination=destination, port=443, protocol=protocol)
                for destination in (EVIL_V4, EVIL_V6) for protocol in (262, 132, 33)]
    lab.forget()
    known = [request for request, outcome in zip(requests, raw.send(container, requests, AGENT))
             if outcome]
    assert known, "not even MPTCP"
    lab.egressd(allow=[ALLOWED])
    lab.forget()
    assert not any(raw.send(container, known, AGENT))
    assert not lab.strays([ALLOWED])


@pytest.mark.leak("H34", "L39")
def test_a_namespace_of_ones_own_has_no_way_out(lab, container):
    """There an agent may open packet sockets: but no interface is in it, and none can be got."""
    lab.egressd(allow=[ALLOWED])
    script = ("ip link set lo up; ip link show eth0 2>&1; "
              "ip link add out link eth0 type macvlan 2>&1; ip link add v type veth peer name w; "
              "ip link set w netns 1 2>&1; ip -o link")
    done = container.run(["unshare", "--user", "--map-root-user", "--net", "sh", "-c", script],
                         uid=AGENT, check=False)
    assert "eth0" not in done.stdout.replace('"eth0"', "").splitlines()[-1]
    assert "w@" not in container.run(["ip", "-o", "link"]).stdout
