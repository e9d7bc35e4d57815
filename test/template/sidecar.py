"""A project made from agent-sandbox-sidecar, and what root in it tries."""

import json

from lab.lab import ALLOWED, EVIL_V4, EVIL_V6
from lab.waiting import wait_until

USER = "dev"
DATABASE_PORT = 5432

# As in the images that people use: whoever works in it can become root.
WITH_SUDO = f"FROM debian:12\nRUN echo '{USER} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{USER}\n"
DATABASE = ('FROM busybox:musl\nRUN echo "the database" > /tmp/index.html\n'
            f'CMD ["httpd", "-f", "-p", "{DATABASE_PORT}", "-h", "/tmp"]\n')
OPTIONS = {"image": "debian:sudo", "user": USER, "agent": ALLOWED, "host": "*.wide.test",
           "database": "database:test"}


def make_images(world):
    """Those that OPTIONS name."""
    for tag, text in (("debian:sudo", WITH_SUDO), ("database:test", DATABASE)):
        world.engine.docker("build", "--tag", tag, "-", stdin=text)


def enable_ipv6(world, project):
    compose = ".devcontainer/docker-compose.yml"
    text = (project.folder / compose).read_text()
    assert "\n  default:\n" in text
    project.write(compose, text.replace("\n  default:\n", "\n  default: " + json.dumps(
        {"enable_ipv6": True,
         "ipam": {"config": [{"subnet": world.new_network_v6()}]}}) + "\n"))


def make_project(world, new_project, name):
    world.sidecar()
    make_images(world)
    project = new_project(name, "agent-sandbox-sidecar", options=OPTIONS)
    enable_ipv6(world, project)
    return project


# Knocks at everything all the time, by every family and protocol, and counts how often it did.
FIRE = """
import itertools, os, socket, sys
shots, hosts = sys.argv[1], sys.argv[2:]
def shoot(host, kind, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as gun:
        gun.settimeout(0.02)
        try:
            if kind == socket.SOCK_DGRAM:
                gun.sendto(b"let me out", (host, port))
            else:
                gun.connect((host, port))
        except OSError:
            pass
for count in itertools.count(1):
    for host in hosts:
        for kind, port in ((socket.SOCK_STREAM, 80), (socket.SOCK_STREAM, 443),
                           (socket.SOCK_DGRAM, 53), (socket.SOCK_DGRAM, 443)):
            shoot(host, kind, port)
    with open(shots + ".new", "w") as file:
        file.write(str(count))
    os.rename(shots + ".new", shots)
"""


class Fire:
    """Root in a container that does not give up, until the container ends."""

    SHOTS = "/tmp/shots"

    def __init__(self, container):
        self._container = container
        container.run("rm", "-f", self.SHOTS)
        container.engine.docker("exec", "--detach", container.name, "python3", "-c", FIRE,
                                self.SHOTS, EVIL_V4, EVIL_V6)
        self.goes_on()

    def _count(self):
        return int(self._container.run("cat", self.SHOTS, check=False).stdout or 0)

    def goes_on(self):
        """Returns when it has knocked a few times more."""
        before = self._count()
        wait_until(lambda: self._count() >= before + 3, "more shots")


# Answers every question about an address with one that must not be reached, on every loopback
# address that a resolver could have, and says so in the resolv.conf that both containers have.
RESOLVER = """
import os, socket, struct, sys, threading
evil = socket.inet_aton(sys.argv[1])
def answer(wire):
    end = 12
    while wire[end]:
        end += 1 + wire[end]
    question = wire[12:end + 5]
    return (wire[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0) + question
            + struct.pack("!HHHIH", 0xC00C, 1, 1, 600, 4) + evil)
def serve(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, 53))
        while True:
            wire, client = server.recvfrom(4096)
            server.sendto(answer(wire), client)
for address in ("127.0.0.1", "127.0.0.11", "127.0.0.53"):
    threading.Thread(target=serve, args=(address,)).start()
open("/etc/resolv.conf", "w").write("nameserver 127.0.0.1\\n# ExtServers: [127.0.0.53]\\n")
print(os.getpid(), flush=True)
"""
