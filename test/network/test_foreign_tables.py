"""What root gains with rules and tools of its own, next to a table that it cannot change.

The first half is closed: no rule of another table undoes a refusal. The second half is what
SECURITY.md documents: root in the container can send a packet elsewhere after it was judged.
"""

import json
import pathlib
import re
import subprocess

import pytest

from lab.daemon import INSTALLED, install
from lab.internet import CONTAINER_V4, CONTAINER_V6, GATEWAY_V4
from lab.lab import ALLOWED, ALLOWED_V4, EVIL, EVIL_V4, UPSTREAM, UPSTREAM_V6
from lab.waiting import wait_until

EARLY = "type filter hook output priority -300"
CLOSED = {
    "accept first": f"chain c {{ {EARLY}; accept; }}",
    "accept last": "chain c { type filter hook output priority 300; accept; }",
    "dnat before ours": "chain c { type nat hook output priority -190; "
                        f"ip daddr {ALLOWED_V4} dnat to {EVIL_V4}; }}",
    "dnat after ours": "chain c { type nat hook output priority 50; "
                       f"ip daddr {ALLOWED_V4} dnat to {EVIL_V4}; }}",
    "untracked": f"chain c {{ {EARLY}; notrack; }}",
    "egressd's mark": f"chain c {{ {EARLY}; meta mark set 0x65677264; }}",
    "the mark of its flows": "chain c { type filter hook output priority -150; "
                             "ct mark set 0x20000000; }",
    "all marks": "chain c { type filter hook output priority -150; ct mark set 0x3fffffff; }",
    "rewritten before ours": f"chain c {{ {EARLY}; "
                             f"ip daddr {ALLOWED_V4} tcp dport 443 ip daddr set {EVIL_V4}; }}",
    "a copy": f"chain c {{ {EARLY}; ip daddr {EVIL_V4} dup to {GATEWAY_V4} device \"eth0\"; }}",
}
LIMITS = {
    "rewritten after ours": "chain c { type filter hook output priority 300; "
                            f"ip daddr {ALLOWED_V4} ip daddr set {EVIL_V4}; }}",
    "rewritten in postrouting": "chain c { type filter hook postrouting priority 0; "
                                f"ip daddr {ALLOWED_V4} ip daddr set {EVIL_V4}; }}",
}


@pytest.fixture
def evil(lab, container):
    return lab.prove_open(lambda: container.connect(EVIL_V4, 443), destination=EVIL_V4)


def try_all(container):
    """Everything that may lead to the address that is refused, and to a server of names."""
    container.connect(EVIL_V4, 443)
    container.connect(ALLOWED_V4, 443, timeout=0.3)
    container.udp(EVIL_V4, 9000, timeout=0.1)
    container.dig(EVIL, server="198.51.100.53", timeout=0.1)


def weaknesses(egressd):
    return " ".join(egressd.weaknesses())


def came(lab):
    return [packet for packet in lab.witness.packets(tells=True)
            if packet.destination in (EVIL_V4, "198.51.100.53")]


@pytest.mark.leak("H35", "L16")
def test_no_rule_of_another_table_undoes_a_refusal(lab, container, evil):
    egressd = lab.egressd(allow=[ALLOWED])
    assert container.connect(ALLOWED, 443)
    for what, chain in CLOSED.items():
        container.nft(f"table ip foreign {{ {chain}; }}")
        lab.forget()
        try_all(container)
        assert not came(lab), what
        container.nft("delete", "table", "ip", "foreign")
    wait_until(lambda: container.connect(ALLOWED, 443), "all as before")
    assert egressd.status()["kernel"]["restored"] == 0


