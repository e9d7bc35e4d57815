"""README's table of egressd beside other ways to fence a container: each cell that says yes or no.

The script is the benchmark's ancestor.sh, the shape of those that dev containers use. The proxy is
tinyproxy with an allowlist, and HTTPS_PROXY in the environment of programs. A cell of the table is
right if its first word is what comes out here.
"""

import pathlib
import re

import pytest

from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL, EVIL_V4, EVIL_V6, UPSTREAM
from lab.waiting import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = r"^\| (?P<fact>[^|]+) \| (?P<egressd>\S+?)[:,]?( [^|]*)? \| (?P<script>\S+?)[:,]?( [^|]*)? " \
        r"\| (?P<proxy>\S+?)[:,]?( [^|]*)? \| "
PROXY_PORT, USER = 8888, 1000
NEVER, SHARED, NEW_V4 = "never.test", "shared.test", "198.51.100.77"


class Fence:
    """How programs in there get out; what starts it, and what it records, is each one's own."""

    def __init__(self, lab):
        self._lab = lab

    def curl(self, url, *options):
        return self._lab.container.run(["curl", "-sSk", "-m", "30", *options, url], uid=USER,
                                       check=False)

    def connects(self, host, port):
        return bool(self._lab.container.connect(host, port))


class Egressd(Fence):
    def start(self, names):
        self._daemon = self._lab.egressd(allow=[f"{name}:443" for name in names])

    def start_badly(self):
        daemon = self._lab.egressd(allow=["not an entry"], ready=False)
        wait_until(lambda: daemon.ask("status"), "its word")
        assert daemon.status()["state"] == "invalid-policy"

    def log(self):
        return self._daemon.ctl("log").stdout


class Script(Fence):
    def _run(self, names):
        return self._lab.container.run(["bash", ROOT / "test/bench/ancestor.sh", *names],
                                       check=False)

    def start(self, names):
        done = self._run(names)
        if done.returncode:
            raise RuntimeError(done.stderr)

    def start_badly(self):
        assert self._run([NEVER]).returncode

    def log(self):
        return self._lab.container.run(["dmesg"], check=False).stdout


class Proxy(Fence):
    LOG = "/run/proxy/log"
    CONFIGURATION = f"""
User nobody
Port {PROXY_PORT}
Listen 127.0.0.1
Timeout 10
LogFile "{LOG}"
PidFile "/run/proxy/pid"
FilterDefaultDeny Yes
Filter "/etc/proxy.names"
ConnectPort 443
"""

    def start(self, names):
        container = self._lab.container
        container.run(["install", "-d", "-o", "nobody", "/run/proxy"])
        container.write("/etc/proxy.conf", self.CONFIGURATION)
        container.write("/etc/proxy.names", "".join(f"^{re.escape(name)}$\n" for name in names))
        container.run(["tinyproxy", "-c", "/etc/proxy.conf"])
        wait_until(lambda: container.connect("127.0.0.1", PROXY_PORT), "the proxy")

    def start_badly(self):
        self._lab.container.write("/etc/proxy.conf", "nonsense\n")
        assert self._lab.container.run(["tinyproxy", "-c", "/etc/proxy.conf"],
                                       check=False).returncode

    def curl(self, url, *options):
        return super().curl(url, "-x", f"http://127.0.0.1:{PROXY_PORT}", *options)

    def connects(self, host, port):
        """Whether the proxy does, on behalf of a program that asks it to."""
        done = self.curl(f"https://{host}:{port}/", "-o", "/dev/null", "-w", "%{http_connect}")
        return done.stdout == "200"

    def log(self):
        return self._lab.container.path(self.LOG).read_text()


def reaches(fence, host, *options):
    """A program that does as it is told gets there."""
    return fence.curl(f"https://{host}/", *options).returncode == 0


def holds_programs_that_ask_nobody(lab, fence):
    fence.start([ALLOWED])
    return not lab.container.connect(EVIL_V4, 443)


def holds_ipv6(lab, fence):
    fence.start([ALLOWED])
    return not lab.container.connect(EVIL_V6, 443)


def lets_no_other_name_be_asked(lab, fence):
    fence.start([ALLOWED])
    lab.forget()
    lab.container.agent().dig(EVIL, server=UPSTREAM, timeout=2)
    return not lab.dns.questions(EVIL)


def opens_listed_ports_alone(lab, fence):
    fence.start([ALLOWED])
    assert fence.connects(ALLOWED, 443)
    return not fence.connects(ALLOWED, 8443)


def follows_an_address_that_changes(lab, fence):
    fence.start([ALLOWED])
    assert reaches(fence, ALLOWED)
    lab.zone.host(ALLOWED, NEW_V4, ttl=0)
    return reaches(fence, ALLOWED)


def starts_though_a_name_does_not_resolve(lab, fence):
    try:
        fence.start([NEVER, ALLOWED])
    except RuntimeError:
        return False
    return reaches(fence, ALLOWED) and not reaches(fence, EVIL)


def is_closed_when_its_start_fails(lab, fence):
    fence.start_badly()
    return not lab.container.connect(EVIL_V4, 443)


def records_refusals_by_name(lab, fence):
    fence.start([ALLOWED])
    assert not reaches(fence, EVIL, "-4")
    return EVIL in fence.log()


def tells_names_on_one_address_apart(lab, fence):
    """A client that says the allowed name to whoever judges, and the other one to the server."""
    lab.zone.host(SHARED, ALLOWED_V4)
    fence.start([ALLOWED])
    return not reaches(fence, SHARED, "--connect-to", f"{SHARED}:443:{ALLOWED}:443")


FACTS = {
    "holds programs that ignore proxy variables": holds_programs_that_ask_nobody,
    "holds IPv6 as well": holds_ipv6,
    "lets nobody ask DNS for other names": lets_no_other_name_be_asked,
    "opens the listed ports of a host alone": opens_listed_ports_alone,
    "follows a host whose address changes": follows_an_address_that_changes,
    "starts though a listed name does not resolve": starts_though_a_name_does_not_resolve,
    "is closed when its own start fails": is_closed_when_its_start_fails,
    "records what was refused, by name": records_refusals_by_name,
    "tells two names on one address apart": tells_names_on_one_address_apart,
}
FENCES = {"egressd": Egressd, "script": Script, "proxy": Proxy}


def cells():
    """fact -> fence -> whether README says yes."""
    rows = re.finditer(TABLE, (ROOT / "README.md").read_text(), re.MULTILINE)
    return {row["fact"]: {fence: {"yes": True, "no": False}[row[fence]] for fence in FENCES}
            for row in rows if row["egressd"] in ("yes", "no")}


def test_every_row_of_the_table_is_tried():
    assert set(cells()) == set(FACTS)


@pytest.mark.parametrize("fence", FENCES)
@pytest.mark.parametrize("fact", FACTS)
def test_a_cell(lab, container, fact, fence):
    lab.zone.host(ALLOWED, ALLOWED_V4, ALLOWED_V6, ttl=0)
    for target in (EVIL_V4, EVIL_V6):
        assert container.connect(target, 443), "without a fence it is open"
    assert FACTS[fact](lab, FENCES[fence](lab)) == cells()[fact][fence]
