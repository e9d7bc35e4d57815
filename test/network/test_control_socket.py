"""The control socket is open to everybody in the container, and takes orders from root alone."""

import contextlib
import json
import subprocess

import pytest

from lab.daemon import CLIENT
from lab.lab import ALLOWED, EVIL, EVIL_V4
from lab.process import Process
from lab.waiting import wait_until

SOCKET = "/run/egressd/control.sock"
CLIENTS_MAX, FOR_ROOT = 32, 8
NOT_PERMITTED = 77

# Says each line of its input to a connection of its own; prints what comes back, "" for nothing.
ASKER = """
import json, socket, sys
for line in sys.stdin:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(60)
    client.connect("/run/egressd/control.sock")
    try:
        client.sendall(bytes.fromhex(line))
        reply = b""
        while not reply.endswith(b"\\n"):
            part = client.recv(65536)
            if not part: break
            reply += part
    except OSError:
        reply = b""
    print(reply.decode().strip())
"""


def say(container, *requests, uid=1000):
    """What the daemon answers to each request, bytes or objects; None for nothing."""
    lines = [(request if isinstance(request, bytes) else json.dumps(request).encode()).hex()
             for request in requests]
    done = container.run(["/usr/bin/python3", "-I", "-c", ASKER], uid=uid,
                         stdin="\n".join(lines) + "\n")
    assert not [byte for byte in done.stdout if byte < " " and byte != "\n"], "it is escaped"
    return [json.loads(line) if line else None for line in done.stdout.split("\n")[:-1]]


ORDERS = [b'{"command": "%s"}\n' % order for order in (
    b"reload", b"apply", b"re\\u006coad", b"reload\\u0000", b"RELOAD", b" reload")] + [
    b'{"command": "status", "command": "reload"}\n', b'{"command": "reload", "uid": 0}\n',
    b'{"command": "reload", "caller": {"uid": 0, "pid": 1}}\n',
    b'\r\n{"command": "reload"}\n', b'{"command": "status"}\n{"command": "apply"}\n']


@pytest.mark.leak("L31")
def test_only_root_gives_orders(lab, container):
    """However it is spelled, and also by somebody who is root in a namespace of their own."""
    egressd = lab.egressd(allow=[ALLOWED])
    egressd.write_policy({"allow": [EVIL]})
    replies = say(container, *ORDERS)
    assert [reply["code"] for reply in replies[:2]] == [NOT_PERMITTED] * 2
    assert not [reply for reply in replies if reply and reply["ok"] and "pid" not in reply]
    for command in ("reload", "apply"):
        assert egressd.ctl(command, uid=1000, check=False).returncode == NOT_PERMITTED
        inside = container.run(["unshare", "--user", "--map-root-user", CLIENT, command],
                               uid=1000, check=False)
        assert inside.returncode == NOT_PERMITTED, inside
    assert container.run(["unshare", "--user", "--map-root-user", "id", "-u"],
                         uid=1000).stdout == "0\n", "that was root of a kind"
    assert container.resolve(EVIL).error == "EAI_NONAME"
    assert container.connect(EVIL_V4, 443).error == "ECONNREFUSED"
    egressd.ctl("reload")
    assert container.connect(EVIL, 443), "root may"


@pytest.mark.leak("L31")
def test_root_of_another_container_gives_no_orders(lab):
    """Where the socket is lent to another container: root there has the number of root here, but is
    a process that the daemon cannot see. The test itself is such a root."""
    egressd = lab.egressd(allow=[ALLOWED])
    egressd.write_policy({"allow": [EVIL]})
    for command in ("reload", "apply"):
        refused = egressd.ask(command)
        assert refused["code"] == NOT_PERMITTED and "another container" in refused["error"]
    assert egressd.ask("explain", target=EVIL)["allowed"] is False
    assert egressd.order("reload")["ok"], "root inside may"
    assert egressd.ask("explain", target=EVIL)["allowed"] is True


@pytest.mark.leak("L31")
def test_whoever_connected_is_asking(lab, container):
    """A socket keeps the identity of who connected it. The agent gains nothing by having a
    privileged program write into its own; whoever hands out root's hands out what root may
    (documented: egressctl never does, it runs nothing)."""
    egressd = lab.egressd(allow=[ALLOWED])
    hand_over = """
import os, socket, sys
first, second, then = map(int, sys.argv[1:])
ours, theirs = socket.socketpair()
os.setresuid(first, first, 0)
client = socket.socket(socket.AF_UNIX)
client.connect("/run/egressd/control.sock")
socket.send_fds(ours, [b"x"], [client.fileno()])
client.close()
os.setresuid(second, second, then)
_, (fd,), _, _ = socket.recv_fds(theirs, 1, 1)
taken = socket.socket(fileno=fd)
taken.sendall(b'{"command": "reload"}\\n')
print(taken.recv(65536).decode())
"""
    def reload_by(first, second):
        done = container.run(["/usr/bin/python3", "-I", "-c", hand_over, first, second, second])
        return json.loads(done.stdout)

    assert reload_by(1000, 0)["code"] == NOT_PERMITTED
    assert reload_by(1000, 1000)["code"] == NOT_PERMITTED
    assert reload_by(0, 1000)["ok"], "a documented limit"
    assert egressd.status()["counters"]["reloads"] == 1


