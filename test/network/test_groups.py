"""Groups: what one stands for is let out, no more, and everybody says which group it was."""

import json

import pytest

from lab.daemon import INSTALLED, install
from lab.lab import ALLOWED, ALLOWED_V4, EVIL, EVIL_V4

POOL_V4, POOL_V6 = "198.51.100.20", "2001:db8:20::20"
INNER_V4 = "10.1.2.3"
GROUP = "/etc/egressd/groups.d/acme.group"


def shipped(container):
    install(container)
    return json.loads(container.run([INSTALLED, "groups", "--json"]).stdout)["groups"]


def covered(entry):
    """A name that the entry lets out."""
    return entry["host"].replace("*", "a.b")


def test_every_entry_of_every_shipped_group(lab, container, zone):
    entries = [entry for group in shipped(container) for entry in group["entries"]]
    for entry in entries:
        zone.host(covered(entry), POOL_V4)
    lab.egressd(allow=[f"@{group['name']}" for group in shipped(container)])
    assert len(entries) > 100
    for entry in entries:
        for port in entry["ports"]:
            assert container.connect(covered(entry), int(port)), entry


def test_a_shipped_group_is_no_more_than_it_says(lab, container, zone):
    cargo = next(group for group in shipped(container) if group["name"] == "cargo")
    name = covered(cargo["entries"][0])
    zone.host(name, POOL_V4)
    zone.host(f"below.{name}", EVIL_V4)
    lab.egressd(allow=["@cargo"])
    assert container.connect(name, 443)
    assert container.connect(name, 80).error == "ECONNREFUSED"
    for other in (f"below.{name}", "ghcr.io", EVIL):
        assert container.resolve(other).error == "EAI_NONAME"


def test_a_group_of_an_organisation(lab, container, zone):
    """As a base image brings it, with a Feature option that names it."""
    zone.host("git.corp.test", INNER_V4)
    zone.host("a.cdn.test", POOL_V4, POOL_V6)
    container.write(GROUP, f"# title: Ours\ngit.corp.test:22 private\n*.cdn.test:443\n{EVIL_V4}:22\n")
    container.write("/etc/egressd/policy.json", '{ "allow": ["@acme"], "deny": [] }\n')
    egressd = lab.egressd()
    assert container.resolve("git.corp.test")
    egressd.wait_leased(INNER_V4)
    assert container.connect("a.cdn.test", 443, family=4)
    assert container.connect("a.cdn.test", 443, family=6)
    assert container.connect(EVIL_V4, 22)
    for host, port in (("a.cdn.test", 80), (EVIL_V4, 443), (INNER_V4, 443)):
        assert container.connect(host, port).error == "ECONNREFUSED"
    said = egressd.ctl("explain", "a.cdn.test:443", uid=1000).stdout
    assert "/etc/egressd/policy.json:1, of @acme" in said, said
    entries = egressd.status()["entries"]
    assert [entry["group"] for entry in entries] == ["acme"] * 3
    shown = egressd.ctl("status", uid=1000).stdout
    assert "@acme" in shown and "3 entries" in shown and "*.cdn.test" not in shown.split("NAME")[0]


def test_a_denied_group_wins_at_every_port(lab, container):
    container.write(GROUP, f"{ALLOWED}:443\n{EVIL_V4}:443\n")
    lab.egressd(allow=[f"{ALLOWED}:*", f"{EVIL_V4}:22"], deny=["@acme"])
    assert container.resolve(ALLOWED).error == "EAI_NONAME"
    assert container.connect(ALLOWED_V4, 22).error == "ECONNREFUSED"
    assert container.connect(EVIL_V4, 22).error == "ECONNREFUSED"


@pytest.mark.leak("L33")
def test_a_wildcard_of_a_group_that_is_used_up_is_shown(lab, container, zone):
    zone.host("*.cdn.test", POOL_V4)
    container.write(GROUP, f"{ALLOWED}\n*.cdn.test names 1\n")
    egressd = lab.egressd(allow=["@acme"])
    assert container.resolve("a.cdn.test")
    assert container.resolve("b.cdn.test").error == "EAI_NONAME"
    shown = egressd.ctl("status", uid=1000).stdout
    assert "*.cdn.test" in shown and "1 of 1 names" in shown, shown


def test_a_broken_group_denies_all_and_says_where(lab, container):
    container.write(GROUP, f"{ALLOWED}\n  b.test:0\n")
    egressd = lab.egressd(allow=[ALLOWED], ready=False)
    done = egressd.wait_answer("wait", "--timeout", "60")
    assert done.returncode == 78 and f"{GROUP}:2:10: " in done.stderr + done.stdout, done
    assert not container.resolve(ALLOWED)
    assert container.connect(ALLOWED_V4, 443).error == "ECONNREFUSED"


def test_a_reload_reads_groups_again(lab, container, zone):
    """What left the group is closed; a group that has become wrong changes nothing."""
    zone.host("first.test", POOL_V4)
    container.write(GROUP, f"first.test\n{ALLOWED}\n")
    egressd = lab.egressd(allow=["@acme"])
    assert container.connect("first.test", 443) and container.connect(ALLOWED, 443)
    container.write(GROUP, f"{ALLOWED}:*\n")
    said = egressd.ctl("reload").stdout
    assert "- allow first.test 80 443" in said and f"+ allow {ALLOWED} *" in said, said
    assert container.connect(POOL_V4, 443).error == "ECONNREFUSED"
    assert container.connect(ALLOWED, 22)
    container.write(GROUP, "no host\n")
    assert egressd.ctl("reload", check=False).returncode == 78
    assert container.connect(ALLOWED, 22)
