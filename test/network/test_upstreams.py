"""Upstreams that are slow, silent, broken, or change."""

import pytest

from lab import dns_zone
from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL_V4, UPSTREAM, UPSTREAM_V6
from lab.waiting import wait_until

SECOND = "198.51.100.53"
PATIENCE_S = 5  # of a stub resolver
STALE = 3
HURRY = {"refresh_min": 1, "lease_grace": 2, "lease_idle": 3}


@pytest.mark.leak("H47")
def test_old_answers_are_served_while_the_upstream_is_silent(lab, container, zone):
    """And stay open: the lease lives on with the answer."""
    zone.host(ALLOWED, ALLOWED_V4, ALLOWED_V6, ttl=1)
    egressd = lab.egressd(allow=[ALLOWED], **HURRY)
    assert container.connect(ALLOWED, 443)
    zone.twist("*", dns_zone.silence)
    lab.dns.forget()
    wait_until(lambda: len(lab.dns.questions(ALLOWED, "A")) >= 4, "vain refreshes")
    answer = container.dig(ALLOWED, edns=0)
    assert answer.addresses == [ALLOWED_V4] and answer.elapsed < PATIENCE_S
    assert answer.ede == STALE
    assert {ALLOWED_V4, ALLOWED_V6} <= egressd.leased()
    assert container.connect(ALLOWED_V4, 443) and container.connect(ALLOWED_V6, 443)
    zone.twist("*")
    zone.host(ALLOWED, EVIL_V4, ttl=1)
    wait_until(lambda: container.dig(ALLOWED).addresses == [EVIL_V4], "fresh answers")


@pytest.mark.leak("H47")
@pytest.mark.parametrize("twists", [
    (dns_zone.silence,), (dns_zone.delay(10),), (dns_zone.truncated(0), dns_zone.no_tcp)],
    ids=["silent", "slow", "stream that hangs"])
@pytest.mark.parametrize("upstream", [(UPSTREAM,), (UPSTREAM, SECOND, UPSTREAM_V6)],
                         ids=["one", "three"])
def test_failure_is_told_before_a_stub_gives_up(lab, container, zone, twists, upstream):
    zone.twist("*", *twists)
    lab.egressd(allow=["*.late.test"], upstream=upstream)
    answer = container.dig("never.late.test")
    assert (answer.rcode, answer.addresses) == ("SERVFAIL", [])
    assert answer.elapsed < PATIENCE_S


@pytest.mark.leak("H47", "H48")
@pytest.mark.parametrize("rule", [
    "udp dport 53 reject with icmpx port-unreachable",
    "udp dport 53 reject with icmpx host-unreachable",
    "tcp dport 53 reject with tcp reset"], ids=["no port", "no host", "no stream"])
def test_a_server_that_is_not_there(lab, container, zone, rule):
    """The network says so, or a truncated answer leads to a stream that nobody takes."""
    zone.twist("*", dns_zone.truncated(0))
    internet = lab.internet.machine
    internet.nft("add", "table", "inet", "broken")
    internet.nft("add", "chain", "inet", "broken", "in", "{ type filter hook input priority 0; }")
    internet.nft("add", "rule", "inet", "broken", "in", f"ip daddr {UPSTREAM}", *rule.split())
    lab.egressd(allow=["*.late.test", ALLOWED], upstream=(UPSTREAM, SECOND))
    answer = container.dig(ALLOWED)
    assert answer.addresses == [ALLOWED_V4] and answer.elapsed < PATIENCE_S
    internet.nft("add", "rule", "inet", "broken", "in", f"ip daddr {SECOND}", *rule.split())
    zone.host("x.late.test", ALLOWED_V4)
    answer = container.dig("x.late.test")
    assert (answer.rcode, answer.addresses) == ("SERVFAIL", []) and answer.elapsed < PATIENCE_S
    internet.nft("delete", "table", "inet", "broken")
    wait_until(lambda: container.dig("x.late.test").addresses, "the servers' return")


@pytest.mark.leak("H47", "H17")
def test_a_chain_in_slow_pieces_is_given_up_in_time(lab, container, zone):
    """Each piece comes within what one question may take; all of them together do not."""
    for number in range(4):
        zone.alias(f"hop{number}.late.test", f"hop{number + 1}.late.test", split=True)
    zone.host("hop4.late.test", ALLOWED_V4)
    zone.twist("*", dns_zone.delay(1.5))
    lab.egressd(allow=["*.late.test"])
    answer = container.dig("hop0.late.test")
    assert (answer.rcode, answer.addresses) == ("SERVFAIL", [])
    assert answer.elapsed < PATIENCE_S


@pytest.mark.leak("H47", "H40")
def test_servers_that_change_while_a_question_waits(lab, container, zone):
    """It is asked of the new ones, in what is left of its time."""
    lab.egressd(allow=["*.late.test"])
    zone.host("one.late.test", ALLOWED_V4)
    zone.twist("*", dns_zone.silent_at(UPSTREAM))
    asker = container.agent(another="asker")
    for name, server in (("one.late.test", SECOND), ("two.late.test", UPSTREAM)):
        lab.dns.forget()
        asker.begin("resolve", name=name, family=4)
        wait_until(lambda: lab.dns.questions(name), "the question under way")
        container.write("/etc/resolv.conf", f"nameserver {server}\n")
        outcome = asker.finish()
        assert outcome.elapsed < PATIENCE_S, outcome
        assert outcome.addresses == ([ALLOWED_V4] if server == SECOND else ())
        if server == SECOND:
            zone.twist("*", dns_zone.silence)


