"""The lab's resolver: every address of the internet answers on port 53 what the zone says."""

import asyncio
import socket
import struct

from .dns_wire import read_question
from .dns_zone import Zone
from .udp import DatagramSocket


class DnsServer:
    def __init__(self, loop, machine):
        self.zone = Zone()
        self.log = []
        self.unreadable = []  # what arrived and was no question
        self._loop = loop
        self._sockets = {port: [DatagramSocket(machine, family, port) for family in (4, 6)]
                         for port in (53, 5353)}
        for udp in self._sockets[53]:
            loop.watch(udp.socket, lambda udp=udp: udp.receive(self._on_datagram))
        for udp in self._sockets[5353]:  # only lies leave from there
            loop.watch(udp.socket, lambda udp=udp: udp.receive(lambda *arrived: None))
        listener = machine.in_network(lambda: socket.create_server(
            ("::", 53), family=socket.AF_INET6, dualstack_ipv6=True))
        loop.serve(self._on_stream, listener)

    # For tests

    def questions(self, name=None, type=None):
        """What was asked so far, oldest first."""
        return [question for question in list(self.log)
                if name in (None, question.lower) and type in (None, question.type)]

    def forget(self):
        self.log.clear()
        self.unreadable.clear()

    # Serving

    def _read(self, wire, transport, source, destination):
        try:
            question = read_question(wire, transport, source, destination)
        except (ValueError, IndexError, struct.error):
            self.unreadable.append(wire)
            return None
        self.log.append(question)
        return question

    def _on_datagram(self, udp, wire, source, destination):
        question = self._read(wire, "udp", source, destination)
        for reply in self.zone.answer(question) if question else ():
            if isinstance(reply, bytes):
                udp.send(reply, source, destination)
                continue
            sender = udp
            if reply.from_port != 53:
                sender = self._sockets[reply.from_port][":" in source[0]]
            encoded = reply.encode(max(512, question.edns_size))
            self._loop.later(reply.delay_s, sender.send, encoded, source, destination)

    async def _on_stream(self, reader, writer):
        destination = writer.get_extra_info("sockname")[0].removeprefix("::ffff:")
        source = writer.get_extra_info("peername")
        try:
            while True:
                size, = struct.unpack("!H", await reader.readexactly(2))
                wire = await reader.readexactly(size)
                question = self._read(wire, "tcp", source, destination)
                for reply in self.zone.answer(question) if question else ():
                    if not isinstance(reply, bytes):
                        await asyncio.sleep(reply.delay_s)
                        reply = reply.encode()
                    writer.write(struct.pack("!H", len(reply)) + reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
