"""A real bash and a real zsh, at a terminal, complete what is typed."""

import os
import pathlib
import pty
import re
import select
import subprocess
import time

import pytest

from lab.daemon import CLIENT, INSTALLED
from lab.lab import ALLOWED

COMPLETIONS = pathlib.Path(__file__).resolve().parents[2] / "feature/egressd/completions"
BASH = "/usr/local/share/bash-completion/completions"
ZSH = "/usr/local/share/zsh/site-functions"  # below /usr/local, which is the machine's own
SHELLS = {
    "bash": ["bash", "--noprofile", "--rcfile", "/usr/share/bash-completion/bash_completion", "-i"],
    "zsh": ["zsh", "--no-rcs", "-i"],
}
KILL_LINE, TAB = "\x15", "\t"
ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[=>]|\][^\a]*\a)|[\r\a]")


class Terminal:
    """A shell on a terminal that is wide enough for every line."""

    def __init__(self, command):
        ours, theirs = pty.openpty()
        self._fd = ours
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs,
                                        start_new_session=True)
        os.close(theirs)

    def type(self, text):
        os.write(self._fd, text.encode())

    def read_until(self, pattern, timeout=20):
        """What was shown, up to a line that matches."""
        shown, deadline = "", time.monotonic() + timeout
        while not re.search(pattern, ESCAPES.sub("", shown)):
            left = deadline - time.monotonic()
            ready = left > 0 and select.select([self._fd], [], [], left)[0]
            assert ready, f"{pattern!r} is not in {ESCAPES.sub('', shown)!r}"
            shown += os.read(self._fd, 65536).decode(errors="replace")
        return ESCAPES.sub("", shown)

    def complete(self, typed, expected):
        self.type(typed + TAB)
        self.read_until(re.escape(expected))
        self.type(KILL_LINE)

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self._fd)


@pytest.fixture(params=SHELLS)
def terminal(request, lab, container):
    lab.egressd(allow=[ALLOWED])
    container.run(["mkdir", "-p", BASH, ZSH])
    for name in ("egressctl", "egressd"):
        container.install(COMPLETIONS / "egressctl.bash", f"{BASH}/{name}")
    container.install(COMPLETIONS / "_egressctl", f"{ZSH}/_egressctl")
    opened = Terminal(container.command(
        ["env", "-i", "TERM=xterm", "HOME=/", "COLUMNS=200", "PATH=/usr/local/bin:/usr/bin:/bin",
         *SHELLS[request.param]], uid=1000))
    if request.param == "zsh":
        opened.type("autoload -Uz compinit && compinit -u -D\n")
    opened.type("echo ready$((6 * 7))\n")
    opened.read_until("ready42")
    yield opened
    opened.close()


def words(container, pattern, *command):
    found = re.findall(pattern, container.run([*command, "--help"]).stdout, re.MULTILINE)
    assert found
    return sorted(found)


def test_every_command_and_its_options(terminal, container):
    for command in words(container, r"^  ([a-z]+) ", CLIENT):
        terminal.complete(f"egressctl {command[:-1]}", f"egressctl {command} ")
    for option in words(container, r"^  .{4}(--[a-z-]+)", CLIENT, "wait"):
        terminal.complete(f"egressctl wait {option[:-1]}", f"egressctl wait {option} ")


def test_the_daemons_commands_and_options(terminal, container):
    for command in words(container, r" egressd ([a-z]+)", INSTALLED):
        terminal.complete(f"egressd {command[:-1]}", f"egressd {command} ")
    for option in words(container, r"^  (--[a-z-]+)", INSTALLED):
        terminal.complete(f"egressd run {option[:-1]}", f"egressd run {option}")


def test_values(terminal):
    """Hosts from the running daemon, files and folders where they are wanted."""
    for command in ("explain", "test"):
        terminal.complete(f"egressctl {command} allo", f"egressctl {command} {ALLOWED} ")
    terminal.complete("egressctl --runtime-dir /usr/loc", "egressctl --runtime-dir /usr/local/")
    terminal.complete("egressd run --policy /etc/host.c", "/etc/host.conf ")
    terminal.complete("egressd check /etc/host.c", "egressd check /etc/host.conf ")


def test_what_is_typed_is_not_run(terminal, container, tmp_path):
    """It may have been copied from anywhere, and GNU sed has a command that runs programs."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\ntouch /usr/local/share/ran/it\n")
    program.chmod(0o755)
    container.install(program, "/usr/local/bin/program")
    container.run(["mkdir", "-m", "777", "/usr/local/share/ran"])
    terminal.complete("egressctl explain /program/e# --jso", "--json")
    assert container.run(["ls", "/usr/local/share/ran"]).stdout == ""
