"""A running container, and what a program in it comes to see."""

import dataclasses
import re
import time

COULD_NOT_RESOLVE, COULD_NOT_CONNECT = 6, 7  # exit codes of curl, and of our knock


@dataclasses.dataclass(frozen=True)
class Fetch:
    code: int
    seconds: float
    body: str
    message: str

    def __bool__(self):
        return self.code == 0


class Container:
    def __init__(self, engine, name):
        self.engine, self.name = engine, name

    def run(self, *argv, user="root", check=True, timeout=600):
        done = self.engine.docker("exec", "--user", user, self.name, *argv, check=False,
                                  timeout=timeout)
        if check and done.returncode:
            raise RuntimeError(f"{argv} in the container: {done.stderr or done.stdout}")
        return done

    def sh(self, script, **options):
        return self.run("sh", "-c", script, **options)

    def curl(self, url, *options, user="root"):
        """curl's exit code, and the seconds that curl itself took."""
        done = self.run("curl", "-sSkg", "--max-time", "30", "-w", "\n%{time_total}", *options, url,
                        user=user, check=False)
        body, _, seconds = done.stdout.rpartition("\n")
        return Fetch(done.returncode, float(seconds or "nan"), body, done.stderr.strip())

    def knock(self, host, port=80, user="root"):
        """Connects by name as a musl program does; there is no curl in the busybox image."""
        start = time.monotonic()
        done = self.run("knock", host, str(port), user=user, check=False)
        return Fetch(done.returncode, time.monotonic() - start, "", done.stderr.strip())

    def ctl(self, *argv, user="root", check=False):
        return self.run("/usr/local/bin/egressctl", *argv, user=user, check=check)

    def logs(self):
        done = self.engine.docker("logs", self.name)
        return done.stdout + done.stderr

    @property
    def details(self):
        return self.engine.inspect(self.name)

    @property
    def is_running(self):
        return self.details["State"]["Running"]

    @property
    def network(self):
        """The path of its network namespace."""
        return self.engine.seen_from_outside(self.details["NetworkSettings"]["SandboxKey"])

    def nft(self, *argv):
        """nft in the container's network: the program is the host's, the container has none."""
        network = self.details["NetworkSettings"]["SandboxKey"]
        done = self.engine.run(["nsenter", f"--net={network}", "nft", *argv])
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tables(self):
        """The container's ruleset, by table, with counters and handles left out."""
        listed = re.sub(r" counter packets \d+ bytes \d+", " counter", self.nft("list", "ruleset"))
        parts = re.split(r"^(?=table )", listed, flags=re.MULTILINE)
        return {part.split("{")[0].removeprefix("table").strip(): part
                for part in parts if part.startswith("table")}

    def processes(self, program):
        """Process ids inside of all programs of that name."""
        listed = self.sh('for p in /proc/[0-9]*; do read -r c < $p/comm && '
                         f'[ "$c" = {program} ] && echo ${{p#/proc/}}; done; :').stdout
        return [int(line) for line in listed.split()]

    def remove(self):
        self.engine.docker("rm", "--force", self.name, check=False)