MALFORMED = [
    b"\n", b"\0\n", b"x" * 5000, b"x" * 5000 + b"\n", b"{" * 4000 + b"\n", b"[" * 4000 + b"\n",
    b'{"command": ' + b"[" * 100 + b"]" * 100 + b"}\n", b'{"command": "status"\0}\n',
    b'{"command": "status"} x\n', b'{"command": "\xff\xfe"}\n', b'{"command": 1e999}\n',
    b'{"command": 99999999999999999999999999}\n', b'["status"]\n', b"null\n", b'"status"\n',
    b'{"command": null}\n', b'{"command": {}}\n', b"{'command': 'status'}\n", b"GET / HTTP/1.1\r\n",
    b'{"command": "explain"}\n', b'{"command": "explain", "target": null}\n',
    b'{"command": "explain", "target": "\\u001b[31m\\n"}\n',
    b'{"command": "explain", "target": "' + b"a" * 4000 + b'"}\n',
    b'{"command": "explain", "target": "a\\u0000b"}\n',
    b'{"command": "' + b"\\u001b]0;" * 20 + b'"}\n',
]


@pytest.mark.leak("L31", "L32")
def test_nonsense_is_refused_and_nothing_else(lab, container):
    """Each gets a reason or is sent away; none reaches the log or drives a terminal."""
    egressd = lab.egressd(allow=[ALLOWED])
    before = egressd.log()
    replies = say(container, *MALFORMED)
    assert len(replies) == len(MALFORMED)
    for request, reply in zip(MALFORMED, replies):
        assert reply is None or not reply["ok"], request
    assert egressd.log() == before
    shown = egressd.ctl("explain", "\033[31m\nevil", uid=1000, check=False)
    assert "\033" not in shown.stdout + shown.stderr
    assert container.connect(ALLOWED, 443)


# Holds many connections of each kind open until its input ends.
CROWD = """
import contextlib, os, resource, socket, sys, threading, time
resource.setrlimit(resource.RLIMIT_NOFILE, (2048, 2048))
kept, over = [], threading.Event()

def connected():
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(5)
    client.connect("/run/egressd/control.sock")
    kept.append(client)
    return client

def silent(): connected()
def half_open(): connected().shutdown(socket.SHUT_WR)
def deaf():
    client = connected()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    client.sendall(b'{"command": "status"}\\n' * 150)
def slow():
    client = connected()
    for _ in range(20):
        client.sendall(b" ")
        if over.wait(0.2): return
def endless():
    client = connected()
    while not over.is_set(): client.sendall(b"x" * 65536)

def again(kind):
    while not over.is_set():
        with contextlib.suppress(OSError):
            kind()
        while len(kept) > 1000:
            kept.pop(0).close()

for kind in (silent, half_open, deaf, slow, endless, silent, deaf, endless):
    threading.Thread(target=again, args=(kind,), daemon=True).start()
while len(kept) < 300: time.sleep(0.01)
print("there", flush=True)
sys.stdin.read()
over.set()
os._exit(0)
"""


@contextlib.contextmanager
def crowd(container):
    """A crowd of the agent's at the socket, which pushes on as long as this lasts."""
    command = container.command(["/usr/bin/python3", "-I", "-c", CROWD], uid=1000)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"there\n"
            yield
        finally:
            process.stdin.close()
            process.wait(60)


@pytest.mark.leak("L31", "H52")
def test_a_crowd_keeps_nobody_from_it(lab, container):
    """Root is heard, names are answered, and the daemon has no more to carry than before."""
    egressd = lab.egressd(allow=[ALLOWED])
    process = Process(egressd.processes()[0])
    before = len(process.descriptors())
    with crowd(container):
        for turn in range(5):
            assert egressd.ctl("reload", check=False).returncode == 0, turn
            assert container.connect(ALLOWED, 443)
            assert container.connect(EVIL_V4, 443).error == "ECONNREFUSED"
            assert len(process.descriptors()) <= before + CLIENTS_MAX + 2
    assert egressd.status()["counters"]["reloads"] == 5
    wait_until(lambda: len(process.descriptors()) <= before, "end of the crowd's connections")


@pytest.mark.leak("L31")
def test_what_was_planted_at_its_paths_is_not_used(lab, container):
    """A folder that belongs to somebody else is not one to put a socket or a policy into."""
    container.run(["sh", "-c", "mkdir -p /var/open; chmod 777 /var/open"])
    container.run(["sh", "-c", "mkdir /var/open/run /var/open/state; ln -s /etc/passwd "
                   "/var/open/run/lock; ln -s /etc/passwd /var/open/run/policy.outline.new"],
                  uid=1000)
    passwd = container.run(["cat", "/etc/passwd"]).stdout
    for options in ({"runtime_dir": "/var/open/run"}, {"state_dir": "/var/open/state"}):
        egressd = lab.egressd(allow=[ALLOWED], ready=False, **options)
        assert egressd.wait_end() == 69
        assert "belongs to user 1000" in egressd.log()
    assert container.run(["cat", "/etc/passwd"]).stdout == passwd
    assert container.run(["stat", "-c", "%u", "/var/open/run"]).stdout == "1000\n"


@pytest.mark.leak("L31", "H50")
def test_what_a_dead_daemon_left_is_replaced(lab, container):
    """Its socket, and anything else of that name in a folder that is egressd's alone."""
    egressd = lab.egressd(allow=[ALLOWED])
    for plant in ("true", f"rm {SOCKET}; ln -s /etc/passwd {SOCKET}",
                  f"rm {SOCKET}; echo x > {SOCKET}"):
        egressd.kill9()
        container.run(["sh", "-c", plant])
        egressd.start()
        kind = container.run(["stat", "-c", "%F %u %a", SOCKET, "/run/egressd"]).stdout
        assert kind == "socket 65053 666\ndirectory 65053 755\n"
    assert container.run(["head", "-c1", "/etc/passwd"]).stdout == "r"
    assert container.connect(ALLOWED, 443)
