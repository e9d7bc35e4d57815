"""What was refused becomes an allowlist: pasted as it is printed, it lets the same traffic through,
and no more is left to suggest."""

import json
import subprocess

import pytest

from lab.daemon import binary
from lab.lab import ALLOWED, ALLOWED_V4, EVIL, EVIL_V4, EVIL_V6, UPSTREAM
from lab.waiting import wait_until

AGENT = 1000
POOL_V4, POOL_V6 = "198.51.100.20", "2001:db8:20::20"
CDN = [f"{label}.cdn.test" for label in "abcd"]
PRIVATE, METADATA = "10.1.2.3", "169.254.169.254"


def suggestion(egressd):
    return json.loads(egressd.ctl("suggest", "--json", uid=AGENT).stdout)


def entries(egressd):
    return [line["entry"] for line in suggestion(egressd)["allow"]]


def wait_entries(egressd, *wanted):
    """Packets are told by the kernel, a moment after they were refused."""
    wait_until(lambda: set(wanted) <= set(entries(egressd)), f"{wanted} among the entries")


def why_not(egressd, what):
    """Once it is there."""
    def look():
        return [line["why"] for line in suggestion(egressd)["others"] if line["what"] == what]

    return wait_until(look, f"{what} among the others")[0]


def pasted(egressd, tmp_path):
    """The policy of somebody who copies the block from the terminal."""
    shown = egressd.ctl("suggest", uid=AGENT).stdout
    block = shown[shown.index('    "allow": ['):shown.index("\n    ]\n") + 7]
    file = tmp_path / "policy.json"
    file.write_text("{\n" + block + "}\n")
    subprocess.run([binary(), "check", file], check=True, capture_output=True)
    return file.read_text()


def test_nothing_was_refused(lab, container):
    egressd = lab.egressd(allow=[ALLOWED])
    assert container.connect(ALLOWED, 443)
    done = egressd.ctl("suggest", uid=AGENT)
    assert "Nothing to add" in done.stdout and '"allow"' not in done.stdout
    assert entries(egressd) == []


def test_pasted_it_lets_the_same_through(lab, container, zone, tmp_path):
    for name in [*CDN, "pypi.org"]:
        zone.host(name, POOL_V4, POOL_V6)
    egressd = lab.egressd(allow=[f"{ALLOWED}:443"])
    egressd.wait_leased(ALLOWED_V4)

    def traffic():
        """What works of it."""
        return [bool(container.connect(name, 443)) for name in [EVIL, "pypi.org", *CDN]] + [
            bool(container.connect(EVIL_V4, 8443)), bool(container.connect(EVIL_V6, 8443)),
            bool(container.connect(ALLOWED_V4, 22)), bool(container.udp(EVIL_V4, 123))]

    assert not any(traffic())
    wait_entries(egressd, EVIL, "@pypi", "*.cdn.test", f"{EVIL_V4}:8443", f"[{EVIL_V6}]:8443",
                 f"{ALLOWED}:22", f"{EVIL_V4}:123/udp")
    assert len(entries(egressd)) == 7
    egressd.reload(pasted(egressd, tmp_path))
    egressd.wait_leased(ALLOWED_V4)
    assert all(traffic()), traffic()
    assert suggestion(egressd)["allow"] == suggestion(egressd)["others"] == []


def test_from_audit_to_enforce(lab, container, zone, tmp_path):
    """A day in audit mode, pasted: nothing of it is refused then."""
    for name in [*CDN, "pypi.org"]:
        zone.host(name, POOL_V4, POOL_V6)
    zone.host("in.corp.test", PRIVATE)
    egressd = lab.egressd(policy={"allow": [ALLOWED], "mode": "audit"})
    targets = [(EVIL, 443), (EVIL, 22), ("pypi.org", 443), *[(name, 443) for name in CDN]]
    assert all(container.connect(*target) for target in targets)
    assert container.resolve("in.corp.test")
    wait_entries(egressd, EVIL, f"{EVIL}:22", "@pypi", "*.cdn.test")
    assert "audit" in egressd.ctl("suggest", uid=AGENT).stdout
    policy = pasted(egressd, tmp_path)
    egressd.write_policy(policy)
    egressd.restart()
    assert all(container.connect(*target) for target in targets)
    assert not container.connect("other.test", 443)
    assert entries(egressd) == ["other.test"]


