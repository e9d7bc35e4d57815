"""The lab: a dev container, an internet, and everything between them that a test may turn."""

import contextlib
import pathlib
import shutil
import tempfile

from .daemon import Egressd, install
from .docker_dns import DockerDns
from .internet import CONTAINER_V4, CONTAINER_V6, GATEWAY_V4, GATEWAY_V6, Internet
from .machine import Machine
from .probe import Probe
from .waiting import wait_until
from .witness import Witness

ALLOWED, ALLOWED_V4, ALLOWED_V6 = "allowed.test", "203.0.113.10", "2001:db8:a::10"
EVIL, EVIL_V4, EVIL_V6 = "evil.test", "203.0.113.66", "2001:db8:bad::66"
UPSTREAM, UPSTREAM_V6 = "192.0.2.53", "2001:db8:53::53"


class Lab:
    def __init__(self, certificate):
        self._ends = contextlib.ExitStack()
        self._daemons = []
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="egressd-lab-"))
        self._ends.callback(shutil.rmtree, self.folder)
        self.folder.chmod(0o755)
        try:
            self._build(certificate)
        except BaseException:
            self.close()
            raise

    def _build(self, certificate):
        self.internet = Internet(certificate)
        self._ends.callback(self.internet.close)
        self.dns, self.servers = self.internet.dns, self.internet.servers
        self.zone = self.internet.zone
        self.zone.host(ALLOWED, ALLOWED_V4, ALLOWED_V6)
        self.zone.host(EVIL, EVIL_V4, EVIL_V6)
        self.container = self._machine("container")
        self.internet.plug(self.container.pid)
        wait_until(lambda: self.container.ping(GATEWAY_V4, 0.1)
                   and self.container.ping(GATEWAY_V6, 0.1), "cable, and neighbours that are known")
        self.witness = Witness(self.internet.loop, self.internet.machine, self.container)
        self._ends.callback(self.witness.close)

    def _machine(self, name):
        machine = Machine(name)
        self._ends.callback(machine.close)
        return machine

    def close(self):
        """Ends everything, last made first, and then says what was wrong with a daemon."""
        self._ends.close()

    # egressd

    def egressd(self, policy=None, *, allow=None, deny=None, ready=True, start=True, **settings):
        """Starts egressd with a policy, given whole or as its lists.

        Without any, it takes what /etc/egressd of the container holds.
        """
        if policy is None and (allow is not None or deny is not None):
            policy = {"allow": list(allow or []), "deny": list(deny or [])}
        if not self._daemons:
            install(self.container)
        folder = self.folder / f"daemon{len(self._daemons)}"
        folder.mkdir()
        daemon = Egressd(self.container, folder, policy, **settings)
        self._daemons.append(daemon)
        self._ends.callback(daemon.stop)
        return daemon.start(ready) if start else daemon

    # Probes

    def prove_open(self, attempt, **target):
        """A Probe that has just succeeded: call this before egressd runs, refuse it after."""
        return Probe(self, attempt, target)

    def forget(self):
        """Forgets all that was witnessed and asked so far."""
        self.witness.forget()
        self.internet.loop.catch_up()
        self.dns.forget()
        self.servers.visits.clear()

    def strays(self, allowed=()):
        """Packets that left the container, but for questions about allowed names to an upstream."""
        return [packet for packet in self.witness.packets(tells=True)
                if not (packet.port == 53 and packet.destination in (UPSTREAM, UPSTREAM_V6)
                        and packet.asked in (*allowed, None))]

    # More of a world

    def docker_dns(self, **options):
        """Gives the container Docker's embedded DNS."""
        return DockerDns(self.internet.loop, self.container, **options)

    def nested(self):
        """A container inside the container: its packets are forwarded."""
        inner = self._machine("nested")
        self.container.ip(
            f"link add inner0 type veth peer name eth0 netns {inner.pid}",
            "addr add 10.99.0.1/24 dev inner0", "addr add fd99::1/64 dev inner0 nodad",
            "link set inner0 up")
        inner.ip("addr add 10.99.0.2/24 dev eth0", "addr add fd99::2/64 dev eth0 nodad",
                 "link set eth0 up", "route add default via 10.99.0.1",
                 "route add default via fd99::1")
        self.container.run(["sysctl", "-qw", "net.ipv4.ip_forward=1",
                            "net.ipv6.conf.all.forwarding=1"])
        self.internet.machine.ip(f"route add 10.99.0.0/24 via {CONTAINER_V4}",
                         f"route add fd99::/64 via {CONTAINER_V6}")
        wait_until(lambda: inner.ping(GATEWAY_V4, 0.1) and inner.ping(GATEWAY_V6, 0.1), "cable")
        return inner
