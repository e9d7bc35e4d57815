"""Output for people: within 80 columns, in colour only on a terminal, and never by colour alone."""

import os
import pty
import re
import subprocess

import pytest

from lab.daemon import CLIENT
from lab.lab import ALLOWED, EVIL

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
COMMANDS = [["status"], ["explain", EVIL], ["explain", ALLOWED], ["explain", "cdn.test"],
            ["test", EVIL], ["test", ALLOWED], ["doctor"], ["log"], ["suggest"], ["wait"],
            ["explain", "169.254.169.254"], ["explain", "pypi.org"]]


@pytest.fixture
def egressd(lab, container):
    daemon = lab.egressd(allow=[
        ALLOWED, "*.cdn.test:443", "nowhere.test", "@github",
        "a-name-of-a-host-that-is-rather-long.some-department.example.test"], deny=["gist.test"])
    assert container.connect(ALLOWED, 443) and not container.connect(EVIL, 443)
    assert not container.resolve("pypi.org") and not container.connect("10.1.2.3", 22)
    return daemon


def on_terminal(container, argv, **env):
    """What argv prints when it runs on one."""
    ours, theirs = pty.openpty()
    variables = [f"{name}={value}" for name, value in {"TERM": "xterm", **env}.items()]
    with subprocess.Popen(container.command(["env", *variables, *argv], uid=1000),
                          stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:
            pass  # the last of its users has closed it
        os.close(ours)
        process.wait()
    return shown.decode().replace("\r\n", "\n")


def test_it_fits(lab, egressd):
    """A word that is too long by itself, as a path, stays whole."""
    for command in COMMANDS:
        done = egressd.ctl(*command, uid=1000, check=False)
        for line in (done.stdout + done.stderr).splitlines():
            assert len(line) <= 80 or len(line.split()) == 1, (command, line)


def test_audit_mode_fits(lab, container):
    egressd = lab.egressd(policy={"allow": [ALLOWED], "mode": "audit"})
    assert container.connect(EVIL, 443)
    for command in COMMANDS:
        for line in egressd.ctl(*command, uid=1000, check=False).stdout.splitlines():
            assert len(line) <= 80 or len(line.split()) == 1, (command, line)


def test_errors_fit_a_terminal(egressd, container):
    """To whatever else reads them they are one line."""
    for command in (["apply"], ["explain", "@github"], ["frob"]):
        shown = on_terminal(container, [CLIENT, *command])
        assert all(len(line) <= 80 for line in shown.splitlines()), shown
        plain = egressd.ctl(*command, uid=1000, check=False).stderr
        assert plain.count("\n") == 1 and plain.split() == shown.split()


def test_a_script_on_a_command_line_takes_two_lines(egressd, container):
    script = "import socket\n" + "# a remark\n" * 40 + "socket.getaddrinfo('script.test', 80)"
    container.run(["/usr/bin/python3", "-c", script], uid=1000, check=False)
    text = egressd.ctl("log", uid=1000).stdout
    told = re.search(r"script\.test is not on the allowlist\n(.*?) *add to", text, re.DOTALL)[1]
    assert told.count("\n") <= 3 and "?" not in told, told


def test_colours_only_on_a_terminal(egressd, container):
    for command in (["status"], ["explain", EVIL], ["test", EVIL]):
        coloured = on_terminal(container, [CLIENT, *command])
        assert COLOUR.search(coloured), command
        for plain in (on_terminal(container, [CLIENT, *command], NO_COLOR="1"),
                      on_terminal(container, [CLIENT, *command], TERM="dumb"),
                      egressd.ctl(*command, uid=1000, check=False).stdout):
            assert "\x1b" not in plain
            assert re.sub(r"\d+", "N", plain) == re.sub(r"\d+", "N", COLOUR.sub("", coloured))
