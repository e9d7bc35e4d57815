"""The daemon's processes as everybody else sees them: little power, and nothing to take hold of."""

import contextlib
import json
import os
import platform
import re

import pytest

from lab.daemon import INSTALLED
from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL, EVIL_V4, Lab
from lab.process import Process
from lab.waiting import wait_until

DAEMON_UID = 65053
NET_ADMIN, DAC_READ_SEARCH, SETUID, SETGID = 1 << 12, 1 << 2, 1 << 7, 1 << 6
SECCOMP_FILTER = "2"

# What a caller may have set, and what it would do if anybody looked at it.
ENVIRONMENT = {
    "PATH": "/var/evil:/usr/bin", "LD_LIBRARY_PATH": "/var/evil", "LD_PRELOAD": "/var/evil/lib.so",
    "LD_AUDIT": "/var/evil/lib.so", "GLIBC_TUNABLES": "glibc.malloc.check=3:glibc.rtld.nns=1",
    "MALLOC_CHECK_": "3", "MALLOC_PERTURB_": "1", "MALLOC_ARENA_MAX": "1",
    "UV_THREADPOOL_SIZE": "1024", "UV_USE_IO_URING": "1", "HTTP_PROXY": "http://127.0.0.1:1",
    "HTTPS_PROXY": "http://127.0.0.1:1", "TZ": ":/var/evil/zone", "TZDIR": "/var/evil",
    "LOCPATH": "/var/evil", "LC_ALL": "evil", "LANGUAGE": "evil", "RES_OPTIONS": "nameserver:evil",
    "LOCALDOMAIN": "evil.test", "HOSTALIASES": "/var/evil/hosts", "TMPDIR": "/var/evil",
    "HOME": "/var/evil", "IFS": "/", "EGRESSD_POLICY": "/var/evil/policy.json",
    "RUNTIME_DIRECTORY": "/var/evil", "STATE_DIRECTORY": "/var/evil",
}

# A library that shows that it was loaded.
MARKER = ('#include <fcntl.h>\n__attribute__((constructor)) static void mark(void)'
          '{ open("/var/evil/loaded", O_CREAT | O_WRONLY, 0666); }\n')

# Starts a program in a world where seccomp(2) is not there, as on a kernel without it.
WITHOUT_SECCOMP = """
import ctypes, os, struct, sys
number = {"x86_64": 317, "aarch64": 277}[os.uname().machine]
code = b"".join(struct.pack("HBBI", *line) for line in [
    (0x20, 0, 0, 0), (0x15, 0, 1, number), (6, 0, 0, 0x50000 | 38), (6, 0, 0, 0x7fff0000)])
kept = ctypes.create_string_buffer(code, len(code))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(kept)))
assert ctypes.CDLL(None).prctl(22, 2, program, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


class Running:
    """The daemon in the background: both its processes, started by root or by the agent."""

    def __init__(self, lab, uid, before=()):
        self.lab, self.container, self.uid = lab, lab.container, uid
        container = self.container
        self.egressd = lab.egressd(policy={}, start=False)
        container.write("/etc/egressd/policy.json", f'{{"allow": ["{ALLOWED}"]}}')
        container.write("/var/evil/policy.json", f'{{"allow": ["{EVIL}"]}}')
        container.run(["sh", "-c", "mkdir -p /run/egressd; : > /var/evil/draft; "
                       f"chmod 777 /var/evil /var/evil/draft; chown {DAEMON_UID}:{DAEMON_UID} /run/egressd /var/lib/egressd"])
        self.mark()
        if uid:
            container.run([INSTALLED, "install-capabilities", INSTALLED])
        self.start(before)

    def mark(self):
        """Puts the library of the environment where it says."""
        self.container.run(["gcc", "-shared", "-fPIC", "-o", "/var/evil/lib.so", "-xc", "-"],
                            stdin=MARKER)

    def start(self, before=()):
        """With descriptors, variables and a folder of the caller's."""
        script = ('cd /var/evil; exec 8> /var/evil/draft 9< /etc/passwd; '
                  'log=$(mktemp); "$@" > "$log" 2>&1 < /dev/null; status=$?; cat "$log"; '
                  'exit $status')
        given = [f"{name}={value}" for name, value in ENVIRONMENT.items()
                 if self.uid or not name.startswith("LD_")]
        done = self.container.run(
            ["sh", "-c", script, "sh", *before, "/usr/bin/env", *given, INSTALLED, "run"],
            uid=self.uid, check=False)
        assert done.returncode == 0, done
        self.egressd.wait_answer("wait", "--timeout", "60")

    def both(self):
        """Supervisor, daemon."""
        found = [Process(pid) for pid in self.egressd.processes()]
        assert len(found) == 2, found
        return sorted(found, key=lambda one: one.parent() in [other.pid for other in found])

    def inside(self, process):
        """Its process id as the container has it."""
        return int(process.status("NSpid").split()[-1])

    def stop(self):
        self.egressd.signal(9)


