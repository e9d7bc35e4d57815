"""Every system call may fail, once: nothing opens, what it says is true, and it recovers.

A life of egressd (start, a grant, refusals, reloads, refreshes, end) is listed once by strace. Then it
is lived again and again, each time with another one of its calls failing. EGRESSD_SWEEP=full tries
each call with each error that fits it, EGRESSD_SWEEP=3/10 the third tenth of those; otherwise a sample
by EGRESSD_SEED is tried.
"""

import os
import random
import signal
import subprocess

import pytest

from lab import tracer
from lab.agent_client import Flow
from lab.daemon import ENFORCING
from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL, EVIL_V4, EVIL_V6, UPSTREAM
from lab.waiting import wait_until
from lab.witness import Packet

OTHER, OTHER_V4 = "other.test", "198.51.100.8"
SWEEP = os.environ.get("EGRESSD_SWEEP", "").replace("full", "1/1")
SEED = int(os.environ.get("EGRESSD_SEED", "1"))
SAMPLE = {"first start": 10, "with a table in place": 16}
FIRE = [(EVIL_V4, 443), (EVIL_V6, 443), (EVIL_V4, 443, "udp"), (EVIL, 443)]
POLICIES = [{"allow": [ALLOWED]}, {"allow": [ALLOWED, f"{OTHER}:443", f"{OTHER}:5432"]}]

SOCKET = ["ENOBUFS", "EPERM", "ENOMEM"]
FILE = ["EIO", "EMFILE", "EACCES"]
ERRORS = {
    "sendto": SOCKET + ["EINTR"], "sendmsg": SOCKET, "sendmmsg": SOCKET,
    "recvfrom": ["ENOBUFS", "ENOMEM", "EAGAIN", "EINTR"], "recvmsg": ["ENOBUFS", "EINTR"],
    "recvmmsg": ["ENOMEM", "EINTR"],
    "socket": ["EMFILE", "EPERM", "ENOMEM"], "bind": ["EADDRINUSE", "EACCES"],
    "listen": ["EADDRINUSE"], "connect": ["EPERM", "ENETUNREACH", "EAGAIN"],
    "accept4": ["EMFILE", "ECONNABORTED"], "getsockname": ["ENOBUFS"],
    "getsockopt": ["ENOBUFS", "ENOPROTOOPT"], "setsockopt": ["EPERM", "ENOBUFS"],
    "poll": ["EINTR", "ENOMEM"],
    "openat": FILE, "open": FILE, "read": ["EIO", "EINTR"], "newfstatat": ["EIO", "EACCES"],
    "fstat": ["EIO"], "write": ["ENOSPC", "EIO"], "writev": ["EPIPE"], "rename": ["ENOSPC", "EROFS"],
    "unlink": ["EROFS"], "mkdir": ["EROFS", "EACCES"], "chmod": ["EPERM"], "fchmod": ["EPERM"],
    "fchown": ["EPERM"], "flock": ["ENOLCK", "EINTR"], "ioctl": ["EIO"], "getdents64": ["EIO"],
    "close": ["EIO"], "lseek": ["EINVAL"], "dup": ["EMFILE"], "dup3": ["EBUSY"],
    "pipe2": ["EMFILE"], "eventfd2": ["EMFILE"], "socketpair": ["EMFILE"], "clone": ["EAGAIN"],
    "epoll_create1": ["EMFILE", "ENOMEM"], "epoll_ctl": ["ENOMEM", "ENOSPC"],
    "epoll_wait": ["EINTR"], "epoll_pwait": ["EINTR"],
    "setgroups": ["EPERM"], "setresgid": ["EPERM"], "setresuid": ["EAGAIN"],
    "capget": ["EPERM"], "capset": ["EPERM"], "prctl": ["EPERM"], "seccomp": ["EINVAL", "ENOMEM"],
    "prlimit64": ["EPERM"], "getrandom": ["EINTR", "ENOSYS"], "close_range": ["ENOSYS"],
    "getpeername": ["ENOTCONN"], "access": ["EACCES"], "statfs": ["EIO", "EACCES"],
}
# The sanitizers' own, whose failure is the end of them; ends and clocks, which cannot fail.
LEFT_OUT = {"mmap", "munmap", "mprotect", "madvise", "brk", "futex", "sigaltstack", "exit_group",
            "umask", "getuid", "geteuid", "getgid", "getegid", "getpid", "gettid", "rt_sigreturn",
            "clock_gettime", "readlink", "prlimit", "tgkill", "rseq", "sched_yield", "rt_sigaction",
            "rt_sigprocmask"}
