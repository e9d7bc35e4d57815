"""The servers that are compared, each started fresh in a container of its own."""

import contextlib
import json
import os
import pathlib
import subprocess

from lab.waiting import wait_until

from .place import SERVER_CPU, Program

ZONE = "bench.test"  # every name that is asked lies below
NAMES_MAX = 60000    # fresh names one server is asked; egressd holds at most 65536 leases

PEER_TABLE = """
table inet peer {
    set grant4 { type ipv4_addr; flags timeout; timeout 1h; size 65536; }
    set grant6 { type ipv6_addr; flags timeout; timeout 1h; size 65536; }
}
"""
UNBOUND = """
server:
    interface: 127.0.0.1
    do-daemonize: no
    use-syslog: no
    verbosity: 0
    chroot: ""
    username: ""
    directory: "/run"
    pidfile: ""
    num-threads: 1
    module-config: "iterator"
    outgoing-range: 8192
    num-queries-per-thread: 4096
    msg-cache-size: 64m
    rrset-cache-size: 128m
    so-rcvbuf: 4m
    so-sndbuf: 4m
    local-zone: "test." nodefault
    do-ip6: no
remote-control:
    control-enable: no
forward-zone:
    name: "."
    forward-addr: {upstream}
"""


class Server:
    """One server at work: where to ask it, what it holds."""

    kernel_sets = ()
    cpu = SERVER_CPU

    def __init__(self, place):
        self.place = place
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        try:
            self.machine = self._stack.enter_context(self.place.container())
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *reason):
        return self._stack.__exit__(*reason)

    def _run(self, argv):
        program = Program(self.machine, argv, self.cpu)
        self._stack.callback(program.stop)
        return program

    def _run_until_bound(self, argv):
        program = self._run(argv)
        sockets = pathlib.Path(f"/proc/{self.machine.pid}/net/udp")
        wait_until(lambda: program.check() or ":0035 " in sockets.read_text(),
                   f"{self.name} at port 53")

    def grants(self):
        """Elements in the kernel because of its answers."""
        count = 0
        for kernel_set in self.kernel_sets:
            listed = json.loads(self.machine.nft("-j", "list", "set", *kernel_set.split()))
            content = next(item["set"] for item in listed["nftables"] if "set" in item)
            count += len(content.get("elem", []))
        return count

    def memory(self):
        """Resident set of all its processes, in KiB."""
        total = 0
        for pid in self.machine.processes(self.process_name):
            for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1])
        return total


class Direct(Server):
    """No server between: the upstream itself."""

    name = "upstream"

    def _start(self):
        self.address = self.machine.upstream


class Dnsmasq(Server):
    name = process_name = "dnsmasq"
    grants_leases = False
    cache_size = 10000

    def _start(self):
        self.address = "127.0.0.1"
        options = ["--conf-file=/dev/null", "--keep-in-foreground", "--user=root", "--pid-file=",
                   "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts",
                   f"--server={self.machine.upstream}",
                   f"--cache-size={self.cache_size}", "--dns-forward-max=10000"]
        if self.grants_leases:
            self.machine.run(["nft", "-f", "-"], stdin=PEER_TABLE)
            options.append(f"--nftset=/{ZONE}/4#inet#peer#grant4,6#inet#peer#grant6")
        self._run_until_bound(["dnsmasq", *options])


class DnsmasqNftset(Dnsmasq):
    name = "dnsmasq+nftset"
    grants_leases = True
    kernel_sets = ("inet peer grant4", "inet peer grant6")


class DnsmasqDefaultCache(DnsmasqNftset):
    name = "dnsmasq, 150 names"
    cache_size = 150


class Unbound(Server):
    name = process_name = "unbound"

    def _start(self):
        self.address = "127.0.0.1"
        self.machine.write("/etc/unbound.bench", UNBOUND.format(upstream=self.machine.upstream))
        self._run_until_bound(["unbound", "-d", "-c", "/etc/unbound.bench"])


class Egressd(Server):
    name = process_name = "egressd"
    kernel_sets = ("inet egressd allow4", "inet egressd allow6")

    def __init__(self, place, allow=None, options=()):
        super().__init__(place)
        self._allow = list(allow or [every_name(443)])
        self._options = list(options)

    def _start(self):
        self.address = self.machine.upstream  # as a client has it: the kernel redirects
        prepare_egressd(self.machine, self.place.tools, self._allow)
        program = self._run([*egressd_command(self.machine), "--foreground", *self._options])
        wait_until(lambda: program.check() or os.path.exists(
            self.machine.path("/run/egressd/control.sock")), "egressd's socket")
        try:
            self.machine.run(["/usr/local/bin/egressctl", "wait"])
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            raise RuntimeError(f"{error}\n{program.errors()}") from None

    def gate_port(self):
        """Where the gate itself listens."""
        listeners = self.machine.run(["ss", "-Hlun", "src", "127.0.0.1"]).stdout.split("\n")
        return min(int(line.split()[3].rpartition(":")[2]) for line in listeners if line)


def every_name(port):
    """An entry for all names below the zone, as many as a run may ask."""
    return {"host": f"*.{ZONE}", "ports": [port], "names": 1000000}


def prepare_egressd(machine, tools, allow):
    machine.install(tools.egressd, "/usr/local/bin/egressd")
    machine.run(["ln", "-sf", "egressd", "/usr/local/bin/egressctl"])
    machine.write("/etc/egressd/policy.json", json.dumps({"allow": list(allow)}))


def egressd_command(machine):
    return ["/usr/local/bin/egressd", "run", "--policy", "/etc/egressd/policy.json",
            "--upstream", machine.upstream]
