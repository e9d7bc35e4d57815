"""Audit mode: everything is let through that some policy could allow, and nobody is misled about
it. What is made of what it records: test_suggest.py."""

import json

import pytest

from lab import raw
from lab.daemon import CLIENT
from lab.lab import ALLOWED, ALLOWED_V4, EVIL, EVIL_V4, EVIL_V6, UPSTREAM, UPSTREAM_V6
from lab.waiting import wait_until

AUDIT = {"allow": [ALLOWED], "mode": "audit"}
ENFORCE = {"allow": [ALLOWED]}
METADATA = "169.254.169.254"
SECRET = b"a secret in a forged packet"


def reached(lab, address):
    """Whether the server saw it: what a client sees may come from anybody."""
    return any(visit.destination == address for visit in lab.servers.visits)


@pytest.mark.parametrize("family, address", [(4, EVIL_V4), (6, EVIL_V6)])
@pytest.mark.parametrize("port, udp", [(22, False), (123, True)])
def test_what_is_not_allowed_is_reached(lab, container, family, address, port, udp):
    egressd = lab.egressd(policy=AUDIT)
    for host in (EVIL, address):
        lab.servers.visits.clear()
        assert container.open(host, port, udp=udp, family=family).echo()
        assert reached(lab, address)
    assert address not in egressd.leased() | egressd.in_use()


def test_names_are_answered_as_they_are(lab, container, zone):
    """Also by addresses that no name leads to, those of names that are denied, and unknown ones."""
    zone.host("inside.test", "10.1.2.3", METADATA)
    zone.host("mixed.test", METADATA, "198.51.100.7")
    egressd = lab.egressd(policy={**AUDIT, "allow": [ALLOWED, "mixed.test"], "deny": [EVIL]})
    assert container.dig(EVIL).addresses == [EVIL_V4]
    assert container.dig(EVIL, "AAAA").addresses == [EVIL_V6]
    assert set(container.dig("inside.test").addresses) == {"10.1.2.3", METADATA}
    for _ in range(2):  # the second is from the cache
        assert set(container.dig("mixed.test").addresses) == {METADATA, "198.51.100.7"}
    assert container.dig("nobody.test").rcode == "NXDOMAIN"
    egressd.wait_leased(ALLOWED_V4, "198.51.100.7")
    assert not egressd.leased() & {EVIL_V4, EVIL_V6, "10.1.2.3", METADATA}
    shown = {name["name"] for name in egressd.status()["names"]}
    assert shown == {ALLOWED, "mixed.test"}, "only what the policy allows is a name of it"


@pytest.mark.parametrize("type", ["TXT", "HTTPS", "MX"])
def test_records_of_other_types_are_empty_as_when_enforced(lab, container, type):
    lab.egressd(policy=AUDIT)
    for name in (ALLOWED, EVIL):
        answer = container.dig(name, type)
        assert (answer.rcode, answer.records) == ("NOERROR", [])
    assert not [question for question in lab.dns.questions() if question.type not in ("A", "AAAA")]


def test_a_wildcard_may_lead_to_more_names_than_enforce_lets_it(lab, container, zone):
    zone.host("*.many.test", "198.51.100.20")
    entry = {"host": "*.many.test", "names": 3}
    lab.egressd(policy={"allow": [entry], "mode": "audit"})
    outcome = container.many("n{}.many.test", 443, 12, family=4)
    assert (outcome.done, outcome.failed) == (12, 0), outcome


@pytest.mark.parametrize("server", [UPSTREAM, UPSTREAM_V6])
def test_what_containers_inside_send_passes_too(lab, server):
    inner = lab.nested()
    lab.egressd(policy=AUDIT)
    assert inner.dig(EVIL, server=server).addresses == [EVIL_V4]
    for address in (EVIL_V4, EVIL_V6):
        lab.servers.visits.clear()
        assert inner.connect(address, 22) and inner.udp(address, 123) and inner.ping(address)
        assert reached(lab, address)


def lines(egressd, **wanted):
    return [entry for entry in egressd.ask("log")["entries"]
            if all(entry[member] == value for member, value in wanted.items())]


@pytest.mark.parametrize("family, address", [(4, EVIL_V4), (6, EVIL_V6)])
def test_what_enforce_would_refuse_is_told_by_name(lab, container, family, address):
    egressd = lab.egressd(policy=AUDIT)
    assert egressd.ask("log")["mode"] == "audit"
    assert container.connect(EVIL, 22, family=family)
    question, = wait_until(lambda: lines(egressd, kind="question", name=EVIL), "the question")
    packet, = wait_until(lambda: lines(egressd, kind="packet", address=address), "the packet")
    for line in (question, packet):
        assert (line["verdict"], line["name"], line["uid"]) == ("would-refuse", EVIL, 1000)
    assert (packet["port"], packet["protocol"]) == (22, "tcp")
    assert packet["suggestion"]["entry"] == f"{EVIL}:22"
    assert not lines(egressd, verdict="refused") + lines(egressd, kind="grant", name=EVIL)


