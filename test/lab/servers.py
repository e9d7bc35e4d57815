"""HTTP, HTTPS, and echo servers on all addresses of the internet; they remember who came."""

import dataclasses
import pathlib
import socket
import ssl
import subprocess

from .udp import DatagramSocket

HTTP_PORTS = (80,)
HTTPS_PORTS = (443,)
ECHO_PORTS = (22, 25, 853, 5432, 8000, 8001, 8050, 8099, 8100, 8101, 8443, 9418)
UDP_PORTS = (123, 443, 784, 853, 8050, 8853, 9999)


@dataclasses.dataclass(frozen=True)
class Visit:
    protocol: str  # http, https, tcp or udp
    destination: str
    port: int
    source: str
    host: str = ""  # what the client called the server


def make_certificate(folder, *names):
    """A self-signed certificate with its key, in one file; of these names, for who checks them."""
    certificate = pathlib.Path(folder, "server.pem")
    checked = ["-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names)]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=lab",
                    "-keyout", certificate, "-out", certificate, *(checked if names else [])],
                   check=True, capture_output=True)
    return certificate


def _plain(address):
    return address.removeprefix("::ffff:")


class Servers:
    def __init__(self, loop, machine, certificate):
        self.visits = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        for port in HTTP_PORTS:
            loop.serve(self._on_http, self._listen(machine, port))
        for port in HTTPS_PORTS:
            loop.serve(self._on_http, self._listen(machine, port), ssl=context)
        for port in ECHO_PORTS:
            loop.serve(self._on_echo, self._listen(machine, port))
        for port in UDP_PORTS:
            for family in (4, 6):
                udp = DatagramSocket(machine, family, port)
                loop.watch(udp.socket, lambda udp=udp: udp.receive(self._on_datagram))

    @staticmethod
    def _listen(machine, port):
        return machine.in_network(lambda: socket.create_server(
            ("::", port), family=socket.AF_INET6, dualstack_ipv6=True))

    def came(self, **wanted):
        """The visits whose fields are as wanted: came(destination="203.0.113.10", port=443)."""
        return [visit for visit in list(self.visits)
                if all(getattr(visit, field) == value for field, value in wanted.items())]

    def _note(self, protocol, writer, host=""):
        address, port = writer.get_extra_info("sockname")[:2]
        source = writer.get_extra_info("peername")[0]
        self.visits.append(Visit(protocol, _plain(address), port, _plain(source), host))

    async def _on_http(self, reader, writer):
        protocol = "https" if writer.get_extra_info("ssl_object") else "http"
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:-2])
            host = headers.get("host", "")
            self._note(protocol, writer, host)
            body = f"{protocol} {host} at {_plain(writer.get_extra_info('sockname')[0])}\n"
            writer.write(("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"
                          f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
            await writer.drain()
        except (EOFError, ValueError, OSError):
            self._note(protocol, writer)
        finally:
            writer.close()

    async def _on_echo(self, reader, writer):
        self._note("tcp", writer)
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    def _on_datagram(self, udp, data, source, destination):
        self.visits.append(Visit("udp", destination, udp.port, _plain(source[0])))
        udp.send(data, source, destination)
