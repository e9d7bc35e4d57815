"""test/breakout, which tries every way out from inside: it finds them open, then all of them closed.

The container has Docker's resolver beside it, so that there is one to ask past the gate.
"""

import pathlib
import re

import pytest

from lab.daemon import install
from lab.lab import ALLOWED, EVIL, EVIL_V4, EVIL_V6, UPSTREAM

BREAKOUT = pathlib.Path(__file__).resolve().parents[1] / "breakout"
SOMETHING_GOT_OUT, CANNOT_TELL = 1, 2
# It makes nobody root, and talks to an allowed host while it says so.
TALKATIVE_DOAS = f"""#!/usr/bin/python3 -I
import socket
socket.create_connection(("{ALLOWED}", 443)).close()
raise SystemExit("Operation not permitted")
"""
TRIED_IN_VAIN = ["--refused", EVIL_V4, "--refused", EVIL_V6, "--refused-name", EVIL,
                 "--resolver", UPSTREAM]


def breakout(container, *options):
    """Exit code, and what was found: row -> closed, OPEN or skipped."""
    container.install(BREAKOUT, "/usr/local/bin/breakout")
    done = container.run(["/usr/bin/python3", "-I", "/usr/local/bin/breakout", *options], uid=1000,
                         check=False, timeout=900)
    rows = dict(re.findall(r"^([LH]\d+) +(closed|OPEN|skipped) ", done.stdout, re.MULTILINE))
    return done.returncode, rows, done.stdout + done.stderr


def closed_by_egressd(container):
    """Rows that are tried, and that turning egressd off must open."""
    listed = container.run(["/usr/bin/python3", "-I", BREAKOUT, "--list"]).stdout
    return {line.split()[0] for line in listed.splitlines() if line.endswith(" egressd")}


def test_without_egressd_every_way_is_open(lab, container):
    lab.docker_dns()
    install(container)  # but not started
    code, rows, text = breakout(container, *TRIED_IN_VAIN, "--allowed", f"{ALLOWED}:443")
    assert code == SOMETHING_GOT_OUT, text
    shut = {row for row in closed_by_egressd(container) if rows.get(row) != "OPEN"}
    assert not shut, text


@pytest.mark.leak("L1", "L2", "L3", "L4", "L5", "L7", "L8", "L9", "L10", "L11", "L17", "L18",
                  "L19", "L29", "L31", "L32", "L35", "L36", "L37", "L38", "L39", "H20", "H27",
                  "H28", "H31", "H32", "H33", "H34", "H35", "H36", "H37", "H43", "H44", "H53")
def test_with_egressd_nothing_gets_out(lab, container):
    lab.docker_dns()
    lab.egressd(allow=[f"{ALLOWED}:443", "*.below.test"])
    assert container.connect(ALLOWED, 443)
    container.path(container.write("/usr/local/bin/doas", TALKATIVE_DOAS)).chmod(0o755)
    lab.forget()
    code, rows, text = breakout(container, *TRIED_IN_VAIN)
    assert code == 0, text
    missed = {row for row in closed_by_egressd(container) if rows.get(row) != "closed"}
    assert not missed, text
    assert not lab.dns.questions(EVIL)
    for address in (EVIL_V4, EVIL_V6):
        assert not lab.witness.packets(destination=address)


@pytest.mark.leak("L35")
def test_without_a_network_it_cannot_tell(lab, container):
    """Nothing gets out of a container without a cable: that is no protection."""
    lab.egressd(allow=[f"{ALLOWED}:443"])
    container.ip("link set eth0 down")
    code, _, text = breakout(container, *TRIED_IN_VAIN, "--allowed", f"{ALLOWED}:443")
    assert code == CANNOT_TELL, text


def test_what_the_policy_allows_cannot_be_refused(lab, container):
    lab.egressd(allow=[EVIL_V4])
    assert breakout(container, *TRIED_IN_VAIN)[0] == 64
