"""The witness: sees every packet that arrives in the internet from the container.

"The server saw nothing" is only true if no packet came, so this is asked rather than a server.
"""

import dataclasses
import socket
import struct
import time

from .dns_wire import read_question
from .machine import OutgoingCount
from .waiting import wait_until

PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6", 132: "sctp"}
NEIGHBOURS = (131, 132, 133, 134, 135, 136, 137, 143)  # ICMPv6: discovery and multicast listeners
SOL_PACKET, PACKET_STATISTICS, PACKET_IGNORE_OUTGOING = 263, 6, 23
KEPT_BYTES = 600
TURN = 10000  # frames


@dataclasses.dataclass(frozen=True)
class Packet:
    protocol: str
    source: str
    destination: str
    sport: int = 0
    port: int = 0  # where it was sent
    flags: int = 0  # of TCP
    payload: bytes = b""

    @property
    def opens(self):
        """Whether it is the first packet of a TCP connection."""
        return self.protocol == "tcp" and self.flags & 0x12 == 0x02

    @property
    def tells(self):
        """Whether it opens or carries something: more than the closing of a flow long known."""
        return self.protocol != "tcp" or self.opens or bool(self.payload)

    @property
    def asked(self):
        """The name asked for, in lower case, if this is a DNS question."""
        wire = self.payload[2:] if self.protocol == "tcp" else self.payload
        try:
            return read_question(wire, "", (), "").lower
        except (ValueError, IndexError, struct.error):
            return None


def read_frame(frame):
    """The Packet in an Ethernet frame, or None for ARP and neighbour discovery."""
    kind, = struct.unpack_from("!H", frame, 12)
    if kind == 0x0800:
        size = (frame[14] & 15) * 4
        number = frame[23]
        source, destination = (socket.inet_ntop(socket.AF_INET, frame[at:at + 4])
                               for at in (26, 30))
    elif kind == 0x86dd:
        size, number = 40, frame[20]
        source, destination = (socket.inet_ntop(socket.AF_INET6, frame[at:at + 16])
                               for at in (22, 38))
        if number == 0 and len(frame) > 62:  # hop-by-hop options: multicast listener reports
            number, size = frame[54], 40 + 8 * (frame[55] + 1)
    else:
        return None
    body = frame[14 + size:]
    protocol = PROTOCOLS.get(number, str(number))
    if protocol == "icmp6" and body and body[0] in NEIGHBOURS:
        return None
    if protocol not in ("tcp", "udp") or len(body) < 8:
        return Packet(protocol, source, destination, payload=body)
    sport, port = struct.unpack_from("!HH", body)
    if protocol == "udp":
        return Packet(protocol, source, destination, sport, port, 0, body[8:])
    start = (body[12] >> 4) * 4
    return Packet(protocol, source, destination, sport, port, body[13], body[start:])


class Witness:
    def __init__(self, loop, internet, container):
        self._frames = []
        self._seen = 0
        self._loop = loop
        self._unseen = 0  # what left while the two were being opened
        self._sent = OutgoingCount(container)
        self._socket = internet.in_network(self._open)
        loop.watch(self._socket, self._drain)
        self._begin()

    def close(self):
        self._sent.close()

    def _begin(self):
        """Learns how far the two counts are apart, in a moment in which nothing is under way."""
        def counts():
            sent = self._sent.total()
            self._loop.call(self._drain)
            return sent, self._seen

        def is_quiet():
            before = counts()
            time.sleep(0.02)
            return counts() == before and before

        sent, seen = wait_until(is_quiet, "a quiet moment")
        self._unseen = sent - seen

    @staticmethod
    def _open():
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        sock.setsockopt(socket.SOL_SOCKET, 33, 256 << 20)  # SO_RCVBUFFORCE
        sock.setblocking(False)
        sock.bind(("eth0", 3))
        return sock

    def _drain(self):
        """Not to the end: whoever hammers may send faster than this reads."""
        for _ in range(TURN):
            try:
                self._frames.append(self._socket.recv(KEPT_BYTES))
                self._seen += 1
            except BlockingIOError:
                return

    def settle(self):
        """Returns when all that has left the container so far has been seen here."""
        def arrived():
            sent = self._sent.total()
            self._loop.call(self._drain)
            return self._seen + self._unseen >= sent

        wait_until(arrived, "arrival of every packet at the witness", pause=0.002)
        lost = struct.unpack("II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        assert lost == 0, f"the witness missed {lost} packets"

    def forget(self):
        self.settle()
        self._frames.clear()

    def frames(self):
        """All of it, as it came on the wire."""
        self.settle()
        return list(self._frames)

    def carried(self, content):
        """Whether anything that arrived since forget(), of whatever kind, contained these bytes."""
        self.settle()
        return any(content in frame for frame in list(self._frames))

    def packets(self, **wanted):
        """What arrived since forget(), without ARP and neighbour discovery.

        packets(destination="203.0.113.66", port=443) keeps those whose fields are so.
        """
        read = (read_frame(frame) for frame in self.frames())
        return [packet for packet in read if packet
                and all(getattr(packet, field) == value for field, value in wanted.items())]