@pytest.fixture(scope="module", params=[0, 1000], ids=["by root", "by the agent"])
def running(request, certificate):
    """One world for all that only look."""
    if os.geteuid():
        pytest.skip("network namespaces need root")
    with contextlib.closing(Lab(certificate)) as world:
        one = Running(world, request.param)
        yield one
        one.stop()


@pytest.mark.leak("L17", "H34")
def test_its_processes_hold_next_to_nothing(running):
    """Of what it started with nothing is left but NET_ADMIN, and no way leads to more."""
    supervisor, daemon = running.both()
    for process in (supervisor, daemon):
        for field in ("Uid", "Gid"):
            assert process.status(field).split() == [str(DAEMON_UID)] * 4
        assert process.status("Groups") == ""
        for empty in ("CapInh", "CapBnd", "CapAmb"):
            assert process.capabilities(empty) == 0, empty
        assert process.status("NoNewPrivs") == "1"
        assert process.status("Seccomp") == SECCOMP_FILTER
        assert process.limit("Max core file size") == ("0", "0")
        assert process.capabilities("CapPrm") == process.capabilities("CapEff")
    assert daemon.capabilities("CapPrm") == NET_ADMIN
    # A restart may read what the first start read: a file for root alone, or as the workspace's user.
    reads = 0 if running.uid else DAC_READ_SEARCH
    assert supervisor.capabilities("CapPrm") == NET_ADMIN | SETUID | SETGID | reads
    assert int(daemon.status("Seccomp_filters")) == int(supervisor.status("Seccomp_filters")) + 1


@pytest.mark.leak("L17", "H34")
def test_the_witness_can_look_and_nothing_else(running):
    """It sees files as another user does; no file to write, no network, no program to start."""
    witness, = [Process(pid) for pid in running.container.processes("egressd-witness")]
    assert witness.status("Uid").split() == [str(DAEMON_UID)] * 4
    assert witness.capabilities("CapPrm") == witness.capabilities("CapEff") == SETUID | SETGID
    for empty in ("CapInh", "CapBnd", "CapAmb"):
        assert witness.capabilities(empty) == 0, empty
    assert (witness.status("NoNewPrivs"), witness.status("Seccomp")) == ("1", SECCOMP_FILTER)
    supervisor, _ = running.both()
    assert int(witness.status("Seccomp_filters")) == int(supervisor.status("Seccomp_filters")) + 1
    assert sorted(target.partition(":")[0] for target in witness.descriptors().values()) == \
        ["/dev/null"] * 3 + ["socket"]


@pytest.mark.leak("L18")
def test_what_the_caller_left_open_is_not_kept(running):
    known = ("socket:", "pipe:", "anon_inode:", "/run/egressd/lock", "/dev/null", "/tmp/tmp.")
    for process in running.both():
        for number, target in process.descriptors().items():
            assert target.startswith(known), (number, target)
            assert not target.startswith("/tmp/tmp.") or number in (1, 2), "the log"
        if running.uid:
            assert os.readlink(process.folder / "cwd") == "/"
        assert not [line for line in (process.folder / "maps").read_text().splitlines()
                    if "w" in line.split()[1] and "x" in line.split()[1]]


