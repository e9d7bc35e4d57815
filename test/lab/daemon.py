"""egressd as tests handle it: started in the container, asked, killed, and judged at the end."""

import contextlib
import json
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import time

from .waiting import wait_until

SANITIZER_REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:")
ROOT = pathlib.Path(__file__).resolve().parents[2]
INSTALLED = "/usr/local/bin/egressd"
CLIENT = "/usr/local/bin/egressctl"
UNDER = shlex.split(os.environ.get("EGRESSD_UNDER", ""))  # valgrind and its options, or nothing
VALGRIND_REPORT = re.compile(r"^==\d+== ", re.MULTILINE)
ENFORCING, NOT_THERE_YET, BAD_CONFIGURATION = 0, 69, 78

ORDER = """
import json, socket, sys
with socket.socket(socket.AF_UNIX) as client:
    client.settimeout(float(sys.argv[2]))
    try:
        client.connect("/run/egressd/control.sock")
        client.sendall(json.dumps({"command": sys.argv[1]}).encode() + b"\\n")
        print(client.makefile().readline())
    except (ConnectionError, FileNotFoundError):
        pass
"""


def binary():
    return ROOT / os.environ.get("EGRESSD_BUILD", "build/dev") / "egressd"


def install(container):
    """Puts egressd and egressctl where an installed Feature has them."""
    container.install(binary(), INSTALLED)
    container.run(["ln", "-sf", "egressd", CLIENT])


def old_kernel(folder, lacks):
    """The environment of a daemon whose kernel knows nothing of these: see old_kernel.c."""
    return {"LD_PRELOAD": _library(folder, "old_kernel"), "EGRESSD_KERNEL_LACKS": ",".join(lacks),
            "ASAN_OPTIONS": "verify_asan_link_order=0"}


def _library(folder, name):
    library = folder / f"{name}.so"
    subprocess.run(["cc", "-D_GNU_SOURCE", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library,
                    pathlib.Path(__file__).with_name(f"{name}.c")], check=True)
    return str(library)


