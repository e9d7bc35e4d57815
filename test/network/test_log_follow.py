"""`egressctl log -f` shows what happens as it happens, until it is told to end."""

import contextlib
import json
import os
import signal
import subprocess

import pytest

from lab.daemon import CLIENT
from lab.lab import ALLOWED, EVIL_V4
from lab.waiting import wait_until

AGENT = 1000


class Follower:
    """A running `egressctl log -f`; a test that waits for a line in vain ends by pytest's limit."""

    def __init__(self, container, options):
        self.container = container
        self.process = subprocess.Popen(
            container.command([CLIENT, "log", "-f", *options], uid=AGENT), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def until(self, text):
        """Lines up to the one that holds text."""
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if text in line:
                return lines
        raise AssertionError(f"ended without {text}: {lines} {self.process.stderr.read()}")

    def signal(self, number):
        for pid in self.container.processes("egressctl"):
            with contextlib.suppress(ProcessLookupError):  # it ends just now
                os.kill(pid, number)

    def close(self):
        self.signal(signal.SIGKILL)  # else it holds the pipe that is read to its end
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def follow(container):
    followers = []

    def start(*options):
        followers.append(Follower(container, options))
        return followers[-1]

    yield start
    for follower in followers:
        follower.close()


def test_it_streams(lab, container, follow):
    egressd = lab.egressd(allow=[ALLOWED])
    assert not container.resolve("before.test")
    follower = follow()
    follower.until("before.test")
    assert not container.resolve("after.test")
    follower.until('add to "allow": "after.test"')
    assert container.connect(EVIL_V4, 443).error == "ECONNREFUSED"
    assert "refused" in follower.until(f"{EVIL_V4}:443")[-1]
    assert egressd.exit_code() is None


def test_json_is_one_object_a_line(lab, container, follow):
    lab.egressd(allow=[ALLOWED])
    follower = follow("--json")
    assert not container.resolve("one.test")
    assert not container.resolve("two.test")
    names = [json.loads(line)["name"] for line in follower.until("two.test")]
    assert names[-1] == "two.test" and "one.test" in names


def test_it_survives_a_restart_of_the_daemon(lab, container, follow):
    egressd = lab.egressd(allow=[ALLOWED])
    follower = follow("--json")
    assert not container.resolve("before.test")
    follower.until("before.test")
    egressd.restart()
    assert not container.resolve("after.test")
    names = {json.loads(line)["name"] for line in follower.until("after.test")}
    assert "before.test" not in names


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_told_to(lab, container, follow, number):
    lab.egressd(allow=[ALLOWED])
    follower = follow()
    assert not container.resolve("before.test")
    follower.until("before.test")
    follower.signal(number)
    assert follower.process.wait(60) == 0
    assert follower.process.stderr.read() == ""


def test_it_ends_when_nobody_reads(lab, container, follow):
    lab.egressd(allow=[ALLOWED])
    follower = follow()
    assert not container.resolve("before.test")
    follower.until("before.test")
    follower.process.stdout.close()
    wait_until(lambda: not container.processes("egressctl"), "its end")


def test_without_a_daemon_it_says_so(lab, container, follow):
    lab.egressd(allow=[ALLOWED]).stop()
    done = container.run([CLIENT, "log", "-f"], uid=AGENT, check=False)
    assert done.returncode == 69 and "not running" in done.stderr
