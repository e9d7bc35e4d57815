"""A stand-in for Docker's embedded DNS on a user-defined network.

As dockerd does: nat rules from 127.0.0.11:53 to a random port there, a resolver that knows the
neighbours, and that asks external servers from inside the container's network, as root.
"""

import asyncio
import queue
import socket

import dns.message

from .dns_wire import Reply, address_record, read_question

RULES = """
table ip nat {{
    chain OUTPUT {{
        type nat hook output priority -100; policy accept;
        ip daddr 127.0.0.11 counter jump DOCKER_OUTPUT
    }}
    chain POSTROUTING {{
        type nat hook postrouting priority 100; policy accept;
        ip daddr 127.0.0.11 counter jump DOCKER_POSTROUTING
    }}
    chain DOCKER_OUTPUT {{
        ip daddr 127.0.0.11 tcp dport 53 counter dnat to 127.0.0.11:{tcp}
        ip daddr 127.0.0.11 udp dport 53 counter dnat to 127.0.0.11:{udp}
    }}
    chain DOCKER_POSTROUTING {{
        ip saddr 127.0.0.11 tcp sport {tcp} counter snat to :53
        ip saddr 127.0.0.11 udp sport {udp} counter snat to :53
    }}
}}
"""


class DockerDns:
    def __init__(self, loop, container, external="192.0.2.53", neighbours=None):
        self.neighbours = dict(neighbours or {})
        self.log = []  # names asked of it
        self._loop, self._container, self._external = loop, container, external
        self._waiting = {}
        self._udp = container.in_network(lambda: self._bind(socket.SOCK_DGRAM))
        self._tcp = container.in_network(lambda: self._bind(socket.SOCK_STREAM))
        self._out = container.in_network(self._outward)
        self.udp_port = self._udp.getsockname()[1]
        self.tcp_port = self._tcp.getsockname()[1]
        loop.watch(self._udp, self._on_datagram)
        loop.watch(self._out, self._on_answer)
        self._server = loop.serve(self._on_stream, self._tcp)
        container.run(["nft", "-f", "-"],
                      stdin=RULES.format(udp=self.udp_port, tcp=self.tcp_port))
        container.write("/etc/resolv.conf", "nameserver 127.0.0.11\noptions ndots:0\n\n"
                        "# Based on host file: '/etc/resolv.conf' (internal resolver)\n"
                        f"# ExtServers: [{external}]\n# Overrides: []\n")

    def close(self):
        """As when dockerd ends: nobody listens, and the rules stay."""
        self._loop.close_watched(self._udp)
        self._loop.call(self._server.close)

    def ask(self, name):
        """What it answers (as text) to a question that did not come through the network."""
        wire = dns.message.make_query(name, "A").to_wire()
        answers = queue.Queue()
        self._loop.call(self._handle, wire, answers.put)
        return dns.message.from_wire(answers.get(timeout=60)).to_text()

    @staticmethod
    def _bind(kind):
        sock = socket.socket(socket.AF_INET, kind)
        sock.bind(("127.0.0.11", 0))
        sock.setblocking(False)
        if kind == socket.SOCK_STREAM:
            sock.listen(64)
        return sock

    def _outward(self):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect((self._external, 53))
        sock.setblocking(False)
        return sock

    def _handle(self, wire, reply):
        """Answers a neighbour's name, or asks outside and answers later."""
        try:
            question = read_question(wire, "udp", (), "127.0.0.11")
        except (ValueError, IndexError):
            return
        self.log.append(question.lower)
        if question.lower in self.neighbours:
            answer = Reply(question)
            if question.type == "A":
                answer.answer.append(
                    address_record(question.name, self.neighbours[question.lower], 600))
            reply(answer.encode())
            return
        self._waiting[wire[:2], question.lower] = reply
        try:
            self._out.send(wire)
        except OSError:
            reply(Reply(question, rcode="SERVFAIL").encode())

    def _on_datagram(self):
        wire, source = self._udp.recvfrom(65535)
        self._handle(wire, lambda data: self._udp.sendto(data, source))

    def _on_answer(self):
        try:
            wire = self._out.recv(65535)
            asked = wire[:2] + bytes([0, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + wire[12:]
            name = read_question(asked, "udp", (), self._external).lower
        except (OSError, ValueError, IndexError):
            return
        reply = self._waiting.pop((wire[:2], name), None)
        if reply:
            reply(wire)

    async def _on_stream(self, reader, writer):
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(2), "big")
                wire = await reader.readexactly(size)
                answered = asyncio.get_running_loop().create_future()
                self._handle(wire, lambda data: answered.done() or answered.set_result(data))
                data = await asyncio.wait_for(answered, 5)
                writer.write(len(data).to_bytes(2, "big") + data)
                await writer.drain()
        except (EOFError, OSError, asyncio.TimeoutError):
            pass
        finally:
            writer.close()
