"""What the kernel says of one process, and how to make it do what it never would."""

import contextlib
import ctypes
import os
import pathlib
import platform

from .waiting import wait_until

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long
GETREGS, SETREGS, DETACH, SEIZE, INTERRUPT = 12, 13, 17, 0x4206, 0x4207
REGISTERS, ORIG_RAX, RAX, RIP = 27, 15, 10, 16  # of user_regs_struct
SYSCALL_SIZE = 2  # of the instruction
EXECVE = 59


class Process:
    def __init__(self, pid):
        self.pid = pid
        self.folder = pathlib.Path(f"/proc/{pid}")

    def status(self, field):
        for line in (self.folder / "status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == field:
                return value.strip()
        raise KeyError(field)

    def capabilities(self, which):
        return int(self.status(which), 16)

    def parent(self):
        return int(self.status("PPid"))

    def descriptors(self):
        """Number -> what it leads to."""
        found = {}
        for link in (self.folder / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed while we look
                found[int(link.name)] = os.readlink(link)
        return found

    def memory_kib(self):
        return int(self.status("VmRSS").split()[0])

    def most_memory_kib(self):
        """The most that it had since it began."""
        return int(self.status("VmHWM").split()[0])

    def limit(self, name):
        """Soft and hard, as /proc/PID/limits calls them."""
        for line in (self.folder / "limits").read_text().splitlines():
            if line.startswith(name):
                return tuple(line[len(name):].split()[:2])
        raise KeyError(name)

    def inject_execve(self):
        """Makes it ask for another program, as code that an attacker brought in would."""
        assert platform.machine() == "x86_64"
        wait_until(self._inject_execve, "a call that waits")

    def _inject_execve(self):
        """Whether it was stopped in a call: the instruction before is the one that makes calls."""
        registers = (ctypes.c_ulonglong * REGISTERS)()
        _ptrace(SEIZE, self.pid)
        _ptrace(INTERRUPT, self.pid)
        os.waitpid(self.pid, os.WUNTRACED)
        _ptrace(GETREGS, self.pid, data=ctypes.addressof(registers))
        in_a_call = ctypes.c_longlong(registers[ORIG_RAX]).value >= 0
        if in_a_call:
            registers[RIP] -= SYSCALL_SIZE
            registers[RAX] = EXECVE
            registers[ORIG_RAX] = ctypes.c_ulonglong(-1).value
            _ptrace(SETREGS, self.pid, data=ctypes.addressof(registers))
        _ptrace(DETACH, self.pid)
        return in_a_call

    def is_over(self):
        try:
            return (self.folder / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
        except (FileNotFoundError, ProcessLookupError):
            return True

    def wait_end(self):
        wait_until(self.is_over, f"end of process {self.pid}")


def _ptrace(request, pid, data=None):
    if libc.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request}")