@pytest.mark.leak("H48")
@pytest.mark.parametrize("twist", [
    dns_zone.silent_at(UPSTREAM), dns_zone.rcode_at(UPSTREAM, "SERVFAIL"),
    dns_zone.rcode_at(UPSTREAM, "REFUSED"), dns_zone.rcode_at(UPSTREAM, "NOTIMP")],
    ids=["silent", "servfail", "refused", "notimp"])
def test_the_next_upstream_is_asked(lab, container, zone, twist):
    zone.twist("*", twist)
    lab.egressd(allow=[ALLOWED], upstream=(UPSTREAM, SECOND))
    answer = container.dig(ALLOWED)
    assert answer.addresses == [ALLOWED_V4] and answer.elapsed < PATIENCE_S
    assert container.connect(ALLOWED, 443)


@pytest.mark.leak("H48")
def test_no_such_name_is_final(lab, container, zone):
    """The first upstream may know names that the next does not, and the other way round."""
    zone.twist(ALLOWED, dns_zone.rcode_at(UPSTREAM, "NXDOMAIN"))
    lab.egressd(allow=[ALLOWED], upstream=(UPSTREAM, SECOND))
    assert container.dig(ALLOWED).rcode == "NXDOMAIN"
    assert not [question for question in lab.dns.log if question.destination == SECOND]


@pytest.mark.parametrize("upstream, address", [
    (UPSTREAM, UPSTREAM), (f"{UPSTREAM}:53", UPSTREAM), (UPSTREAM_V6, UPSTREAM_V6),
    (f"[{UPSTREAM_V6}]:53", UPSTREAM_V6)])
def test_upstreams_given_on_the_command_line(lab, container, upstream, address):
    container.write("/etc/resolv.conf", "nameserver 198.51.100.1\n")
    lab.egressd(allow=[ALLOWED], upstream=upstream)
    assert container.resolve(ALLOWED, 4).addresses == [ALLOWED_V4]
    assert {question.destination for question in lab.dns.log} == {address}


@pytest.mark.leak("H40")
@pytest.mark.parametrize("how", ["write", "replace"])
def test_a_changed_resolv_conf_is_followed(lab, container, zone, how):
    """Docker connects another network, DHCP gives another resolver: names go on working."""
    lab.egressd(allow=[ALLOWED, "late.test"])
    assert container.resolve(ALLOWED)
    zone.host("late.test", ALLOWED_V4)
    zone.twist("*", dns_zone.silent_at(UPSTREAM))
    path = "/etc/resolv.conf" if how == "write" else "/etc/resolv.conf.new"
    container.write(path, f"nameserver {SECOND}\n")
    if how == "replace":
        container.run(["mv", path, "/etc/resolv.conf"])
    wait_until(lambda: container.dig("late.test", server=SECOND).addresses, "the new upstream")
    assert SECOND in {question.destination for question in lab.dns.questions("late.test")}
    assert container.dig("evil.test", server=SECOND).rcode == "NXDOMAIN"
    assert not lab.dns.questions("evil.test")


@pytest.mark.leak("H27", "H40")
def test_servers_of_a_file_of_its_own(lab, container):
    """Docker lends /etc/resolv.conf to whoever shares this network: what root in there writes into
    it must not choose who answers."""
    container.write("/etc/egressd/resolv.conf", f"nameserver {UPSTREAM}\n")
    egressd = lab.egressd(allow=[ALLOWED], resolv_conf="/etc/egressd/resolv.conf")
    container.write("/etc/resolv.conf", f"nameserver {EVIL_V4}\n")
    assert container.resolve(ALLOWED, 4).addresses == [ALLOWED_V4]
    container.write("/etc/egressd/resolv.conf", f"nameserver {SECOND}\n")
    wait_until(lambda: SECOND in str(egressd.status()["upstreams"]), "the other server")
    assert EVIL_V4 not in str(egressd.status()["upstreams"])
    assert not lab.witness.packets(destination=EVIL_V4)


@pytest.mark.leak("L35")
@pytest.mark.parametrize("text", ["", "# nothing\n", "nameserver\n", "nameserver 127.0.0.1\n",
                                  "nameserver nonsense\n"])
def test_without_any_upstream_it_starts_and_stays_closed(lab, container, text):
    container.write("/etc/resolv.conf", text)
    probe = lab.prove_open(lambda: container.connect(EVIL_V4, 443), destination=EVIL_V4)
    egressd = lab.egressd(allow=[ALLOWED, "192.0.2.7:443"])
    probe.refused("ECONNREFUSED")
    answer = container.dig(ALLOWED, server="127.0.0.1")
    assert answer.addresses == [] and answer.rcode == "SERVFAIL"
    assert container.dig("evil.test", server="127.0.0.1").rcode == "NXDOMAIN"
    assert container.connect("192.0.2.7", 443)
    assert "upstream" in egressd.log() or "resolv.conf" in egressd.log()
