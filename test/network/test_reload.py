"""A new policy: what stays allowed is not touched, what no longer is ends at once."""

import time

import pytest

from lab.dns_zone import delay, silence
from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL_V4
from lab.waiting import wait_until

OTHER, OTHER_V4, OTHER_V6 = "other.test", "198.51.100.8", "2001:db8:8::8"


@pytest.fixture
def other(zone):
    zone.host(OTHER, OTHER_V4, OTHER_V6)


@pytest.mark.leak("L28", "H45", "H51")
@pytest.mark.parametrize("family", [4, 6])
def test_revoked_names_end_with_their_flows(lab, container, other, family):
    egressd = lab.egressd(allow=[f"{ALLOWED}:5432", f"{OTHER}:5432"])
    keep, cut = (container.open(name, 5432, family=family) for name in (ALLOWED, OTHER))
    leases = egressd.leases()
    assert cut.echo() and keep.echo()
    egressd.reload({"allow": [f"{ALLOWED}:5432"]})
    lab.forget()
    outcome = cut.echo(timeout=1)
    assert outcome.error in ("ECONNRESET", "EPIPE", "ETIMEDOUT"), outcome
    assert not lab.servers.came() and not [
        packet for packet in lab.witness.packets(destination=cut.address) if packet.payload]
    assert keep.echo()
    assert container.connect(cut.address, 5432).error == "ECONNREFUSED"
    assert container.resolve(OTHER).error == "EAI_NONAME"
    after = egressd.leases()
    assert set(after) == {key for key in leases if key[0] in (ALLOWED_V4, ALLOWED_V6)}


@pytest.mark.leak("H51")
def test_leases_of_allowed_names_survive(lab, container, other):
    """No new question is needed: what was open before is open after, for as long."""
    egressd = lab.egressd(allow=[ALLOWED, OTHER])
    container.resolve(ALLOWED)
    before, began = egressd.leases(), time.monotonic()
    lab.dns.forget()
    egressd.reload({"allow": [OTHER, ALLOWED, "more.test"]})
    after = egressd.leases()
    assert {key for key in before} <= set(after)
    elapsed = time.monotonic() - began
    assert all(after[key] >= before[key] - elapsed - 2 for key in before)
    assert container.connect(ALLOWED_V4, 443) and container.connect(OTHER_V4, 443)


def test_a_new_name_works_at_once(lab, container, other):
    """A refusal is not remembered by anybody."""
    egressd = lab.egressd(allow=[ALLOWED])
    assert container.resolve(OTHER).error == "EAI_NONAME"
    egressd.reload({"allow": [ALLOWED, OTHER]})
    assert container.connect(OTHER, 443, family=4) and container.connect(OTHER, 443, family=6)


@pytest.mark.leak("H44")
def test_one_address_by_two_names(lab, container, zone):
    """Each name brings its ports; taking one away leaves the other's."""
    zone.host(OTHER, ALLOWED_V4, ALLOWED_V6)
    egressd = lab.egressd(allow=[f"{ALLOWED}:443", f"{OTHER}:443", f"{OTHER}:22"])
    assert container.connect(ALLOWED, 443) and container.connect(OTHER, 22)
    flow = container.open(OTHER, 22)
    egressd.reload({"allow": [f"{ALLOWED}:443"]})
    assert container.connect(ALLOWED_V4, 443)
    assert container.connect(ALLOWED_V4, 22).error == "ECONNREFUSED"
    assert not flow.echo(timeout=1)


@pytest.mark.leak("H44", "H45")
def test_ports_that_go_away(lab, container):
    egressd = lab.egressd(allow=[f"{ALLOWED}:443", f"{ALLOWED}:8000-8100", f"{ALLOWED}:123/udp"])
    flow = container.open(ALLOWED, 8050)
    udp = container.open(ALLOWED, 123, udp=True, family=4)
    assert container.connect(ALLOWED, 443) and flow.echo() and udp.echo()
    egressd.reload({"allow": [f"{ALLOWED}:443"]})
    assert container.connect(ALLOWED, 443)
    assert container.connect(ALLOWED_V4, 8050).error == "ECONNREFUSED"
    assert not flow.echo(timeout=1)
    assert not udp.echo(timeout=1)
    assert not container.udp(ALLOWED_V4, 123)


@pytest.mark.leak("L28", "H45")
def test_fixed_addresses_that_go_away(lab, container):
    egressd = lab.egressd(allow=["192.0.2.0/24:5432", f"{ALLOWED}:5432"])
    cut, keep = container.open("192.0.2.77", 5432), container.open(ALLOWED, 5432)
    egressd.reload({"allow": [f"{ALLOWED}:5432"]})
    assert not cut.echo(timeout=1)
    assert keep.echo()
    assert container.connect("192.0.2.77", 5432).error == "ECONNREFUSED"