def test_the_most_used_comes_first(lab, container):
    egressd = lab.egressd(allow=[ALLOWED])
    for port, count in ((8081, 2), (8082, 4), (8083, 1)):
        for _ in range(count):
            assert container.connect(EVIL_V4, port).error == "ECONNREFUSED"
    wait_until(lambda: sum(line["count"] for line in suggestion(egressd)["allow"]) == 7,
               "all of them")
    assert entries(egressd) == [f"{EVIL_V4}:{port}" for port in (8082, 8081, 8083)]


@pytest.mark.parametrize("address, why", [(PRIVATE, "private"), (METADATA, "leave it closed"),
                                          ("1.1.1.1", "a public resolver")])
def test_what_had_better_stay_closed(lab, container, address, why):
    egressd = lab.egressd(allow=[ALLOWED])
    assert not container.connect(address, 443, timeout=1)
    assert why in why_not(egressd, address)
    assert entries(egressd) == []
    shown = egressd.ctl("suggest", uid=AGENT).stdout
    assert "Not suggested:" in shown and why in " ".join(shown.split())


def test_denied_it_stays(lab, container):
    egressd = lab.egressd(allow=[ALLOWED], deny=[EVIL])
    assert not container.resolve(EVIL)
    assert f'"{EVIL}" in deny' in why_not(egressd, EVIL)
    assert entries(egressd) == []


def test_an_allowed_name_that_leads_to_a_private_address(lab, container, zone):
    zone.host("in.corp.test", PRIVATE)
    egressd = lab.egressd(allow=["in.corp.test"])
    assert not container.resolve("in.corp.test")
    assert '"private": true' in why_not(egressd, "in.corp.test")
    egressd.reload({"allow": [{"host": "in.corp.test", "private": True}]})
    assert container.resolve("in.corp.test")
    assert suggestion(egressd)["others"] == []


def test_a_wildcard_that_has_led_to_enough(lab, container, zone):
    zone.host("*.cdn.test", POOL_V4)
    egressd = lab.egressd(policy={"allow": [{"host": "*.cdn.test", "names": 1}]})
    assert container.resolve("a.cdn.test")
    assert not container.resolve("b.cdn.test") and not container.resolve("c.cdn.test")
    assert "names" in why_not(egressd, "*.cdn.test")
    assert [line["what"] for line in suggestion(egressd)["others"]] == ["*.cdn.test"]


def test_a_container_inside(lab):
    inner = lab.nested()
    egressd = lab.egressd(allow=[ALLOWED])
    assert inner.connect(EVIL_V4, 8443).error == "ECONNREFUSED"
    wait_entries(egressd, f"{EVIL_V4}:8443")


def test_without_a_policy_it_says_why(lab, container):
    egressd = lab.egressd(policy="{", ready=False)
    egressd.wait_answer("status")
    assert not container.resolve(EVIL)
    done = egressd.ctl("suggest", check=False)
    assert done.returncode == 78 and "the policy is invalid" in done.stderr


# Each packet has another port, each question another name; what is refused is an error of the next
# call, which is thrown away.
FLOOD = """
import contextlib, socket, struct, sys
server, target = sys.argv[1:]
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asker.connect((server, 53))
for number in range(600):
    with contextlib.suppress(OSError):
        sender.sendto(b"x", (target, 2000 + number))
    labels = b"".join(bytes([len(label)]) + label for label in
                      (b"n%d" % number, b"p%d" % (number // 3), b"flood", b"test"))
    asker.send(struct.pack("!6H", number, 256, 1, 0, 0, 0) + labels + b"\\0\\0\\1\\0\\1")
    asker.recv(512)
"""


def test_a_flood_makes_no_more_than_a_policy_holds(lab, container, tmp_path):
    egressd = lab.egressd(allow=[ALLOWED, "10.0.0.0/8:20-4000"], deny=["no.test:1000-2000"])
    container.run(["/usr/bin/python3", "-I", "-c", FLOOD, UPSTREAM, EVIL_V4], uid=AGENT)
    wait_until(lambda: len(entries(egressd)) > 500, "the names")
    egressd.reload(pasted(egressd, tmp_path))
    assert not [entry for entry in entries(egressd) if entry.endswith(".flood.test")]
