"""Who was refused: the user and the process, as far as the kernel shows them."""

import contextlib
import subprocess

import pytest

from lab.lab import ALLOWED, EVIL_V4, EVIL_V6
from lab.waiting import wait_until

AGENT = 1000
SENDS = """
import contextlib, socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
for port in range(9000, 9008):
    with contextlib.suppress(OSError):
        s.sendto(b"x", (sys.argv[1], port))
sys.stdin.read()
"""
PORTS = range(9000, 9008)
ASKS_BY_TCP = """
import socket, struct, sys
labels = b"".join(bytes([len(label)]) + label.encode() for label in sys.argv[1].split("."))
question = struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + labels + b"\\0" + struct.pack("!2H", 1, 1)
s = socket.create_connection(("192.0.2.53", 53))
s.send(struct.pack("!H", len(question)) + question)
s.recv(512)
"""


def line_of(egressd, **wanted):
    def look():
        found = [entry for entry in egressd.ask("log")["entries"]
                 if all(entry[member] == value for member, value in wanted.items())]
        return found[0] if found else None

    return wait_until(look, f"a line with {wanted}")


@pytest.mark.parametrize("argv", [["curl", "-s", "http://{name}/"],
                                  ["/usr/bin/python3", "-c", "import socket; "
                                   "socket.getaddrinfo('{name}', 80)"],
                                  ["/usr/bin/python3", "-c", ASKS_BY_TCP, "{name}"]])
def test_who_asked_for_a_name(lab, container, argv):
    """It is looked for while it waits; on a busy machine that may take too long, hence the tries."""
    egressd = lab.egressd(allow=[ALLOWED])
    seen = set()
    for number in range(60):
        name = f"evil{number}.test"
        typed = [part.replace("{name}", name) for part in argv]
        container.run(typed, uid=AGENT, check=False)
        line = line_of(egressd, kind="question", name=name)
        assert line["uid"] == AGENT
        if line["process"]:
            seen.add((line["process"], (line["command"] or "").replace(name, "NAME")))
        if seen and number >= 8:
            break
    program = argv[0].rpartition("/")[2]
    assert len(seen) == 1, seen
    (process, command), = seen
    assert process.startswith(program.rstrip("3")), seen
    assert command == " ".join(argv).replace("{name}", "NAME").replace("\n", " ")[:len(command)]
    assert len(command) >= 20


def test_processes_of_root_are_not_looked_into(lab, container):
    egressd = lab.egressd(allow=[ALLOWED])
    container.run(["curl", "-s", "http://evil.test/"], uid=0, check=False)
    line = line_of(egressd, kind="question", name="evil.test")
    assert (line["uid"], line["user"], line["process"]) == (0, "root", None)


@pytest.mark.parametrize("address", [EVIL_V4, EVIL_V6])
def test_who_sends_packets_that_are_refused(lab, container, address):
    """By UDP there is a socket left to look at."""
    egressd = lab.egressd(allow=[ALLOWED])
    sender = subprocess.Popen(container.command(["/usr/bin/python3", "-c", SENDS, address], AGENT),
                              stdin=subprocess.PIPE)
    with sender, contextlib.closing(sender.stdin):
        lines = [line_of(egressd, kind="packet", address=address, port=port) for port in PORTS]
    assert {line["uid"] for line in lines} == {AGENT}
    commands = {line["command"] for line in lines} - {None}
    assert len(commands) == 1 and {line["process"] for line in lines} - {None} == {"python3"}
    assert commands.pop().startswith("/usr/bin/python3 -c  import contextlib")


def test_a_name_of_a_process_is_text_and_no_more(lab, container):
    """Whoever runs it calls it as they like."""
    egressd = lab.egressd(allow=[ALLOWED])
    script = ("import ctypes, socket, sys; "
              "ctypes.CDLL(None).prctl(15, b'\\x1b[31m\\xff\\n{', 0, 0, 0); "
              "socket.getaddrinfo(sys.argv[1], 80)")
    for number in range(60):
        name = f"evil{number}.test"
        container.run(["/usr/bin/python3", "-c", script, name, "\x1b]0;title\x07"], uid=AGENT,
                      check=False)
        line = line_of(egressd, kind="question", name=name)
        if line["process"]:
            break
    assert line["process"] == "?[31m? {"
    assert line["command"].endswith(f"{name} ?]0;title?")


SHARES_A_PORT = """
import contextlib, os, socket, struct, sys
sockets = []
for uid in (1000, 1000, 1001, 1001):
    os.seteuid(uid)
    sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sockets[-1].bind(("", 9053))
    os.seteuid(0)
labels = b"".join(bytes([len(label)]) + label.encode() for label in sys.argv[1].split("."))
sockets[0].sendto(struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + labels
                  + b"\\0" + struct.pack("!2H", 1, 1), ("192.0.2.53", 53))
with contextlib.suppress(OSError):
    sockets[0].sendto(b"x", (sys.argv[2], 9100))
sys.stdin.read()
"""


def test_a_port_that_users_share_is_nobodys(lab, container):
    """Whatever the order in which the kernel lists them; of a packet it says whose it is."""
    egressd = lab.egressd(allow=[ALLOWED])
    command = container.command(["/usr/bin/python3", "-c", SHARES_A_PORT, "shared.test", EVIL_V4])
    with subprocess.Popen(command, stdin=subprocess.PIPE):
        assert line_of(egressd, kind="question", name="shared.test")["uid"] is None
        assert line_of(egressd, kind="packet", port=9100)["uid"] == 1000