def test_what_is_allowed_is_a_grant_and_nothing_else(lab, container):
    egressd = lab.egressd(policy=AUDIT)
    assert container.connect(ALLOWED, 443)
    wait_until(lambda: lines(egressd, kind="grant", name=ALLOWED), "the grant")
    assert not lines(egressd, verdict="would-refuse")


def test_a_literal_address_is_told_too(lab, container):
    egressd = lab.egressd(policy=AUDIT)
    assert container.connect(EVIL_V4, 8443)
    packet, = wait_until(lambda: lines(egressd, kind="packet", address=EVIL_V4), "the packet")
    assert (packet["verdict"], packet["name"], packet["port"]) == ("would-refuse", None, 8443)


def test_ping_passes(lab, container):
    lab.egressd(policy=AUDIT)
    assert container.root.ping(EVIL_V4) and container.root.ping(EVIL_V6)


def test_a_denied_address_passes_as_does_what_goes_on_there(lab, container):
    lab.egressd(policy={**AUDIT, "deny": [f"{EVIL_V4}:22"]})
    flow = container.open(EVIL_V4, 22)
    assert all(flow.echo() for _ in range(3))
    assert reached(lab, EVIL_V4)


# --- what no policy allows ------------------------------------------------------------------------

def forged():
    option = bytes([131, 11, 4]) + bytes([203, 0, 113, 10]) + bytes([203, 0, 113, 66]) + b"\0"
    return {
        "a source route, over IPv4": dict(do="udp", destination=EVIL_V4, port=443, payload=SECRET,
                                          options=option),
        "a source route, over IPv6": dict(
            do="ip", destination=EVIL_V6,
            packet=raw.ipv6("fd77::2", EVIL_V6, raw.ROUTING, raw.routing_header(
                raw.UDP, EVIL_V6, EVIL_V6) + raw.udp(SECRET))),
        "a frame past the IP stack": dict(
            do="frame", device="eth0", kind=0x0800,
            body=raw.ipv4("172.30.0.2", EVIL_V4, raw.UDP, raw.udp(SECRET))),
    }


@pytest.mark.leak("H33")
@pytest.mark.parametrize("way", forged())
def test_what_no_policy_allows_stays_refused(lab, container, way):
    request = forged()[way]
    lab.prove_open(lambda: raw.send(container, [request])[0])
    lab.egressd(policy=AUDIT)
    lab.forget()
    raw.send(container, [request])
    assert not lab.witness.carried(SECRET)


@pytest.mark.leak("L3", "L4")
def test_no_resolver_is_asked_past_the_gate(lab, container):
    docker = lab.docker_dns()
    lab.egressd(policy=AUDIT)
    lab.forget()
    docker.log.clear()
    assert not container.dig(EVIL, server="127.0.0.11", port=docker.udp_port, timeout=1)
    assert not docker.log and not lab.dns.questions(EVIL)
    assert container.dig(EVIL, server="198.51.100.53").addresses == [EVIL_V4]
    assert {question.destination for question in lab.dns.questions(EVIL)} == {UPSTREAM}


# --- nobody is misled -----------------------------------------------------------------------------

def test_nothing_says_that_it_enforces(lab, container):
    egressd = lab.egressd(policy=AUDIT)
    waited = egressd.ctl("wait", "--quiet")
    assert "NOTHING IS REFUSED" in waited.stdout and waited.stdout.count("\n") == 1
    shown = egressd.ctl("status", check=False)
    assert shown.returncode == 1 and shown.stdout.startswith("auditing for ")
    status = egressd.status()
    assert (status["state"], status["mode"]) == ("auditing", "audit")
    assert "policy.json:" in status["reason"]
    explained = egressd.ctl("explain", EVIL, check=False)
    assert explained.returncode == 1 and "would be refused" in explained.stdout
    found = json.loads(container.run([CLIENT, "doctor", "--json"], check=False).stdout)
    assert "not-enforcing" in [finding["id"] for finding in found["findings"]]
    assert "auditing: nothing is refused" in egressd.log()
    for text in (waited.stdout, waited.stderr, shown.stdout, egressd.log()):
        assert "enforcing" not in text and "protected" not in text, text


# --- changes --------------------------------------------------------------------------------------

