"""The internet of the lab: a machine on which every address there is answers.

    internet = Internet(certificate)
    internet.plug(pid)                 # a cable into the network of that process
    internet.zone.host("allowed.test", "203.0.113.10", "2001:db8:a::10")

Whatever has the other end of the cable reaches it by its default route, as a dev container, or a
Docker Engine in a namespace of its own.
"""

import subprocess

from .dns_server import DnsServer
from .loop import LoopThread
from .machine import Machine
from .servers import Servers

CONTAINER_V4, CONTAINER_V6 = "172.30.0.2", "fd77::2"
GATEWAY_V4, GATEWAY_V6 = "172.30.0.1", "fd77::1"


class Internet:
    def __init__(self, certificate):
        self.machine = Machine("internet")
        self.loop = LoopThread()
        try:
            self.machine.ip("route add local 0.0.0.0/0 dev lo table main",
                            "route add local ::/0 dev lo table main")
            self.dns = DnsServer(self.loop, self.machine)
            self.servers = Servers(self.loop, self.machine, certificate)
        except BaseException:
            self.close()
            raise

    @property
    def zone(self):
        return self.dns.zone

    def plug(self, pid):
        """Connects the network that the process pid is in: eth0 on both sides."""
        self.machine.ip(
            f"link add eth0 type veth peer name eth0 netns {pid}",
            f"addr add {GATEWAY_V4}/24 dev eth0", f"addr add {GATEWAY_V6}/64 dev eth0 nodad",
            "link set eth0 up")
        lines = [f"addr add {CONTAINER_V4}/24 dev eth0",
                 f"addr add {CONTAINER_V6}/64 dev eth0 nodad", "link set eth0 up",
                 f"route add default via {GATEWAY_V4}", f"route add default via {GATEWAY_V6}"]
        subprocess.run(["nsenter", f"--target={pid}", "--net", "ip", "-batch", "-"],
                       input="\n".join(lines) + "\n", text=True, check=True)

    def close(self):
        try:
            self.loop.close()
        finally:
            self.machine.close()
