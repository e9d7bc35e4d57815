"""A UDP socket on all addresses that knows which address it was spoken to, and answers from it."""

import socket
import struct

IP_PKTINFO = 8
IPV6_FREEBIND = 78


class DatagramSocket:
    def __init__(self, machine, family, port):
        self.family, self.port = family, port
        self.socket = machine.in_network(self._open)

    def _open(self):
        v6 = self.family == 6
        sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        if v6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        sock.bind(("::" if v6 else "0.0.0.0", self.port))
        return sock

    def receive(self, handle):
        """Hands every waiting datagram to handle(self, bytes, source, destination)."""
        while True:
            try:
                data, control, _, source = self.socket.recvmsg(65535, 128)
            except BlockingIOError:
                return
            packed = control[0][2]
            if self.family == 6:
                destination = socket.inet_ntop(socket.AF_INET6, packed[:16])
            else:
                destination = socket.inet_ntop(socket.AF_INET, packed[8:12])
            handle(self, data, source, destination)

    def send(self, data, to, sender):
        if self.family == 6:
            packed = socket.inet_pton(socket.AF_INET6, sender) + struct.pack("I", 0)
            control = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, packed)
        else:
            packed = struct.pack("I", 0) + socket.inet_pton(socket.AF_INET, sender) + bytes(4)
            control = (socket.IPPROTO_IP, IP_PKTINFO, packed)
        try:
            self.socket.sendmsg([data], [control], 0, to)
        except OSError:
            pass  # whoever asked is gone
