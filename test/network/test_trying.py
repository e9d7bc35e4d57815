"""`egressctl test` tries it as the caller's programs would, and says whose doing it was."""

import json
import re

import pytest

from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL, EVIL_V4, EVIL_V6

AGENT = 1000


def try_it(egressd, target, *options):
    """What it reports; the exit code says the same."""
    done = egressd.ctl("test", target, "--json", *options, uid=AGENT, check=False)
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["reached"] else 1), done
    return report


def outcomes(report):
    return {attempt["address"]: attempt["error"] or attempt["result"]
            for attempt in report["attempts"]}


def test_both_families_are_tried(lab):
    egressd = lab.egressd(allow=[ALLOWED])
    report = try_it(egressd, ALLOWED)
    assert outcomes(report) == {ALLOWED_V4: "connected", ALLOWED_V6: "connected"}
    assert (report["port"], report["cause"], report["next"]) == (443, None, None)
    assert report["explanation"]["entry"] == ALLOWED
    assert all(lab.witness.packets(destination=address) for address in (ALLOWED_V4, ALLOWED_V6))


def test_one_family_is_enough(lab, container):
    egressd = lab.egressd(allow=[ALLOWED])
    container.run(["ip", "-6", "route", "del", "default"])
    assert outcomes(try_it(egressd, ALLOWED)) == {ALLOWED_V4: "connected",
                                                 ALLOWED_V6: "ENETUNREACH"}


@pytest.mark.parametrize("target, error", [
    (EVIL, "EAI_NONAME"), (EVIL_V4, "ECONNREFUSED"), (f"[{EVIL_V6}]:443", "ECONNREFUSED")])
def test_what_the_policy_refuses(lab, target, error):
    """Following the advice is enough."""
    egressd = lab.egressd(allow=[ALLOWED])
    report = try_it(egressd, target)
    assert (report["cause"], report["resolve_error"] or outcomes(report).popitem()[1]) == \
        ("policy", error)
    assert not lab.strays([ALLOWED])
    entry = re.search(r'add "(\S+)" to "allow" in (\S+)', report["next"]).group(1)
    egressd.reload({"allow": [entry]})
    assert try_it(egressd, target)["reached"]


def test_a_port_that_is_not_allowed(lab):
    report = try_it(lab.egressd(allow=[f"{ALLOWED}:443"]), f"{ALLOWED}:22")
    assert (report["cause"], outcomes(report)[ALLOWED_V4]) == ("policy", "ECONNREFUSED")
    assert f"{ALLOWED}:22" in report["next"]


def test_a_server_that_refuses(lab):
    lab.internet.machine.nft("add table inet shut; add chain inet shut in { type filter hook "
                             "prerouting priority 0; }; "
                             "add rule inet shut in tcp dport 8443 reject with tcp reset")
    report = try_it(lab.egressd(allow=[f"{ALLOWED}:8443"]), f"{ALLOWED}:8443")
    assert (report["cause"], outcomes(report)[ALLOWED_V4]) == ("server", "ECONNREFUSED")


def test_a_network_that_swallows(lab):
    lab.internet.machine.nft("add table inet shut; add chain inet shut in { type filter hook "
                             "prerouting priority 0; }; add rule inet shut in tcp dport 8443 drop")
    report = try_it(lab.egressd(allow=[f"{ALLOWED}:8443"]), f"{ALLOWED}:8443", "--timeout", "1")
    assert (report["cause"], outcomes(report)[ALLOWED_V6]) == ("network", "ETIMEDOUT")


def test_a_name_that_leads_nowhere(lab):
    report = try_it(lab.egressd(allow=["nowhere.test"]), "nowhere.test")
    assert (report["cause"], report["resolve_error"]) == ("name", "EAI_NONAME")


def test_an_allowed_name_with_a_refused_address(lab, container):
    egressd = lab.egressd(allow=[ALLOWED])
    container.write("/etc/hosts", f"{EVIL_V4} {ALLOWED}\n")
    report = try_it(egressd, ALLOWED)
    assert (report["cause"], outcomes(report)) == ("policy", {EVIL_V4: "ECONNREFUSED"})
    assert "/etc/hosts" in report["next"] and EVIL_V4 in report["what"]


def test_datagrams(lab):
    egressd = lab.egressd(allow=[f"{ALLOWED_V4}:9999/udp"])
    assert outcomes(try_it(egressd, f"{ALLOWED_V4}:9999/udp")) == {ALLOWED_V4: "answered"}
    report = try_it(egressd, f"{EVIL_V4}:9999/udp")
    assert (report["cause"], outcomes(report)) == ("policy", {EVIL_V4: "EPERM"})


def test_a_datagram_that_nobody_answers(lab):
    lab.internet.machine.nft("add table inet shut; add chain inet shut in { type filter hook "
                             "prerouting priority 0; }; add rule inet shut in udp dport 9999 drop")
    report = try_it(lab.egressd(allow=[f"{ALLOWED_V4}:9999/udp"]), f"{ALLOWED_V4}:9999/udp")
    assert outcomes(report) == {ALLOWED_V4: "sent"} and "nobody says" in report["what"]


def test_what_stays_in_the_container(lab):
    report = try_it(lab.egressd(allow=[]), "localhost:8080")
    assert (report["cause"], outcomes(report)["127.0.0.1"]) == ("server", "ECONNREFUSED")


def test_no_daemon(lab):
    egressd = lab.egressd(allow=[ALLOWED])
    egressd.kill9()
    report = try_it(egressd, EVIL_V4)
    assert (report["cause"], report["explanation"]) == ("unknown", None)


def test_what_people_read(lab):
    egressd = lab.egressd(allow=[ALLOWED])
    reached = egressd.ctl("test", ALLOWED, uid=AGENT).stdout
    assert reached.startswith(f"reached: {ALLOWED}, tcp port 443\n")
    refused = egressd.ctl("test", EVIL, uid=AGENT, check=False).stdout
    assert "egressd refused it: no entry of the policy matches evil.test" in refused
    assert f'next: to allow it, add "{EVIL}" to "allow"' in refused
    assert max(map(len, (reached + refused).splitlines())) <= 80 + len(str(lab.folder))
    assert egressd.ctl("test", "a b", check=False).returncode == 64
