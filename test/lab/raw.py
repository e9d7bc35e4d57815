"""Our end of raw_packets.py, and the packets that go through it."""

import json
import pathlib
import socket
import struct

from .agent_client import Outcome

SOURCE = pathlib.Path(__file__).with_name("raw_packets.py").read_text()
TCP, UDP = 6, 17
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
HOP_BY_HOP, ROUTING, FRAGMENT, NO_NEXT, DESTINATION_OPTIONS = 0, 43, 44, 59, 60


def send(machine, requests, uid=None):
    """Sends all of them, as root unless uid says otherwise: an Outcome for each.

    A request is what raw_packets.py does with which arguments: dict(do="udp", port=53, ...).
    """
    text = json.dumps(requests, default=bytes.hex)
    done = machine.run(["/usr/bin/python3", "-I", "-c", SOURCE], uid=uid, stdin=text)
    return [Outcome(fields) for fields in json.loads(done.stdout)]


def ethernet_to(machine, device, kind, body):
    """The request for a frame that is sent on eth0 to the device of another machine."""
    address = machine.run(["cat", f"/sys/class/net/{device}/address"]).stdout.strip()
    return dict(do="frame", device="eth0", kind=kind, body=body, to=address.replace(":", ""))


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def udp(payload, port=443, sport=4444, ends=None):
    """ends: source and destination, where the receiver wants a checksum."""
    size = 8 + len(payload)
    datagram = struct.pack("!HHHH", sport, port, size, 0) + payload
    if not ends:
        return datagram
    family = socket.AF_INET6 if ":" in ends[0] else socket.AF_INET
    summed = b"".join(socket.inet_pton(family, end) for end in ends) + struct.pack("!HH", UDP, size)
    return datagram[:6] + struct.pack("!H", checksum(summed + datagram)) + payload


def tcp(payload, flags, port=443, sport=4444):
    return struct.pack("!HHIIBBHHH", sport, port, 1, 1, 5 << 4, flags, 512, 0, 0) + payload


def ipv4(source, destination, protocol, body, fragment=0, more=False):
    """fragment: where the body lies in the packet it is a part of."""
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 77, fragment >> 3 | more << 13,
                       64, protocol, 0, socket.inet_aton(source), socket.inet_aton(destination))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def ipv6(source, destination, protocol, body):
    ends = (socket.inet_pton(socket.AF_INET6, end) for end in (source, destination))
    return struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + b"".join(ends) + body


def extension(following, body=b"\1\4\0\0\0\0"):
    """An extension header before a header of type `following`: options, usually padding."""
    return struct.pack("!BB", following, (len(body) + 2) // 8 - 1) + body


def fragment_header(following, offset=0, more=False):
    return struct.pack("!BBHI", following, 0, offset | more, 99)


def routing_header(following, *segments):
    """Segment routing: the last of them comes first, and the others behind it."""
    last = len(segments) - 1
    return (struct.pack("!BBBBBBH", following, 2 * len(segments), 4, last, last, 0, 0) +
            b"".join(socket.inet_pton(socket.AF_INET6, segment) for segment in segments))
