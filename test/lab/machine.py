"""A machine of the lab: network, mount and process namespaces that live as long as one process.

The process is killed by the kernel when pytest dies, however that happens, so nothing of a
machine can outlive its test. What a machine changes below /etc, /var and /usr/local lands in an
overlay of its own; /run is empty at first.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import threading

from .agent_client import Agent
from .waiting import wait_until

CLONE_NEWNET = 0x40000000
AGENT_UID = 1000

libc = ctypes.CDLL(None, use_errno=True)

SETUP = """
hostname "$1"
mount -t tmpfs -o mode=0755 tmpfs /mnt
for folder in etc var usr/local; do
    mkdir -p "/mnt/$folder.upper" "/mnt/$folder.work"
    chmod 0755 "/mnt/$folder.upper"
    mount -t overlay -o "lowerdir=/$folder,upperdir=/mnt/$folder.upper,workdir=/mnt/$folder.work" \
        overlay "/$folder"
done
mount -t tmpfs -o mode=0755 tmpfs /run
mount -t sysfs -o ro sysfs /sys
rm -rf /etc/egressd /var/lib/egressd
rm -f /etc/resolv.conf /etc/gai.conf
mkdir -p /var/lib/egressd /etc/egressd
printf 'hosts: files dns\\npasswd: files\\ngroup: files\\n' > /etc/nsswitch.conf
printf '127.0.0.1 localhost\\n::1 localhost\\n' > /etc/hosts
echo "$2" > /etc/resolv.conf
echo 0 > /proc/sys/net/ipv6/conf/all/accept_dad
echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad
echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start
echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range
ip link set lo up
echo ready
trap '' CHLD # inherited by what follows, so that the kernel reaps orphans
exec sleep infinity
"""


class Machine:
    def __init__(self, name, nameserver="192.0.2.53"):
        self.name = name
        self._agents = {}
        self._keeper = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--uts", "--ipc",
             "--pid", "--fork", "--kill-child", "--mount-proc",
             "sh", "-euc", SETUP, "sh", name, f"nameserver {nameserver}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True)
        if self._keeper.stdout.readline() != b"ready\n":
            raise RuntimeError(f"no machine {name}: {self._keeper.communicate()[1].decode()}")
        keeper = self._keeper.pid
        children = pathlib.Path(f"/proc/{keeper}/task/{keeper}/children").read_text()
        self.pid = int(children.split()[0])

    def close(self):
        for agent in self._agents.values():
            agent.close()
        self._agents.clear()
        self._keeper.kill()
        self._keeper.communicate()
        wait_until(lambda: _is_over(self.pid), "end of the machine's processes")

    # Files and processes

    def path(self, inside):
        """Where a file of the machine is seen from outside."""
        return pathlib.Path(f"/proc/{self.pid}/root{inside}")

    def write(self, inside, text):
        target = self.path(inside)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return inside

    def install(self, source, inside):
        shutil.copy(source, self.path(inside))

    def command(self, argv, uid=None):
        """The command line that runs argv inside: as root, or without any privilege as uid."""
        enter = ["nsenter", f"--target={self.pid}", "--net", "--mount", "--uts", "--ipc", "--pid"]
        if uid:
            enter += ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--"]
        return enter + [str(part) for part in argv]

    def run(self, argv, uid=None, check=True, timeout=180, stdin=None):
        done = subprocess.run(self.command(argv, uid), input=stdin, timeout=timeout, text=True,
                              capture_output=True)
        if check and done.returncode:
            raise RuntimeError(f"{self.name}: {argv} failed: {done.stderr or done.stdout}")
        return done

    @contextlib.contextmanager
    def at_work(self, program, *arguments, uid=AGENT_UID):
        """Runs a Python program, given as text, beside the test, and kills it in the end; yields its
        process, whose output is a pipe."""
        argv = ["/usr/bin/python3", "-I", "-c", program, *arguments]
        with subprocess.Popen(self.command(argv, uid), stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
            try:
                yield process
            finally:
                with contextlib.suppress(ProcessLookupError):  # it has ended by itself
                    os.killpg(process.pid, signal.SIGKILL)  # nsenter, and what it runs

    def ip(self, *lines):
        """Runs `ip` commands in this network; process ids in them are those seen from outside."""
        subprocess.run(["nsenter", f"--target={self.pid}", "--net", "ip", "-batch", "-"],
                       input="\n".join(lines) + "\n", text=True, check=True)

    def processes(self, program):
        """Process ids, seen from outside, of the programs of that name that run inside."""
        ours = os.stat(f"/proc/{self.pid}/ns/pid").st_ino
        found = []
        for entry in os.scandir("/proc"):
            if not entry.name.isdigit():
                continue
            try:
                name = pathlib.Path(entry.path, "comm").read_text().strip()
                if (name == program and not _is_over(entry.name)
                        and os.stat(f"{entry.path}/ns/pid").st_ino == ours):
                    found.append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # it ends just now
        return sorted(found)

    def in_network(self, function):
        """Calls function in this machine's network: sockets made there stay there."""
        outcome = []

        def work():
            with open(f"/proc/{self.pid}/ns/net") as net:
                if libc.setns(net.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            outcome.append(function())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return outcome[0]

    # What a program inside sees: each is one call to a client that runs there all the time

    def agent(self, uid=AGENT_UID, another=None):
        """The client that runs as uid; `another` names one more, to work beside the first."""
        key = (uid, another)
        if key not in self._agents:
            self._agents[key] = Agent(self.command(Agent.ARGV, uid))
        return self._agents[key]

    @property
    def root(self):
        return self.agent(uid=0)

    def resolve(self, name, family=None, **options):
        return self.agent().resolve(name, family, **options)

    def connect(self, host, port, timeout=10, **options):
        return self.agent().connect(host, port, timeout, **options)

    def open(self, host, port, **options):
        return self.agent().open(host, port, **options)

    def udp(self, host, port, payload=b"knock", timeout=5, **options):
        return self.agent().udp(host, port, payload, timeout, **options)

    def ping(self, address, timeout=5, **options):
        return self.agent().ping(address, timeout, **options)

    def dig(self, name, type="A", **options):
        return self.agent().dig(name, type, **options)

    def many(self, name, port, count, **options):
        return self.agent().many(name, port, count, **options)

    def burst(self, name, port, clients, **options):
        return self.agent().burst(name, port, clients, **options)

    def curl(self, url, *options, uid=AGENT_UID):
        """Exit code and body; certificates are not checked."""
        done = self.run(["curl", "-sSk", "-g", "--max-time", "30", *options, url], uid, check=False)
        return done.returncode, done.stdout

    # The kernel of this machine

    def nft(self, *argv, check=True):
        return self.run(["nft", *argv], check=check).stdout

    def nft_elements(self, name, table="inet egressd"):
        """Elements of a set: key as text -> its properties (timeout, expires, comment)."""
        listed = json.loads(self.nft("-j", "list", "set", *table.split(), name))
        declared = next(item["set"] for item in listed["nftables"] if "set" in item)
        elements = {}
        for item in declared.get("elem", []):
            wrapped = item["elem"] if isinstance(item, dict) and "elem" in item else {"val": item}
            elements[_element_key(wrapped["val"])] = wrapped
        return elements

    def conntrack(self, *argv, check=False):
        return self.run(["conntrack", *argv], check=check).stdout

    def links(self):
        """Packets sent on eth0, and received."""
        for line in pathlib.Path(f"/proc/{self.pid}/net/dev").read_text().splitlines():
            name, _, numbers = line.partition(":")
            if name.strip() == "eth0":
                fields = numbers.split()
                return int(fields[9]), int(fields[1])
        raise RuntimeError("no eth0")


class OutgoingCount:
    """Counts what leaves a machine on eth0, at the moment it leaves."""

    SOL_PACKET, PACKET_STATISTICS = 263, 6
    SO_ATTACH_FILTER = 26
    PKTTYPE, OUTGOING = 0xfffff000 + 4, 4

    def __init__(self, machine):
        self._total = 0
        self._socket = machine.in_network(self._tap)

    def _tap(self):
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        # ld pkttype; outgoing ? keep one byte : keep none
        code = b"".join(struct.pack("HBBI", *line) for line in [
            (0x20, 0, 0, self.PKTTYPE), (0x15, 0, 1, self.OUTGOING), (6, 0, 0, 1),
            (6, 0, 0, 0)])
        kept = ctypes.create_string_buffer(code, len(code))
        program = struct.pack("HxxxxxxP", 4, ctypes.addressof(kept))
        tap.setsockopt(socket.SOL_SOCKET, self.SO_ATTACH_FILTER, program)
        tap.bind(("eth0", 3))
        return tap

    def total(self):
        raw = self._socket.getsockopt(self.SOL_PACKET, self.PACKET_STATISTICS, 8)
        self._total += struct.unpack("II", raw)[0]
        return self._total

    def close(self):
        self._socket.close()


def _is_over(pid):
    """Whether a process is gone, or dead and only not yet buried."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] in "ZX"


def _element_key(value):
    if isinstance(value, dict) and "concat" in value:
        return " . ".join(_element_key(part) for part in value["concat"])
    if isinstance(value, dict) and "prefix" in value:
        return f"{value['prefix']['addr']}/{value['prefix']['len']}"
    if isinstance(value, dict) and "range" in value:
        return "-".join(str(end) for end in value["range"])
    return str(value)
