"""What rules that judge one cgroup's packets alone would and would not hold: doc/host-network.md.

egressd does not do this. These are the measurements behind that, with nft: the lab's container is a
machine here, on which some processes are in the cgroup "inside", as those of a container on the
host's network would be, and others are not.
"""

import os
import pathlib
import platform
import re
import subprocess

import pytest

from lab.lab import EVIL_V4, EVIL_V6
from lab.waiting import wait_until

SECRET = b"<a secret from inside>"
USER = 1000
FORGED = "2001:db8:bad::99"  # nobody's address here

DOCUMENTATION = pathlib.Path(__file__).resolve().parents[2] / "doc/host-network.md"

CGROUPS = "/sys/fs/cgroup"
TOP = f"egressd-test-{os.getpid()}"

# Everything of the cgroup but loopback is refused; everybody else is free.
SCOPE = """
table inet scope {
    chain output {
        type filter hook output priority 0
        socket cgroupv2 level 2 "TOP/inside" oifname != "lo" reject
    }
}
"""

SEND = """
with socket.socket(FAMILY, socket.SOCK_DGRAM) as sender:
    sender.sendto(SECRET, (ADDRESS, PORT))
"""


class Scoped:
    def __init__(self, lab):
        self.lab, self.machine = lab, lab.container
        self._processes = []
        self.machine.run(["mount", "-t", "cgroup2", "none", CGROUPS])
        for name in ("inside", "outside"):
            self._path(name).mkdir(parents=True)

    def _path(self, name=""):
        return self.machine.path(f"{CGROUPS}/{TOP}/{name}")

    def load(self, rules=SCOPE):
        """The machine's only rules; what nft says if it or the kernel will not have them."""
        done = self.machine.run(["nft", "-f", "-"], check=False,
                                stdin="flush ruleset\n" + rules.replace("TOP", TOP))
        return done.stderr

    def command(self, cgroup, program, uid=USER, address=EVIL_V4, port=99):
        """The command line for a Python program that finds itself in a cgroup."""
        constants = (f"import socket; ADDRESS, PORT, SECRET = {address!r}, {port}, {SECRET!r}\n"
                     "FAMILY = socket.AF_INET6 if ':' in ADDRESS else socket.AF_INET\n")
        enter = f"echo 0 > {CGROUPS}/{TOP}/{cgroup}/cgroup.procs; exec \"$@\""
        return ["sh", "-c", enter, "sh", "setpriv", f"--reuid={uid}", f"--regid={uid}",
                "--clear-groups", "/usr/bin/python3", "-Ic", constants + program]

    def start(self, cgroup, program):
        """A program that goes on; returns when it has said something."""
        process = subprocess.Popen(self.machine.command(self.command(cgroup, program)),
                                   stdout=subprocess.PIPE)
        self._processes.append(process)
        process.stdout.readline()

    def run(self, cgroup, program, **how):
        """What the program says in the end: nothing if all went well."""
        return self.machine.run(self.command(cgroup, program, **how), check=False).stderr

    def gets_out(self, cgroup, program, **how):
        """Whether the secret has arrived outside when the program has ended, and what that said."""
        self.lab.forget()
        said = self.run(cgroup, program, **how)
        return self.lab.witness.carried(SECRET), said

    def take_in(self, processes):
        """Moves processes, by their ids as seen from outside, into the cgroup."""
        assert processes
        for process in processes:
            (self._path("inside") / "cgroup.procs").write_text(str(process))

    def again(self):
        """Removes the cgroup and makes it anew, as an engine does when it restarts a container."""
        self._path("inside").rmdir()
        self._path("inside").mkdir()

    def close(self):
        (self._path() / "cgroup.kill").write_text("1")
        for process in self._processes:
            process.wait()
            process.stdout.close()
        for name in ("inside", "outside", ""):
            wait_until(lambda: "populated 0" in (self._path(name) / "cgroup.events").read_text(),
                       "the end of what ran in the cgroup")
            self._path(name).rmdir()


@pytest.fixture
def scoped(lab):
    scoped = Scoped(lab)
    yield scoped
    scoped.close()


