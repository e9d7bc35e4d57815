"""The npm registry that this machine uses, within reach of containers in the lab: slirp4netns gives
the engine's network a cable to that one address."""

import contextlib
import pathlib
import socket
import subprocess
import urllib.parse

from . import cache
from .cli import node_package

HTTPS = 443
TAP, TAP_ADDRESS, TAP_GATEWAY = "tap0", "10.0.2.100/24", "10.0.2.2"
CERTIFICATES = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
NODE_MAJOR = 22  # what agents ask for

DOCKERFILE = f"""
FROM debian:12
COPY node_modules /opt/node_modules
RUN ln -s /opt/node_modules/{node_package()}/bin/node /opt/node_modules/.bin/npm /usr/local/bin/
COPY ca-certificates.crt /etc/ssl/certs/
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
"""


@contextlib.contextmanager
def registry_within_reach(world):
    """Yields the registry's name."""
    url = subprocess.run(["npm", "config", "get", "registry"], check=True, capture_output=True,
                         text=True).stdout.strip()
    host = urllib.parse.urlsplit(url).hostname
    address = socket.getaddrinfo(host, HTTPS, socket.AF_INET, socket.SOCK_STREAM)[0][4][0]
    stack = subprocess.Popen(["slirp4netns", "--disable-host-loopback", "--ready-fd=1",
                              str(world.machine.pid), TAP],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert stack.stdout.read(1) == b"1", "slirp4netns did not start"
        world.machine.ip(f"addr add {TAP_ADDRESS} dev {TAP}", f"link set {TAP} up",
                         f"route add {address} via {TAP_GATEWAY}")
        world.zone.host(host, address)
        yield host
    finally:
        world.zone.remove(host)
        stack.terminate()
        stack.wait(60)
        stack.stdout.close()


def build_image(world, name):
    """debian:12 with Node.js, npm, and this machine's trust in who signs the registry's answers."""
    context = cache.kept(f"node-{NODE_MAJOR}", _install)
    (context / "Dockerfile").write_text(DOCKERFILE)
    (context / CERTIFICATES.name).write_bytes(CERTIFICATES.read_bytes())
    world.engine.docker("build", "--quiet", "--tag", name, context)


def _install(target):
    target.mkdir()
    done = subprocess.run(
        ["npm", "install", "--prefix", str(target), "--no-package-lock", "--no-audit", "--no-fund",
         "--loglevel=error", f"{node_package()}@{NODE_MAJOR}", "npm@10"],
        capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"npm install failed:\n{done.stderr}")