class Egressd:
    """One daemon; options of `egressd run` are given with underscores: lease_grace=2."""

    def __init__(self, container, folder, policy, upstream=(), options=(), env=None, lacks=(),
                 **settings):
        self._container = container
        self._policy_file = folder / "policy.json"
        self._log_file = folder / "egressd.log"
        self._log_file.touch()
        env = {**(env or {}), **(old_kernel(folder, lacks) if lacks else {})}
        if UNDER:
            libraries = [_library(folder, "under_valgrind"), env.get("LD_PRELOAD", "")]
            env["LD_PRELOAD"] = " ".join(libraries).strip()
        self._env = [f"{key}={value}" for key, value in env.items()]
        self._process = None
        arguments = ["run", "--foreground"]
        if policy is not None:
            self.write_policy(policy)
            arguments += ["--policy", self._policy_file]
        for address in [upstream] if isinstance(upstream, str) else upstream:
            arguments += ["--upstream", address]
        for name, value in settings.items():
            arguments += ["--" + name.replace("_", "-"), str(value)]
        self._arguments = [*arguments, *options]

    # Life

    def start(self, ready=True, under=()):
        """Starts it; ready: returns when `egressctl wait` says that it enforces.

        under: the command line of a program that runs it, such as a tracer.
        """
        with open(self._log_file, "ab") as log:
            self._process = subprocess.Popen(
                self._container.command(["env", *self._env, *under, *UNDER, INSTALLED,
                                         *self._arguments]),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self):
        def told():
            assert self._process.poll() is None, f"egressd ended at once:\n{self.log()}"
            done = self.ctl("wait", "--timeout", "1", check=False)
            return done if done.returncode in (ENFORCING, BAD_CONFIGURATION) else None

        done = wait_until(told, "egressd enforcing")
        assert done.returncode == ENFORCING, f"{done.stdout}{done.stderr}\n{self.log()}"

    def exit_code(self):
        """None: it lives."""
        return self._process.poll()

    def wait_end(self, timeout=60):
        """Exit code of a daemon that is expected to end by itself."""
        return self._process.wait(timeout)

    def processes(self):
        return self._container.processes("egressd")

    def signal(self, number):
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def kill9(self):
        """Ends every process of it as a crash would."""
        wait_until(lambda: self.signal(signal.SIGKILL) or not self.processes(), "death by SIGKILL")
        self._process.send_signal(signal.SIGCONT)
        self._process.wait(60)

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)
        self._process.send_signal(signal.SIGCONT)  # nsenter stops when what it runs stops

    def stop(self):
        """Asks it to end, and judges how it lived."""
        if self._process and self._process.poll() is None:
            self.thaw()
            self.signal(signal.SIGTERM)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill9()
                raise AssertionError(f"egressd ignored SIGTERM:\n{self.log()}") from None
        self.judge()

    def judge(self):
        log = self.log()
        for report in SANITIZER_REPORTS:
            assert report not in log, f"a sanitizer reported:\n{log}"
        assert not UNDER or not VALGRIND_REPORT.search(log), f"valgrind reported:\n{log}"

    def restart(self, crash=False):
        if crash:
            self.kill9()
        else:
            self.stop()
        return self.start()

    # Policy

    def write_policy(self, policy):
        """A policy as an object, or as text that may be broken."""
        text = policy if isinstance(policy, str) else json.dumps(policy, indent=4)
        self._policy_file.write_text(text)

    def reload(self, policy, check=True):
        self.write_policy(policy)
        return self.ctl("reload", check=check)

    # What it says

    def ctl(self, *argv, check=True, uid=None):
        return self._container.run([CLIENT, *argv], uid=uid, check=check)

    def ask(self, command, timeout=60, **members):
        """What the daemon itself replies to root, without a client; None: nobody is there."""
        path = self._container.path("/run/egressd/control.sock")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(timeout)
            try:
                client.connect(str(path))
                client.sendall(json.dumps({"command": command, **members}).encode() + b"\n")
                with client.makefile() as lines:
                    return json.loads(lines.readline() or "null")
            except (ConnectionError, FileNotFoundError):
                return None
            except TimeoutError:
                raise TimeoutError(f"no reply to {command} within {timeout} s") from None

    def order(self, command, timeout=60):
        """As ask(), by root inside: root outside is obeyed as little as anybody else."""
        done = self._container.run(["/usr/bin/python3", "-I", "-c", ORDER, command, str(timeout)],
                                   check=False, timeout=timeout + 10)
        if "TimeoutError" in done.stderr:
            raise TimeoutError(f"no reply to {command} within {timeout} s")
        return json.loads(done.stdout.strip() or "null")

    def wait_answer(self, *argv):
        """What egressctl says as soon as somebody is there to answer it."""
        def answered():
            done = self.ctl(*argv, check=False)
            return None if done.returncode == NOT_THERE_YET else done

        return wait_until(answered, f"answer to {argv}")

    def status(self):
        return json.loads(self.ctl("status", "--json", check=False).stdout or "{}")

    def weaknesses(self):
        """Of the kernel and of what it holds; those of the surroundings, which stand last, are the
        lab's own: its container is privileged."""
        status = self.status()
        return status["weaknesses"][:len(status["weaknesses"]) - len(status["findings"])]

    def log(self):
        return self._log_file.read_text(errors="replace")

    # What the kernel holds

    def leases(self):
        """Leased addresses: (address, protocol, port) -> seconds until the lease ends."""
        found = {}
        for name in ("allow4", "allow6"):
            for key, element in self._container.nft_elements(name).items():
                address, protocol, port = key.split(" . ")
                found[address, protocol, int(port)] = element["expires"]
        return found

    def leased(self):
        """Addresses that are let out now because a name led to them."""
        return {address for address, _, _ in self.leases()}

    def in_use(self):
        """Addresses that are let out because a connection was made not long ago."""
        return {key.split(" . ")[0] for name in ("lease4", "lease6")
                for key in self._container.nft_elements(name)}

    def wait_leased(self, *addresses):
        wait_until(lambda: set(addresses) <= self.leased(), f"lease of {addresses}")

    def wait_ended(self, *addresses):
        """Returns when these addresses are neither leased nor held open by use."""
        wait_until(lambda: not set(addresses) & (self.leased() | self.in_use()),
                   f"end of {addresses}")


def measure(function):
    start = time.monotonic()
    result = function()
    return result, time.monotonic() - start
