"""A process may bind its socket to an interface: what is meant for loopback leaves by none."""

import pytest

from lab.lab import ALLOWED, ALLOWED_V4, EVIL_V4, EVIL_V6, UPSTREAM

OTHER_V6 = "2001:db8:31::2"

# Any process may choose an interface for its socket (SO_BINDTODEVICE since Linux 5.7), before it
# sends or in the middle of a flow.
CHOOSER = """
import socket, struct, sys
kind, address, port, way, device = sys.argv[1:]
v6 = ":" in address
family = socket.AF_INET6 if v6 else socket.AF_INET
stream = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
client = socket.socket(family, stream)
client.settimeout(1)

def choose():
    if way == "unicast":  # IPV6_UNICAST_IF, IP_UNICAST_IF
        index = struct.pack("!I", socket.if_nametoindex(device))
        client.setsockopt(*((socket.IPPROTO_IPV6, 76) if v6 else (socket.IPPROTO_IP, 50)), index)
    else:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())

try:
    if way == "late":
        server = socket.socket(family, stream)
        server.bind((address, 0))
        if kind == "tcp":
            server.listen()
        client.connect(server.getsockname())
        if kind == "udp":
            client.send(b"hello")
            _, peer = server.recvfrom(100)
            server.sendto(b"hello", peer)
            client.recv(100)
        choose()
    else:
        choose()
        client.connect((address, int(port)))
    client.send(b"the secret")
    print("ok")
except OSError as error:
    print(error)
"""


def send(container, kind, address, way, port=53, device="eth0"):
    return container.run(["/usr/bin/python3", "-I", "-c", CHOOSER, kind, address, str(port), way,
                          device], uid=1000).stdout.strip()


def to_loopback(lab):
    """Packets that arrived and are addressed to loopback."""
    return [packet for address in ("127.0.0.1", "::1")
            for packet in lab.witness.packets(destination=address)]


@pytest.mark.leak("H32", "H33")
@pytest.mark.parametrize("way", ["device", "unicast", "late"])
@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_nothing_for_loopback_leaves(lab, container, kind, way):
    """Redirected to the gate, or let through over loopback, it would take the chosen interface."""
    destinations = ["127.0.0.1", "::1"]
    if way != "late":
        destinations += [EVIL_V4, EVIL_V6, ALLOWED_V4, UPSTREAM]
    lab.prove_open(lambda: send(container, "udp", "::1", way) == "ok", destination="::1")
    lab.egressd(allow=[ALLOWED])
    lab.forget()
    for destination in destinations:
        send(container, kind, destination, way)
    assert not lab.witness.carried(b"the secret")
    assert not to_loopback(lab)
    assert container.connect(ALLOWED, 443)
    assert not container.connect(EVIL_V4, 443)


@pytest.mark.leak("H33")
@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_a_flow_within_does_not_go_on_outside(lab, container, kind):
    """To an own address, by another interface: whoever claims the address there would have it."""
    container.ip("link add other type bridge", f"addr add {OTHER_V6}/64 dev other nodad",
                 "link set other up")
    lab.prove_open(lambda: send(container, "udp", OTHER_V6, "late") == "ok",
                   destination=OTHER_V6)
    lab.egressd(allow=[ALLOWED])
    lab.forget()
    send(container, kind, OTHER_V6, "late")
    assert not lab.witness.carried(b"the secret")
    assert not lab.witness.packets(destination=OTHER_V6)
    assert container.connect(ALLOWED, 443)