CANNOT_FAIL = ('"*", 1)', "EPOLL_CTL_DEL")  # libuv's pipe to itself; what needs no memory
PORT_UNREACHABLE, QUOTED_ANSWER = b"\3\3", 8 + 20 + 8 + 12  # behind the headers of all
ONE_QUESTION = b"\0\0\0\0\0\1\0\0\0\0\0\0"


class Life:
    """One life of the daemon, and what is to be true of it whatever failed."""

    def __init__(self, lab, egressd):
        self.lab, self.container, self.egressd = lab, lab.container, egressd
        self.is_enforcing = False

    def settle(self):
        """Returns when it enforces, denies all and says why, or has ended."""
        def settled():
            state = (self.egressd.ask("wait") or {}).get("state")
            self.is_enforcing = state == "enforcing"
            return state in ("enforcing", "invalid-policy") or self.egressd.exit_code() is not None

        wait_until(settled, "readiness or the end")

    def start(self, under):
        self.egressd.write_policy(POLICIES[0])
        self.egressd.start(ready=False, under=["env", "ASAN_OPTIONS=detect_leaks=0", *under])
        self.settle()

    def reload(self, policy):
        """Whether the reply says that it is in force now."""
        self.egressd.write_policy(policy)
        reply = self.egressd.order("reload")
        return bool(reply) and not reply.get("error")

    def work(self):
        """A grant, refusals, a name more and less, and with it the refreshes of all."""
        self.container.connect(ALLOWED, 443)
        self.container.udp(EVIL_V6, 443)
        self.reload(POLICIES[1])
        flow = self.container.agent().call("open_flow", host=OTHER, port=5432, family=4)
        if self.reload(POLICIES[0]):
            assert not self.container.connect(OTHER_V4, 443)
            self.check_ended(flow)
        self.egressd.ask("status")

    def check_ended(self, outcome):
        """A flow that the policy in force does not allow: ended by the reload, or soon after."""
        flow = Flow(self.container.agent(), outcome) if outcome else None
        if flow:
            wait_until(lambda: not flow.echo(timeout=0.5), "the end of a flow no longer allowed")

    def end(self):
        """Asks it to end."""
        self.egressd.signal(signal.SIGTERM)
        return self.egressd.wait_end()

    def recover(self):
        """The fault is over. Who died of it is started again, as the supervisor would; a policy
        that could not be read is read again by a person."""
        self.settle()
        if self.egressd.exit_code() is not None:
            assert self.egressd.exit_code() != ENFORCING, "it ended unasked, and called that good"
            self.start([])
        elif not self.is_enforcing:
            self.check_closed()
            assert self.reload(POLICIES[0])
            self.settle()
        assert self.is_enforcing
        for family in (4, 6):
            wait_until(lambda: self.container.connect(ALLOWED, 443, family=family),
                       "the allowed name")

    def check_closed(self):
        for target in (EVIL_V4, EVIL_V6, EVIL):
            assert not self.container.connect(target, 443)

    def has_table(self):
        return "hook output" in self.container.nft("list", "table", "inet", "egressd", check=False)

    def leave_nothing(self):
        self.container.run(["nft", "delete", "table", "inet", "egressd"], check=False)
        self.container.run(["rm", "-rf", "/run/egressd"])