@pytest.mark.leak("H45")
@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
@pytest.mark.parametrize("how", ["reload", "restart", "crash"])
def test_from_audit_to_enforce(lab, container, how, udp):
    """What enforce refuses ends, what it allows goes on, and its leases stay."""
    port = 123 if udp else 22
    allow = [f"{ALLOWED}:{port}{'/udp' if udp else ''}"]
    egressd = lab.egressd(policy={"allow": allow, "mode": "audit"})
    keep = container.open(ALLOWED, port, udp=udp, family=4)
    cut = [container.open(host, port, udp=udp, family=family)
           for host in (EVIL, EVIL_V4) for family in ((4, 6) if host == EVIL else (4,))]
    assert keep.echo() and all(flow.echo() for flow in cut)
    if how == "reload":
        egressd.reload({"allow": allow})
    else:
        egressd.write_policy({"allow": allow})
        egressd.restart(crash=how == "crash")
    lab.forget()
    assert not any(flow.echo(timeout=0.5) for flow in cut)
    assert keep.echo()
    assert ALLOWED_V4 in egressd.leased() | egressd.in_use()
    assert container.resolve(EVIL).error == "EAI_NONAME"
    assert not container.udp(EVIL_V4, 123) and container.connect(EVIL_V4, 22).error
    assert not lab.witness.packets(destination=EVIL_V4, tells=True)


def test_from_enforce_to_audit(lab, container):
    egressd = lab.egressd(policy=ENFORCE)
    flow = container.open(ALLOWED, 443)
    assert container.resolve(EVIL).error == "EAI_NONAME"
    assert "auditing" in egressd.reload(AUDIT).stdout
    assert container.connect(EVIL, 22) and container.connect(ALLOWED, 22)
    assert container.connect(ALLOWED, 443) and flow
    egressd.reload({**AUDIT, "allow": []})
    assert container.open(EVIL, 22).echo()
    assert egressd.status()["state"] == "auditing"


def test_a_narrower_policy_cuts_nothing_in_audit(lab, container):
    egressd = lab.egressd(policy={"allow": [f"{ALLOWED}:22"], "mode": "audit"})
    flow = container.open(ALLOWED, 22)
    egressd.reload({"allow": [], "mode": "audit"})
    assert flow.echo() and container.open(ALLOWED, 22).echo()


def test_a_dead_daemon_leaves_the_table_as_it_is(lab, container):
    egressd = lab.egressd(policy=AUDIT)
    before = container.nft("-s", "list", "chain", "inet", "egressd", "deny")
    egressd.kill9()
    assert container.nft("-s", "list", "chain", "inet", "egressd", "deny") == before
    assert container.connect(EVIL_V4, 22)
    assert not container.resolve(EVIL), "names are asked by nobody else"
    egressd.start()
    assert container.connect(EVIL, 22)


def test_a_policy_that_is_broken_at_the_start_lets_nothing_through(lab, container):
    egressd = lab.egressd(policy=AUDIT)
    egressd.stop()
    egressd.write_policy('{"mode": "audit", "allow": ["a b"]}')
    egressd.start(ready=False)
    egressd.wait_answer("status")
    wait_until(lambda: egressd.status().get("state") == "invalid-policy", "the verdict")
    assert not container.connect(EVIL_V4, 22) and not container.resolve(EVIL)


# --- who may ask for it ---------------------------------------------------------------------------

def devcontainer(**policy):
    return json.dumps({"customizations": {"egressd": policy}})


@pytest.mark.leak("L19")
def test_who_edits_the_workspace_gains_nothing(lab, container):
    """It is pinned; and enforce, said by the image, is stronger than audit, adopted or not."""
    file = "/var/work/.devcontainer/devcontainer.json"
    container.write("/etc/egressd/feature.json", '{"workspacePolicy": "pin"}')
    container.write(file, devcontainer(allow=[ALLOWED]))
    egressd = lab.egressd(workspace="/var/work")
    container.write(file, devcontainer(allow=[ALLOWED], mode="audit"))
    pending = wait_until(lambda: egressd.status()["pending"], "the edit to be noticed")
    assert pending["added"] == ["mode audit"] and pending["removed"] == ["mode enforce"]
    egressd.restart()
    assert egressd.status()["state"] == "enforcing"
    assert container.connect(EVIL_V4, 22).error == "ECONNREFUSED" and not container.resolve(EVIL)
    container.write("/etc/egressd/policy.d/mode.json", '{"mode": "enforce"}')
    egressd.ctl("apply")
    assert egressd.status()["state"] == "enforcing"
    assert container.connect(EVIL_V4, 22).error == "ECONNREFUSED" and not container.resolve(EVIL)