@pytest.mark.leak("L18", "H37")
def test_what_the_caller_says_does_not_count(running):
    """Variables least of all, also when the binary has its power from its file."""
    container = running.container
    assert container.connect(ALLOWED, 443)
    assert container.connect(EVIL_V4, 443).error == "ECONNREFUSED"
    assert container.resolve(EVIL).error == "EAI_NONAME"
    container.write("/etc/hosts", f"{EVIL_V4} liar.test\n")
    assert container.connect("liar.test", 443).error == "ECONNREFUSED"
    assert container.run(["ls", "/var/evil"]).stdout.split() == ["draft", "lib.so", "policy.json"]
    given = [f"{name}={value}" for name, value in ENVIRONMENT.items()
             if running.uid or not name.startswith("LD_")]
    given.append("LOCPATH=")  # what glibc keeps of it, the leak detector takes for ours
    shown = container.run(["/usr/bin/env", *given, "/usr/local/bin/egressctl", "status", "--json"],
                          uid=running.uid)
    status = json.loads(shown.stdout)
    assert status["policy"]["files"] == ["/etc/egressd/policy.json"]
    assert status["since"].endswith("Z") and "evil" not in shown.stdout.replace(EVIL, "")
    assert not container.path("/var/evil/loaded").exists()
    assert running.egressd.leased() == {ALLOWED_V4, ALLOWED_V6}
    assert not running.lab.witness.packets(destination=EVIL_V4)


@pytest.mark.leak("L18")
def test_the_agent_starts_nothing_of_its_own(running):
    """The binary is at hand, perhaps with power in its file: its words are not the agent's."""
    container = running.container
    for argv in (["run", "--policy", "/var/evil/policy.json", "--runtime-dir", "/var/evil"],
                 ["run", "--foreground", "--state-dir", "/var/evil"]):
        done = container.run([INSTALLED, *argv], uid=1000, check=False)
        if running.uid:
            assert done.returncode == 0 and "already running" in done.stderr
        else:
            assert done.returncode == 77 and "NET_ADMIN is missing" in done.stderr
    assert len(running.egressd.processes()) == 2
    assert container.resolve(EVIL).error == "EAI_NONAME"


ATTACKS = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def attempt(what, function):
    try:
        function()
    except OSError as error:
        return
    print(what, "was let through")
for pid in map(int, sys.argv[1:]):
    for number in (0, 9, 18, 19):
        attempt(f"signal {number}", lambda: os.kill(pid, number))
    for name in ("mem", "environ", "maps", "auxv", "stack", "syscall", "personality", "mountinfo-"):
        attempt(name, lambda: open(f"/proc/{pid}/{name}", "rb").read(1))
    for name in ("mem", "oom_score_adj", "timerslack_ns", "clear_refs", "coredump_filter"):
        attempt(f"writing {name}", lambda: open(f"/proc/{pid}/{name}", "r+b", 0).write(b"1"))
    for name in ("cwd", "root", "exe"):
        attempt(name, lambda: os.readlink(f"/proc/{pid}/{name}"))
    attempt("fd", lambda: os.listdir(f"/proc/{pid}/fd"))
    attempt("fd 3", lambda: open(f"/proc/{pid}/fd/3"))
    attempt("map_files", lambda: os.listdir(f"/proc/{pid}/map_files"))
    for request in (16, 0x4206):
        if libc.ptrace(request, pid, None, None) == 0: print("ptrace was let through")
    descriptor = os.pidfd_open(pid)
    if libc.syscall(438, descriptor, 3, 0) >= 0: print("pidfd_getfd was let through")
    attempt("prlimit", lambda: __import__("resource").prlimit(pid, 7, (1, 1)))
    attempt("affinity", lambda: os.sched_setaffinity(pid, {0}))
    attempt("nice", lambda: os.setpriority(os.PRIO_PROCESS, pid, 19))