@pytest.fixture
def life(lab, container, zone):
    zone.host(OTHER, OTHER_V4)
    for target in (EVIL_V4, EVIL_V6, EVIL):
        lab.prove_open(lambda: container.connect(target, 443))
    container.write("/etc/gai.conf", "")
    return Life(lab, lab.egressd(policy=POLICIES[0], start=False, refresh_min=1))


def answers_too_late(packet):
    """The kernel tells the upstream that who asked for an allowed name is gone."""
    question = Packet("udp", UPSTREAM, packet.source,
                      payload=ONE_QUESTION + packet.payload[QUOTED_ANSWER:])
    return (packet.protocol == "icmp" and packet.destination == UPSTREAM
            and packet.payload[:2] == PORT_UNREACHABLE and question.asked in (ALLOWED, OTHER))


def strays(lab):
    """What left the container that should not have, questions about allowed names left out."""
    return [packet for packet in lab.strays([ALLOWED, OTHER])
            if packet.destination not in (ALLOWED_V4, ALLOWED_V6, OTHER_V4)
            and not answers_too_late(packet)]


def list_calls(life):
    """The calls of a good life, and how many of them its start took."""
    file = "/run/calls"
    life.start(tracer.listing(file))
    started = len(tracer.read_listing(life.container.path(file).read_text()))
    life.work()
    assert life.end() == 0
    calls = tracer.read_listing(life.container.path(file).read_text())
    unknown = {call.name for call in calls} - set(ERRORS) - LEFT_OUT
    assert not unknown, f"new system calls: how they fail is to be written down here: {unknown}"
    return calls[:started], calls


def choose(calls, count):
    """(call, error) pairs: all, a part, or a sample in which rare calls are as likely as others."""
    pairs = [(call, error) for call in calls for error in ERRORS.get(call.name, ())
             if not any(text in call.text for text in CANNOT_FAIL)]
    if SWEEP:
        part, parts = map(int, SWEEP.split("/"))
        return pairs[part - 1::parts]
    rng = random.Random(SEED)
    names = sorted({call.name for call, _ in pairs})
    weights = {name: 1 / sum(call.name == name for call, _ in pairs) ** 0.5 for name in names}
    rng.shuffle(pairs)
    pairs.sort(key=lambda pair: rng.random() ** (1 / weights[pair[0].name]), reverse=True)
    return pairs[:count]


def sweep(life, faults, live):
    """Lives with each fault in turn; what went wrong is told of all of them at the end."""
    wrong = []
    for call, error in faults:
        try:
            live(tracer.failing(call, error, "/run/fault"))
        except (AssertionError, TimeoutError, subprocess.TimeoutExpired) as problem:
            wrong.append(f"{error} at {call}\n    {str(problem).splitlines()[0]}")
            life.egressd.kill9()
            life.lab.forget()
    assert not wrong, f"{len(wrong)} of {len(faults)} faults, seed {SEED}:\n" + "\n".join(wrong)


@pytest.mark.leak("L23", "H54")
def test_the_first_start(life, lab):
    """Until it says that it enforces nobody is safe, and nobody was told so."""
    def live(under):
        life.leave_nothing()
        life.start(under)
        assert life.is_enforcing or life.egressd.exit_code() != ENFORCING
        if life.is_enforcing or life.has_table():
            lab.forget()
            life.check_closed()
            assert not strays(lab)
        life.recover()
        life.end()

    starting, _ = list_calls(life)
    sweep(life, choose(starting, SAMPLE["first start"]), live)


