"""`egressctl dashboard` as tests handle it, inside the container."""

import http.client
import json
import os
import signal
import socket
import subprocess

from .daemon import CLIENT, SANITIZER_REPORTS

AGENT = 1000


class Dashboard:
    """One that runs, for as long as the `with` lasts."""

    def __init__(self, container, runtime_dir="/run/egressd", uid=AGENT):
        self._container = container
        self._process = subprocess.Popen(
            container.command([CLIENT, "--runtime-dir", runtime_dir, "dashboard", "--port", "0",
                               "--json"], uid),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.said = self._process.stdout.readline()
        if not self.said:
            raise RuntimeError(self._process.communicate()[1])
        self.url = json.loads(self.said)["url"]
        self.port = int(self.url.rpartition(":")[2].strip("/"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in self._container.processes("egressctl"):
            os.kill(pid, signal.SIGTERM)
        _, complaints = self._process.communicate(timeout=60)
        for report in SANITIZER_REPORTS:
            assert report not in complaints, complaints

    @property
    def pid(self):
        """Seen from outside."""
        (pid,) = self._container.processes("egressctl")
        return pid

    def exit_code(self):
        return self._process.poll()

    def connect(self):
        return connect(self._container, self.port)

    def exchange(self, request):
        """All that comes back for these bytes, until it closes."""
        with self.connect() as client:
            client.sendall(request)
            reply = b""
            while part := client.recv(65536):
                reply += part
            return reply

    def get(self, path="/", method="GET", **headers):
        """Status, headers and body."""
        connection = http.client.HTTPConnection("localhost", self.port, timeout=60)
        connection.sock = self.connect()
        try:
            connection.request(method, path, headers=headers)
            reply = connection.getresponse()
            return reply.status, dict(reply.headers), reply.read()
        finally:
            connection.close()


def connect(container, port):
    client = container.in_network(socket.socket)  # stays in the network it was made in
    client.settimeout(60)
    client.connect(("127.0.0.1", port))
    return client
