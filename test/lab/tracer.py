"""strace as the one who makes system calls fail: the Nth call of a kind, with an error of choice.

Neither the kernel nor egressd is changed for it, so what is tested is what is shipped, and every call
counts, also those that libraries make. Root traces egressd in spite of its dropped privileges.
"""

import collections
import contextlib
import dataclasses
import re
import subprocess

from .waiting import wait_until

LINE = re.compile(r"^(?:\[pid +\d+\] |\d+ +)?(\w+)\((.*)")
FIRST_OF_MAIN = "close_range"  # what comes before is the loader's and the sanitizers'


@dataclasses.dataclass(frozen=True)
class Call:
    name: str
    number: int  # among the calls of this name, from 1
    text: str  # how strace shows it

    def __str__(self):
        return f"{self.name} {self.number}: {self.name}({self.text[:90]}"


def listing(file):
    """The command line under which a program's calls are written to a file."""
    return ["strace", "-qq", "-s", "40", "-o", file]


def read_listing(text, from_main=True):
    """The calls of a program, from its own first one on unless it was attached to."""
    counts = collections.Counter()
    calls, begun = [], not from_main
    for line in text.splitlines():
        match = LINE.match(line)
        if not match:
            continue
        name, rest = match.groups()
        counts[name] += 1
        begun = begun or name == FIRST_OF_MAIN
        if begun:
            calls.append(Call(name, counts[name], rest))
    return calls


def failing(call, error, file):
    """The command line under which that one call fails."""
    return failing_all(call.name, f"{error}:when={call.number}", file)


def failing_all(names, how, file):
    """The same in strace's own words. What is called instead is something that a filter of system
    calls lets through; by itself strace calls number -1, which none does."""
    return ["strace", "-qq", "-o", file, "-e", f"trace={names}",
            "-e", f"inject={names}:error={how}:syscall=getpid"]


@contextlib.contextmanager
def attached(machine, pid, command):
    """Runs one of the command lines above on a process that lives already, in its machine."""
    status = machine.path(f"/proc/{pid}/status")

    def tracer():
        return int(re.search(r"TracerPid:\t(\d+)", status.read_text()).group(1))

    with subprocess.Popen(machine.command([*command, "-p", pid]), stdin=subprocess.DEVNULL,
                          start_new_session=True) as strace:
        wait_until(tracer, "strace at work")
        try:
            yield
        finally:
            with contextlib.suppress(FileNotFoundError):  # it has ended, and strace with it
                machine.run(["kill", tracer()], check=False)
            strace.wait(60)
