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
