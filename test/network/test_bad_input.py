"""What is wrong with the policy or the world: never open, and always a message."""

import pytest

from lab import dns_zone
from lab.lab import ALLOWED, ALLOWED_V4, EVIL_V4, EVIL_V6

BROKEN = {
    "cut": '{\n  "allow": ["allowed.test",\n',
    "not an object": '["allowed.test"]\n',
    "unknown key": '{\n  "allow": ["allowed.test"],\n  "alow": []\n}\n',
    "bad entry": '{\n  "allow": [\n    "allowed.test",\n    "not a name!"\n  ]\n}\n',
    "star": '{ "allow": ["*"] }\n',
    "bad port": '{ "allow": ["allowed.test:99999"] }\n',
    "empty file": "",
    "noise": "\0\xff\x01{}",
}


@pytest.mark.leak("L23", "H51")
@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_policy_denies_all(lab, container, text):
    """Nothing is half applied, and `egressctl wait` says what is wrong and where."""
    probes = [lab.prove_open(lambda host=host: container.connect(host, 443), destination=host)
              for host in (EVIL_V4, EVIL_V6, ALLOWED_V4)]
    name = lab.prove_open(lambda: container.resolve(ALLOWED))
    egressd = lab.egressd(policy=text, ready=False)
    done = egressd.wait_answer("wait", "--timeout", "60")
    assert done.returncode == 78, done
    assert "policy.json:" in done.stderr + done.stdout
    for probe in probes:
        probe.refused("ECONNREFUSED")
    name.refused("EAI_NONAME", "EAI_AGAIN")
    assert not lab.strays()
    assert not lab.dns.log
    assert egressd.status()["state"] == "invalid-policy"


@pytest.mark.leak("L23", "H51")
@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_policy_on_reload_changes_nothing(lab, container, text):
    egressd = lab.egressd(allow=[ALLOWED])
    flow_before = container.connect(ALLOWED, 443)
    done = egressd.reload(text, check=False)
    assert done.returncode == 78 and "policy.json:" in done.stderr + done.stdout
    assert flow_before and container.connect(ALLOWED, 443)
    assert container.connect(EVIL_V4, 443).error == "ECONNREFUSED"
    assert egressd.ctl("wait", "--timeout", "60", check=False).returncode == 0
    assert egressd.reload({"allow": []}).returncode == 0
    assert container.connect(ALLOWED_V4, 443).error == "ECONNREFUSED"


@pytest.mark.leak("L23")
@pytest.mark.parametrize("policy", [{}, {"allow": []}, {"allow": [], "deny": []},
                                    {"deny": ["evil.test"]}])
def test_an_empty_list_allows_nothing(lab, container, policy):
    probe = lab.prove_open(lambda: container.connect(EVIL_V4, 443), destination=EVIL_V4)
    egressd = lab.egressd(policy=policy)
    probe.refused("ECONNREFUSED")
    assert container.resolve(ALLOWED).error == "EAI_NONAME"
    assert not lab.strays() and not lab.dns.log
    assert egressd.leases() == {}


def test_no_policy_at_all_allows_nothing(lab, container):
    """An image without /etc/egressd/policy.json."""
    probe = lab.prove_open(lambda: container.connect(EVIL_V4, 443), destination=EVIL_V4)
    lab.egressd()
    probe.refused("ECONNREFUSED")


def test_the_baked_policy_and_its_drop_ins(lab, container, zone):
    zone.host("more.test", "198.51.100.7")
    container.write("/etc/egressd/policy.json", f'{{"allow": ["{ALLOWED}"]}}')
    container.write("/etc/egressd/policy.d/10-more.json", '{"allow": ["more.test"]}')
    lab.egressd()
    assert container.connect(ALLOWED, 443) and container.connect("more.test", 443)
    assert container.connect(EVIL_V4, 443).error == "ECONNREFUSED"


@pytest.mark.leak("L23", "H48")
@pytest.mark.parametrize("twist", [(), (dns_zone.silence,), (dns_zone.rcode("SERVFAIL"),)],
                         ids=["nxdomain", "silent", "servfail"])
def test_a_dead_name_is_a_state_not_an_end(lab, container, zone, twist):
    """The others work at once; the dead one works when it comes alive."""
    zone.twist("dead.test", *twist)
    egressd = lab.egressd(allow=["dead.test", ALLOWED], refresh_min=1)
    assert container.connect(ALLOWED, 443)
    assert not container.resolve("dead.test")
    assert "dead.test" in egressd.ctl("status").stdout
    zone.twist("dead.test")
    zone.host("dead.test", "198.51.100.9", ttl=5)
    egressd.wait_leased("198.51.100.9")
    assert container.connect("dead.test", 443, family=4)


@pytest.mark.leak("H4")
def test_duplicates_in_the_policy(lab, container, zone):
    zone.host("twin.test", ALLOWED_V4)
    lab.egressd(allow=[ALLOWED, ALLOWED, ALLOWED.upper() + ".", f"{ALLOWED}:443", "twin.test",
                       "192.0.2.0/24:22", "192.0.2.0/24:22", "192.0.2.0/25:22", "192.0.2.9:22",
                       "192.0.2.9:22"])
    assert container.connect(ALLOWED, 443) and container.connect("twin.test", 443)
    assert container.connect("192.0.2.9", 22) and container.connect("192.0.2.200", 22)
    assert container.connect("192.0.2.9", 443).error == "ECONNREFUSED"


@pytest.mark.leak("L23")
def test_without_the_capability_it_says_so_and_ends(lab, container):
    egressd = lab.egressd(allow=[ALLOWED], start=False)
    container.write("/etc/egressd/policy.json", '{"allow": []}')
    done = container.run(
        ["setpriv", "--bounding-set=-net_admin", "/usr/local/bin/egressd", "run", "--foreground"],
        check=False)
    assert done.returncode == 77
    assert "NET_ADMIN" in done.stderr
    assert egressd.ctl("wait", "--timeout", "1", check=False).returncode != 0
    assert "egressd" not in container.nft("list", "ruleset")


def test_a_second_daemon_is_refused(lab, container):
    egressd = lab.egressd(allow=[ALLOWED])
    done = container.run(["/usr/local/bin/egressd", "run", "--foreground"], check=False)
    assert done.returncode == 1
    assert egressd.ctl("wait", "--timeout", "60").returncode == 0
    assert container.connect(ALLOWED, 443)