@pytest.mark.leak("H35", "L16")
@pytest.mark.parametrize("chain", LIMITS.values(), ids=LIMITS)
def test_limit_root_sends_elsewhere_what_was_allowed(lab, container, evil, chain):
    """Documented: a packet that was judged can be rewritten by whoever administers the network.

    It is seen with the next look, and told.
    """
    egressd = lab.egressd(allow=[ALLOWED])
    assert container.connect(ALLOWED, 443)
    lab.forget()
    container.nft(f"table ip foreign {{ {chain}; }}")
    container.connect(ALLOWED_V4, 443, timeout=0.3)
    assert came(lab)
    wait_until(lambda: "the table ip foreign writes other destinations" in weaknesses(egressd),
               "a word of it")
    container.nft("delete", "table", "ip", "foreign")
    evil.refused("ECONNREFUSED")
    wait_until(lambda: "foreign" not in weaknesses(egressd), "all is well")


HARMLESS = """
table ip harmless {
    chain nat { type nat hook postrouting priority 100; oifname "eth0" masquerade; }
    chain mangle { type filter hook postrouting priority -150; tcp option maxseg size set 1200; }
    chain dscp { type route hook output priority 10; ip dscp set cs1; meta mark set 7; }
}
table ip early {
    chain c { type filter hook prerouting priority -150; ip daddr 192.0.2.9 ip daddr set 192.0.2.8; }
}
"""


def test_ordinary_tables_raise_no_alarm(lab, container):
    lab.docker_dns()
    container.run(["nft", "-f", "-"], stdin=HARMLESS)
    egressd = lab.egressd(allow=[ALLOWED])
    wait_until(lambda: container.connect(ALLOWED, 443), "allowed")
    assert not weaknesses(egressd), weaknesses(egressd)


@pytest.mark.leak("H35")
def test_limit_root_invents_a_flow_that_was_let_through(lab, container, evil):
    """Documented: whoever writes conntrack's table says which flows are established."""
    lab.egressd(allow=[ALLOWED])
    assert not container.udp(EVIL_V4, 9000, bind=(CONTAINER_V4, 40000), timeout=0.2)
    container.conntrack("-I", "-s", CONTAINER_V4, "-d", EVIL_V4, "-p", "udp", "--sport", "40000",
                        "--dport", "9000", "-u", "SEEN_REPLY", "-t", "60", check=True)
    lab.forget()
    container.udp(EVIL_V4, 9000, bind=(CONTAINER_V4, 40000), timeout=0.3)
    assert came(lab)
    evil.refused("ECONNREFUSED")


@pytest.mark.leak("H35")
def test_limit_root_takes_the_link_elsewhere(lab, container, evil):
    """Documented: the rules are of one network namespace; root can carry the cable to another."""
    lab.egressd(allow=[ALLOWED])
    evil.refused("ECONNREFUSED")
    lab.forget()
    done = container.run(["unshare", "--net", "sh", "-euc", f"""
        nsenter --net=/proc/1/ns/net ip link set eth0 netns $$
        ip addr add {CONTAINER_V4}/24 dev eth0
        ip link set eth0 up
        ip route add default via {GATEWAY_V4}
        exec /usr/bin/python3 -c 'import socket; socket.create_connection(("{EVIL_V4}", 443), 60)'
        """], check=False)
    assert done.returncode == 0, done.stderr
    assert came(lab)


# egressd's own user, and its processes


OWN_UID = 65053
ATTACK = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
pid = int(sys.argv[1])

def attempt(call):
    try:
        call()
        return "done"
    except OSError as error:
        return type(error).__name__

def system(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "syscall")

PTRACE_ATTACH, SYS_PTRACE, SYS_PIDFD_OPEN, SYS_PIDFD_GETFD, SYS_VM_WRITEV = 16, 101, 434, 438, 311
results = {
    "ptrace": attempt(lambda: system(SYS_PTRACE, PTRACE_ATTACH, pid, 0, 0)),
    "memory": attempt(lambda: open(f"/proc/{pid}/mem", "r+b").read(1)),
    "descriptors": attempt(lambda: os.listdir(f"/proc/{pid}/fd")),
    "environment": attempt(lambda: open(f"/proc/{pid}/environ").read()),
}
pidfd = libc.syscall(SYS_PIDFD_OPEN, pid, 0)
for fd in range(3, 40):
    if (result := attempt(lambda: system(SYS_PIDFD_GETFD, pidfd, fd, 0))) != "done":
        results["a descriptor"] = result