# --- what would hold --------------------------------------------------------------------------

TCP = """
with socket.create_connection((ADDRESS, PORT), timeout=3):
    pass
"""
PING = """
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as pinger:
    pinger.sendto(b"\\x08\\0\\0\\0\\0\\0\\0\\0" + SECRET, (ADDRESS, 0))
"""
RAW = """
with socket.socket(socket.AF_INET, socket.SOCK_RAW, 132) as raw:
    raw.sendto(b"" + SECRET, (ADDRESS, 0))
"""
WAYS = {"udp": (SEND, {}), "udp6": (SEND, {"address": EVIL_V6}), "ping": (PING, {}),
        "raw": (RAW, {"uid": 0})}


@pytest.mark.parametrize("way", WAYS)
def test_packets_of_its_own_sockets_are_judged_and_no_others(scoped, way):
    program, how = WAYS[way]
    assert scoped.gets_out("inside", program, **how) == (True, "")
    assert scoped.load() == ""
    for cgroup, out in (("inside", False), ("outside", True)):
        assert scoped.gets_out(cgroup, program, **how)[0] is out


def test_and_so_are_its_connections(scoped):
    assert scoped.load() == ""
    assert "ConnectionRefusedError" in scoped.run("inside", TCP, port=443)
    assert not scoped.lab.witness.packets(destination=EVIL_V4, port=443)
    assert scoped.run("outside", TCP, port=443) == ""


def test_a_process_cannot_leave_its_cgroup(scoped):
    leave = f'open("{CGROUPS}/{TOP}/outside/cgroup.procs", "w").write("0")'
    assert "PermissionError" in scoped.run("inside", leave)


def test_questions_of_the_cgroup_alone_are_redirected(scoped):
    gate = """
        table inet scope { chain dns {
            type nat hook output priority -105
            socket cgroupv2 level 2 "TOP/inside" udp dport 53 redirect to :5300
        }
        }
        """
    assert scoped.load(gate) == ""
    for cgroup, out in (("inside", False), ("outside", True)):
        assert scoped.gets_out(cgroup, SEND, port=53)[0] is out


OWN_NAMESPACE = f"""
import ctypes, subprocess
libc = ctypes.CDLL(None)
assert libc.unshare(0x02000000 | 0x00020000) == 0  # a cgroup namespace, and one for its mount
subprocess.run("mount --make-rprivate / && umount {CGROUPS} && mount -t cgroup2 none {CGROUPS}",
               shell=True, check=True)
rules = '''
table inet scope {{
    chain output {{
        type filter hook output priority 0
        socket cgroupv2 level 0 "." reject
    }}
}}
'''
subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
"""


@pytest.mark.skipif(tuple(map(int, platform.release().split(".")[:2])) < (6, 12),
                    reason="levels count from the machine's root there, wherever one looks from")
def test_a_container_can_name_its_own_cgroup(scoped):
    """By the number of its root directory, at level 0, which is where its namespace begins."""
    assert scoped.run("inside", OWN_NAMESPACE, uid=0) == ""
    assert not scoped.gets_out("inside", SEND)[0]
    assert scoped.gets_out("outside", SEND)[0]


# --- what stops it ----------------------------------------------------------------------------

KERNEL_ANSWERS = f"""
with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
    sender.setsockopt(socket.IPPROTO_IPV6, 78, 1)  # IPV6_FREEBIND
    sender.bind(("{FORGED}", 1234))
    sender.sendto(SECRET, ("::1", 9))  # nobody listens: the kernel tells the forged sender, in full
"""


def test_what_the_kernel_sends_is_nobodys(scoped):
    """The refusal of a packet quotes it. Without a socket it belongs to no cgroup, and what belongs
    to none has to pass: it may be the machine's. Who has thought of it can drop the first packet; to
    reject it would be to send such an answer oneself."""
    assert scoped.load() == ""
    assert scoped.gets_out("inside", KERNEL_ANSWERS) == (True, "")
    for verdict, out in (("reject", True), ("drop", False)):
        thought_of = SCOPE.replace('oifname != "lo" reject', f"fib saddr type != local {verdict}")
        assert scoped.load(thought_of) == ""
        assert scoped.gets_out("inside", KERNEL_ANSWERS)[0] is out


