"""The networks of the benchmark: an internet, and containers with a cable to it.

Built from the lab's machines, which end with this process, however it ends.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import tempfile

from lab.machine import Machine
from lab.waiting import wait_until

FIXED_V6 = "2001:db8:ffff::1"  # a server on the internet; "fixed.*" leads to it
PROBED_V4 = "203.0.113.250"    # another address of the same, which no name leads to
TRAFFIC_PORT = 443

SERVER_CPU = 0
LOAD_CPU = 1


def cpu_option(cpu):
    """Pins to a CPU, or, where there is only one, nothing."""
    return ["taskset", "-c", str(cpu)] if len(os.sched_getaffinity(0)) > 1 else []


class Program:
    """A program that runs inside a machine until it is stopped."""

    def __init__(self, machine, argv, cpu=None, ready=None):
        """ready: the line on its standard output that says it is at work."""
        pin = [] if cpu is None else cpu_option(cpu)
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            machine.command(["setpriv", "--pdeathsig", "KILL", "--", *pin, *argv]),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if ready else subprocess.DEVNULL,
            stderr=self._errors)
        if ready and self._process.stdout.readline().strip() != ready.encode():
            raise RuntimeError(f"{argv[0]} does not start: {self.errors()}")

    def errors(self):
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")

    def check(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"ended too early: {self.errors()}")

    def stop(self):
        """Kills the program itself; nsenter buries it, and ends."""
        pid = self._process.pid
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._errors.close()


class Place:
    """A context: everything that it made is gone when it ends."""

    def __init__(self, tools):
        self.tools = tools
        self._stack = contextlib.ExitStack()
        self._cables = 0

    def __enter__(self):
        self.internet = self._stack.enter_context(self._machine("internet"))
        self.internet.ip(f"addr add {PROBED_V4}/32 dev lo", f"addr add {FIXED_V6}/128 dev lo")
        return self

    def __exit__(self, *reason):
        return self._stack.__exit__(*reason)

    @contextlib.contextmanager
    def _machine(self, name):
        machine = Machine(name)
        try:
            yield machine
        finally:
            machine.close()

    @contextlib.contextmanager
    def container(self):
        """A machine with one cable to the internet; its `upstream` is the internet's end of it."""
        with self._machine("container") as machine:
            number = self._cables = (self._cables + 1) % 60
            near, far = f"192.0.2.{4 * number + 2}", f"192.0.2.{4 * number + 1}"
            near6, far6 = f"2001:db8:{number:x}::2", f"2001:db8:{number:x}::1"
            self.internet.ip(
                f"link add cable{number} type veth peer name eth0 netns {machine.pid}",
                f"addr add {far}/30 dev cable{number}",
                f"addr add {far6}/64 dev cable{number} nodad", f"link set cable{number} up")
            machine.ip(
                f"addr add {near}/30 dev eth0", f"addr add {near6}/64 dev eth0 nodad",
                "link set eth0 up", f"route add default via {far}", f"route add default via {far6}")
            machine.upstream = far
            machine.write("/etc/resolv.conf", f"nameserver {far}\n")
            wait_until(lambda: _is_up(machine), "carrier")
            yield machine

    @contextlib.contextmanager
    def responder(self, cpu=LOAD_CPU, **options):
        """The upstream: ttl, addresses and delay_ms as its options say."""
        letters = {"ttl": "-t", "addresses": "-n", "delay_ms": "-d"}
        argv = [self.tools.responder, "-f", FIXED_V6]
        for name, value in options.items():
            argv += [letters[name], str(value)]
        yield from self._running(Program(self.internet, argv, cpu, ready="ready"))

    @contextlib.contextmanager
    def traffic_server(self, cpu=LOAD_CPU):
        argv = [self.tools.traffic, "serve", str(TRAFFIC_PORT)]
        yield from self._running(Program(self.internet, argv, cpu, ready="ready"))

    @staticmethod
    def _running(program):
        try:
            yield program
            program.check()
        finally:
            program.stop()


def _is_up(machine):
    """Whether the cable carries, with IPv6 past its first moments."""
    addresses = pathlib.Path(f"/proc/{machine.pid}/net/if_inet6").read_text().split("\n")
    link_local = [line.split() for line in addresses if line.startswith("fe80")]
    return any(int(fields[4], 16) & 0x40 == 0 for fields in link_local)