@pytest.mark.leak("L28", "H45")
def test_flows_end_though_the_first_try_fails(life, container):
    """The kernel's list of flows cannot be had at the moment of a narrower policy."""
    life.start([])
    pid = life.egressd.status()["pid"]
    assert life.reload(POLICIES[1])
    container.open(OTHER, 5432, family=4)
    with tracer.attached(container, pid, tracer.listing("/run/calls")):
        assert life.reload(POLICIES[0])
    text = container.path("/run/calls").read_text()
    listing, = [call for call in tracer.read_listing(text, from_main=False)
                if call.name == "sendto" and "IPCTNL_MSG_CT_GET," in call.text]
    for _ in range(10):  # a refresh that comes between makes it another call
        assert life.reload(POLICIES[1])
        flow = container.open(OTHER, 5432, family=4)
        with tracer.attached(container, pid, tracer.failing(listing, "ENOBUFS", "/run/fault")):
            life.egressd.write_policy(POLICIES[0])
            if "could not be" in life.egressd.order("reload").get("message", ""):
                assert "could not be ended" in str(life.egressd.weaknesses())
                break
    else:
        pytest.fail("the list of flows never failed")
    wait_until(lambda: not flow.echo(timeout=0.5), "the end of the flow")
    wait_until(lambda: not life.egressd.weaknesses(), "the end of the trouble")


@pytest.mark.leak("L28", "H50")
def test_flows_of_a_policy_that_left_no_note_end_with_it(life, container):
    """What was allowed cannot be written down for the next daemon, whose policy is narrower."""
    life.start([])
    pid = life.egressd.status()["pid"]
    with tracer.attached(container, pid,
                         tracer.failing_all("rename,write", "ENOSPC", "/run/fault")):
        life.reload(POLICIES[1])
    flow = container.open(OTHER, 5432, family=4)
    life.egressd.kill9()
    life.start([])
    assert not flow.echo(timeout=0.5)
    life.recover()


@pytest.mark.leak("L23", "H40")
@pytest.mark.parametrize("error", ["EMFILE", "EIO"])
def test_a_resolv_conf_that_cannot_be_read_is_read_later(life, container, error):
    """At start, or when it changes."""
    life.start([*tracer.failing_all("openat,open", f"{error}:when=1+2", "/run/fault"),
                "-P", "/etc/resolv.conf"])
    assert life.is_enforcing
    life.recover()
    container.write("/etc/resolv.conf", "nameserver 198.51.100.53\n")
    wait_until(lambda: "198.51.100.53" in str(life.egressd.status()["upstreams"]),
               "the new server")
    assert container.path("/run/fault").read_text().count("INJECTED") >= 2


@pytest.mark.leak("L23", "H52")
def test_no_more_memory(life, lab, container):
    """From one moment on: it lives without or dies of it, and the container stays closed."""
    life.start([])
    pid = life.egressd.status()["pid"]
    lab.forget()
    with tracer.attached(container, pid, tracer.failing_all("brk,mmap", "ENOMEM", "/run/fault")):
        life.egressd.write_policy({"allow": [f"n{number}.test" for number in range(2000)]})
        try:
            life.egressd.order("reload", timeout=10)
        except TimeoutError:
            pass
        wait_until(lambda: "INJECTED" in container.path("/run/fault").read_text(), "the fault")
        life.check_closed()
    assert not strays(lab)
    life.egressd.write_policy(POLICIES[0])
    life.reload(POLICIES[0])
    life.recover()


@pytest.mark.leak("L23", "H3", "H53")
def test_a_whole_life(life, lab, container):
    """With a table in place, not one packet gets out at any time, whatever fails."""
    def live(under):
        life.start(under)
        if life.is_enforcing:
            life.work()
        life.recover()
        life.end()
        assert not strays(lab)

    life.start([])
    life.end()
    _, calls = list_calls(life)
    fire = container.agent(another="fire")
    lab.forget()
    fire.begin_hammer(*FIRE, pause=0.005)
    sweep(life, choose(calls, SAMPLE["with a table in place"]), live)
    counts = fire.end_hammer()
    assert not any("ok" in tally for target, tally in counts.items() if "udp" not in target), counts