def test_which_a_network_of_its_own_holds(scoped):
    scoped.lab.egressd(allow=[])
    assert scoped.gets_out("inside", KERNEL_ANSWERS) == (False, "")


FRIEND = """
with socket.socket(socket.AF_UNIX) as listener, socket.socket(type=socket.SOCK_DGRAM) as mine:
    listener.bind("\\0friend")
    listener.listen()
    print("ready", flush=True)
    caller, _ = listener.accept()
    socket.send_fds(caller, [b"x"], [mine.fileno()])
    caller.recv(1)
"""
BORROW = """
with socket.socket(socket.AF_UNIX) as caller:
    caller.connect("\\0friend")
    with socket.socket(fileno=socket.recv_fds(caller, 1, 1)[1][0]) as borrowed:
        borrowed.sendto(SECRET, (ADDRESS, PORT))
"""


def test_a_socket_is_of_where_it_was_made(scoped):
    """The names of abstract UNIX sockets are the network namespace's, so the machine's own are in
    reach, and no rule sees them: neither the asking nor what is handed over."""
    assert scoped.load() == ""
    scoped.start("outside", FRIEND)
    assert scoped.gets_out("inside", BORROW) == (True, "")


RELAY = """
with socket.socket(type=socket.SOCK_DGRAM) as here, socket.socket(type=socket.SOCK_DGRAM) as there:
    here.bind(("127.0.0.1", 4000))
    print("ready", flush=True)
    while True:
        there.sendto(here.recv(99), (ADDRESS, PORT))
"""


def test_loopback_is_the_machines(scoped):
    """Whatever listens there for the machine's own users listens for the container's."""
    assert scoped.load() == ""
    scoped.start("outside", RELAY)
    scoped.lab.forget()
    assert scoped.run("inside", SEND, address="127.0.0.1", port=4000) == ""
    wait_until(lambda: scoped.lab.witness.carried(SECRET), "what the relay passed on")


@pytest.mark.parametrize("hook", [
    "inet scope { chain here { type filter hook forward priority 0",
    "inet scope { chain here { type filter hook postrouting priority 0",
    "netdev scope { chain here { type filter hook egress device eth0 priority 0"])
def test_there_is_no_second_line(scoped, hook):
    """Neither for containers in the container nor for frames of a packet socket."""
    said = scoped.load(f'table {hook}\nsocket cgroupv2 level 2 "TOP/inside" drop\n}}\n}}\n')
    assert "not supported" in said, said


FRAME = """
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as packets:
    packets.bind(("eth0", 0x88b5))
    packets.send(b"\\xff" * 6 + b"\\x02" * 6 + b"\\x88\\xb5" + SECRET)
"""


def test_so_root_sends_frames_past_it(scoped):
    assert scoped.load() == ""
    assert scoped.gets_out("inside", FRAME, uid=0) == (True, "")


def test_and_what_is_forwarded_passes(scoped):
    """The process is in the cgroup; its packets come in by a bridge of the container's engine."""
    inner = scoped.lab.nested()
    assert inner.connect(EVIL_V4, 443)
    scoped.take_in(inner.processes("python3"))
    assert scoped.load() == ""
    assert inner.connect(EVIL_V4, 443)


def test_a_container_that_starts_again_is_another(scoped):
    """The rules hold the number of a cgroup that is gone. They stay, and refuse nothing."""
    assert scoped.load() == ""
    assert not scoped.gets_out("inside", SEND)[0]
    scoped.again()
    assert scoped.gets_out("inside", SEND) == (True, "")


def test_the_commands_of_the_documentation(lab):
    commands = re.search(r"```sh\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)[1]
    shown = lab.container.run(["sh", "-c", commands]).stdout
    assert re.search(r'counter packets 1 bytes \d+ comment "from inside, let out"', shown), shown
