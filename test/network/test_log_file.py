"""A file of what was refused, where one is asked for: whole lines of JSON, nobody else's to write."""

import json
import os

from lab.lab import ALLOWED, EVIL_V4
from lab.waiting import wait_until

AGENT, DAEMON = 1000, 65053
FOLDER = "/run/refused"


def lines(container):
    path = container.path(f"{FOLDER}/refusals.jsonl")
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines()]


def test_what_is_refused_is_written_down(lab, container):
    lab.egressd(allow=[ALLOWED], log_dir=FOLDER)
    assert container.connect(ALLOWED, 443)
    assert container.connect(EVIL_V4, 8443).error == "ECONNREFUSED"
    assert not container.resolve("no.test")
    written = wait_until(lambda: len(lines(container)) >= 2 and lines(container), "both lines")
    assert {line["kind"] for line in written} == {"packet", "question"}
    packet = next(line for line in written if line["kind"] == "packet")
    assert (packet["address"], packet["port"], packet["uid"]) == (EVIL_V4, 8443, AGENT)
    status = os.stat(container.path(f"{FOLDER}/refusals.jsonl"))
    assert status.st_uid == DAEMON and not status.st_mode & 0o022
    done = container.run(["/bin/sh", "-c", f"echo x >> {FOLDER}/refusals.jsonl"], uid=AGENT,
                         check=False)
    assert done.returncode != 0


def test_what_others_wrote_is_escaped(lab, container):
    """A line is a line, and drives no terminal, whatever a process is called."""
    lab.egressd(allow=[ALLOWED], log_dir=FOLDER)
    script = "import socket, sys; socket.getaddrinfo(sys.argv[1], 80)"
    for number in range(8):  # who asked is looked for while it waits, and not always found
        container.run(["/usr/bin/python3", "-c", script, f"no{number}.test",
                       '\x1b]0;title\x07\n{"kind":"forged"}'], uid=AGENT, check=False)
    written = wait_until(lambda: len(lines(container)) >= 8 and lines(container), "the lines")
    assert {line["kind"] for line in written} == {"question"}
    assert [line for line in written if '?]0;title? {"kind":"forged"}' in (line["command"] or "")]
    text = container.path(f"{FOLDER}/refusals.jsonl").read_bytes()
    assert not [byte for byte in text if not 0x20 <= byte < 0x7f and byte != 0x0a]


def test_a_file_that_cannot_be_written_stops_nothing(lab, container):
    egressd = lab.egressd(allow=[ALLOWED], log_dir=FOLDER)
    container.run(["mkdir", f"{FOLDER}/refusals.jsonl"])
    assert not container.resolve("no.test")
    wait_until(lambda: "cannot be written down" in egressd.log(), "the warning")
    assert container.connect(ALLOWED, 443)
    container.run(["rmdir", f"{FOLDER}/refusals.jsonl"])
    assert not container.resolve("again.test")
    wait_until(lambda: "again.test" in [line["name"] for line in lines(container)], "its line")


def test_without_a_wish_there_is_none(lab, container):
    egressd = lab.egressd(allow=[ALLOWED])
    assert not container.resolve("no.test")
    wait_until(lambda: [entry for entry in egressd.ask("log")["entries"]
                        if entry["name"] == "no.test"], "the line")
    assert not container.path("/var/log/egressd").exists()