"""


@pytest.mark.leak("L17", "H35")
def test_nobody_else_lays_hands_on_it(running):
    """No signal, no tracing, no look into it: not even by the user who started it."""
    container = running.container
    targets = [running.inside(process) for process in running.both()]
    attack = ["/usr/bin/python3", "-I", "-c", ATTACKS, *targets]
    assert "ptrace was let through" in container.run(attack[:4] + [1], uid=0).stdout, "a good probe"
    tried = container.run(attack, uid=1000)
    assert tried.stdout == "" and tried.stderr == "", tried
    assert [running.inside(process) for process in running.both()] == targets


@pytest.mark.leak("L32")
def test_its_files_are_its_own(running):
    """The agent can write, replace or remove none of them, and they are all that it has."""
    container = running.container
    # What this machine has changed: below it lies the host's, where others run their containers.
    made = container.run(["find", "/run", "/mnt/var.upper", "/mnt/etc.upper", "/mnt/usr/local.upper",
                          "-uid", DAEMON_UID], check=False).stdout.split()
    found = [re.sub(r"^/mnt/(.+?)\.upper/", r"/\1/", path) for path in made]
    folders = ["/run/egressd", "/var/lib/egressd"]
    assert set(folders) < set(found)
    for path in found:
        assert path.startswith(tuple(folders)), path
        written = container.run(["test", "-w", path], uid=1000, check=False).returncode == 0
        assert written == path.endswith("/control.sock"), path
    tries = [f"ln -sf /etc/passwd {folder}/{name}; rm -rf {folder}/{name}; mv {folder} /var/evil;"
             for folder in folders for name in ("control.sock", "lock", "policy.outline", "workspace.json")]
    container.run(["sh", "-c", " ".join(tries)], uid=1000, check=False)
    again = container.run(["find", *folders], check=False).stdout.split()
    assert sorted(again) == sorted(path for path in found if path.startswith(tuple(folders)))
    assert container.run(["flock", "-n", "/run/egressd/lock", "true"], uid=1000,
                         check=False).returncode, "who holds the lock keeps the next daemon out"


@pytest.mark.leak("H35", "H50")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="registers of x86-64")
def test_another_program_is_the_end_of_it_and_opens_nothing(lab, container):
    """The filter is in force where it counts: a daemon that was taken over dies of it."""
    running = Running(lab, 0)
    for _ in range(2):
        supervisor, daemon = running.both()
        daemon.inject_execve()
        daemon.wait_end()
        assert container.connect(EVIL_V4, 443).error == "ECONNREFUSED"
        wait_until(lambda: len(running.egressd.processes()) == 2, "a new daemon")
        running.egressd.wait_answer("wait", "--timeout", "60")
    assert container.connect(ALLOWED, 443)
    assert container.resolve(EVIL).error == "EAI_NONAME"
    supervisor, daemon = running.both()
    supervisor.inject_execve()
    supervisor.wait_end()
    assert container.connect(EVIL_V4, 443).error == "ECONNREFUSED"
    assert not lab.witness.packets(destination=EVIL_V4)
    running.stop()


@pytest.mark.leak("H34")
def test_without_seccomp_it_enforces_and_says_so(lab, container):
    """A runtime that does not have it is weaker, not open."""
    probe = lab.prove_open(lambda: container.connect(EVIL_V4, 443), destination=EVIL_V4)
    running = Running(lab, 0, ["/usr/bin/python3", "-I", "-c", WITHOUT_SECCOMP])
    try:
        probe.refused("ECONNREFUSED")
        weaknesses = running.egressd.status()["weaknesses"]
        assert [text for text in weaknesses if "(seccomp)" in text]
        assert container.connect(ALLOWED, 443)
    finally:
        running.stop()