@pytest.mark.leak("H45")
def test_a_new_deny_ends_what_it_hits(lab, container, zone):
    zone.host("cut.wide.test", OTHER_V4)
    zone.host("keep.wide.test", ALLOWED_V4)
    allow = ["*.wide.test:5432", "198.51.100.0/24:5432"]
    egressd = lab.egressd(allow=allow)
    cut, keep = container.open("cut.wide.test", 5432), container.open("keep.wide.test", 5432)
    egressd.reload({"allow": allow, "deny": ["cut.wide.test", OTHER_V4]})
    assert not cut.echo(timeout=1)
    assert keep.echo()
    assert container.connect(OTHER_V4, 5432).error == "ECONNREFUSED"
    assert container.resolve("cut.wide.test").error == "EAI_NONAME"


@pytest.mark.leak("L22", "H51")
def test_reloads_under_fire(lab, container, other):
    """Fifty reloads to and fro: the allowed one never fails, the other never succeeds."""
    policies = [{"allow": [ALLOWED]}, {"allow": [OTHER, ALLOWED]}]
    egressd = lab.egressd(policy=policies[0])
    assert container.connect(ALLOWED, 443)
    lab.forget()
    hammer = container.agent(another="hammer")
    hammer.begin_hammer((ALLOWED_V4, 80), (EVIL_V4, 443), (ALLOWED, 80))
    for turn in range(50):
        egressd.reload(policies[(turn + 1) % 2])
    counts = hammer.end_hammer()
    assert set(counts[f"{ALLOWED_V4}:80"]) == {"ok"}, counts
    assert set(counts[f"{ALLOWED}:80"]) == {"ok"}, counts
    assert set(counts[f"{EVIL_V4}:443"]) == {"ECONNREFUSED"}
    assert not lab.witness.packets(destination=EVIL_V4)


@pytest.mark.leak("H51")
def test_a_name_revoked_while_its_question_is_under_way(lab, container, zone, other):
    """The answer comes after the policy changed: it opens nothing."""
    egressd = lab.egressd(allow=["*.late.test", ALLOWED])
    zone.host("x.late.test", OTHER_V4)
    zone.twist("x.late.test", delay(1.5))
    slow = container.agent(another="slow")
    slow.begin("resolve", name="x.late.test")
    wait_until(lambda: lab.dns.questions("x.late.test"), "the question under way")
    egressd.reload({"allow": [ALLOWED]})
    assert not slow.finish()
    assert OTHER_V4 not in egressd.leased()
    assert container.connect(OTHER_V4, 443).error == "ECONNREFUSED"


@pytest.mark.leak("L31", "L19")
def test_only_root_may_reload(lab, container, other):
    """The agent may look and ask, and change nothing, whatever its environment claims."""
    egressd = lab.egressd(allow=[ALLOWED])
    egressd.write_policy({"allow": [ALLOWED, OTHER]})
    for command in ("reload", "apply"):
        done = egressd.ctl(command, check=False, uid=1000)
        assert done.returncode == 77, done
    assert container.resolve(OTHER).error == "EAI_NONAME"
    for command in (["status"], ["status", "--json"], ["wait"], ["explain", ALLOWED]):
        assert egressd.ctl(*command, uid=1000).returncode == 0
    assert egressd.ctl("explain", OTHER, check=False, uid=1000).returncode == 1
    assert egressd.ctl("reload").returncode == 0
    assert container.connect(OTHER, 443)


@pytest.mark.leak("L28", "H14", "H45")
@pytest.mark.parametrize("split", [False, True], ids=["whole", "in-pieces"])
def test_a_new_deny_ends_what_an_allowed_name_led_to(lab, container, zone, split):
    """Of a chain every name may be denied, the one in its middle too; upstream is not asked first."""
    zone.host("end.example", OTHER_V4, OTHER_V6)
    zone.alias("middle.example", "end.example", split=split)
    zone.alias(OTHER, "middle.example", split=split)
    policy = {"allow": [f"{ALLOWED}:5432", f"{OTHER}:5432"]}
    egressd = lab.egressd(policy)
    for denied in ("unrelated.example", "middle.example"):
        keep, cut = (container.open(name, 5432, family=4) for name in (ALLOWED, OTHER))
        assert keep.echo() and cut.echo()
        zone.twist("*", silence)
        egressd.reload({**policy, "deny": [denied]})
        assert keep.echo()
        if denied == "unrelated.example":
            assert cut.echo()
            zone.twist("*")
    lab.forget()
    outcome = cut.echo(timeout=1)
    assert outcome.error in ("ECONNRESET", "EPIPE", "ETIMEDOUT"), outcome
    for address in (OTHER_V4, OTHER_V6):
        assert container.connect(address, 5432).error == "ECONNREFUSED"
    assert not container.resolve(OTHER)
    assert not {key for key in egressd.leases() if key[0] in (OTHER_V4, OTHER_V6)}
    assert not lab.servers.came()