if os.getuid() != 65053:
    results["kill"] = attempt(lambda: os.kill(pid, 9))
print(results)
"""


def name_inside(process):
    """The number of a process as the container counts."""
    status = pathlib.Path(f"/proc/{process}/status").read_text()
    return re.search(r"^NSpid:.*\s(\d+)$", status, re.MULTILINE)[1]


@pytest.mark.leak("H35")
@pytest.mark.parametrize("uid", [1000, OWN_UID])
def test_no_unprivileged_process_gets_at_egressd(lab, container, uid):
    """Not even one of egressd's own user: daemon and supervisor cannot be traced, read, or robbed
    of the socket that owns the table.
    """
    install(container)
    policy = container.write("/etc/policy.json", json.dumps({"allow": [ALLOWED]}))
    subprocess.run(container.command([INSTALLED, "run", "--policy", policy]), check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    processes = container.processes("egressd")
    assert len(processes) == 2
    for process in processes:
        said = container.run(["/usr/bin/python3", "-I", "-c", ATTACK, name_inside(process)],
                             uid=uid).stdout
        results = json.loads(said.replace("'", '"'))
        assert set(results.values()) == {"PermissionError"}, results
    assert container.processes("egressd") == processes


RIDE = """
import socket, sys
own, port, upstream = sys.argv[1], int(sys.argv[2]), sys.argv[3]
rider = socket.socket(socket.AF_INET6 if ":" in own else socket.AF_INET, socket.SOCK_DGRAM)
rider.bind((own, port))
try:
    rider.sendto(b"let me out", (upstream, 53))
    print("sent")
except PermissionError:
    print("refused")
"""


@pytest.mark.leak("H35", "L2")
@pytest.mark.parametrize("upstream", [UPSTREAM, UPSTREAM_V6])
def test_nobody_without_the_mark_rides_on_a_question(lab, container, upstream):
    """Whoever can become any user, but has no NET_ADMIN: root in a container that shares this
    network. Of egressd's user, from the very port of a question that was answered."""
    lab.egressd(allow=[ALLOWED], upstream=upstream)
    container.dig(ALLOWED)
    for port in {packet.sport for packet in lab.witness.packets(destination=upstream)}:
        lab.forget()
        ride = container.run(["setpriv", f"--reuid={OWN_UID}", f"--regid={OWN_UID}",
                              "--clear-groups", "/usr/bin/python3", "-I", "-c", RIDE,
                              CONTAINER_V6 if ":" in upstream else CONTAINER_V4, str(port),
                              upstream])
        assert ride.stdout == "refused\n"
        assert not [frame for frame in lab.witness.frames() if b"let me out" in frame]


@pytest.mark.leak("H35")
def test_limit_root_asks_the_upstream_as_egressd(lab, container, evil):
    """Documented: with egressd's user and mark root speaks to the upstream, and to nobody else."""
    lab.egressd(allow=[ALLOWED])
    lab.forget()
    container.run(["setpriv", f"--reuid={OWN_UID}", f"--regid={OWN_UID}", "--clear-groups",
                   "--inh-caps=+net_admin", "--ambient-caps=+net_admin",
                   "/usr/bin/python3", "-I", "-c", """
import socket
for destination in [("192.0.2.53", 53), ("198.51.100.53", 53), ("203.0.113.66", 443)]:
    asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asker.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 0x65677264)
    try:
        asker.sendto(b"knock", destination)
    except PermissionError:
        pass
"""])
    wait_until(lambda: lab.witness.packets(destination="192.0.2.53"), "the knock")
    assert not came(lab)
