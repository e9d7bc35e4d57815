"""`egressd check`, `egressctl explain`, the gate and real packets agree, whatever the policy is.

Policies are drawn by chance, and what one of them means is worked out from what `check` prints of it by
lab/policy_model.py. EGRESSD_SEED repeats a run, EGRESSD_TEST_ROUNDS makes it longer.
"""

import json
import os
import random
import subprocess

from lab.daemon import binary
from lab.policy_model import Model

ROUNDS = int(os.environ.get("EGRESSD_TEST_ROUNDS", "8"))
SEED = int(os.environ.get("EGRESSD_SEED", random.randrange(1 << 32)))
TARGETS = 24

# Each name has addresses of its own; those of "inner" are private.
NAMES = ["one.test", "a.one.test", "b.one.test", "x.a.one.test", "y.x.a.one.test", "notone.test",
         "two.test", "a.two.test", "inner.two.test"]
WORLD = {name: ((f"10.1.2.{i + 1}" if "inner" in name else f"198.51.100.{i + 1}"),
                f"2001:db8:20::{i + 1}") for i, name in enumerate(NAMES)}
NETS = ["198.51.100.0/24", "198.51.100.0/29", "198.51.100.2", "192.0.2.0/24", "192.0.2.128/25", "192.0.2.7",
        "10.1.0.0/16", "2001:db8:20::/64", "2001:db8:20::4", "2001:db8:40::/48", "2001:db8:40:1::/64"]
ADDRESSES = ["192.0.2.7", "192.0.2.8", "192.0.2.200", "2001:db8:40::1", "2001:db8:40:1::1", "203.0.113.9"]
PORTS = ["22", "80", "443", "8000-8100", "8050", "8050-8443", "*", "123/udp", "443/udp", "*/udp"]
KNOCKS = [("tcp", port) for port in (22, 80, 443, 8000, 8050, 8100, 8443)] + [
    ("udp", port) for port in (123, 443, 8050)]


def draw_host(chance):
    kind = chance.random()
    if kind < 0.45:
        return chance.choice(NAMES)
    if kind < 0.7:
        return "*." + chance.choice(["one.test", "a.one.test", "x.a.one.test", "two.test"])
    return chance.choice(NETS)


def draw_text(chance):
    """An entry in one word, as it may also stand in a group."""
    host = draw_host(chance)
    rest = chance.choice(["", "", "/udp", *(f":{port}" for port in PORTS)])
    return f"[{host}]{rest}" if ":" in host else f"{host}{rest}"


def draw_entry(chance):
    if chance.random() < 0.6:
        return draw_text(chance)
    entry = {"host": draw_host(chance)}
    if chance.random() < 0.8:
        entry["ports"] = chance.sample(PORTS, chance.randint(1, 3))
    if chance.random() < 0.3:
        entry["private"] = True
    return entry


def draw_policy(chance):
    """The policy, and the group that it may name."""
    policy = {"allow": [draw_entry(chance) for _ in range(chance.randint(1, 6))],
              "deny": [draw_entry(chance) for _ in range(chance.choice([0, 0, 1, 2, 3]))]}
    if chance.random() < 0.5:
        policy[chance.choice(["allow", "allow", "deny"])].append("@acme")
    lines = [draw_text(chance) + chance.choice(["", " private"]) for _ in range(chance.randint(1, 3))]
    return policy, "\n".join(lines) + "\n"


class Round:
    def __init__(self, container, egressd, policy, group, folder):
        self._container, self._egressd = container, egressd
        container.write("/etc/egressd/groups.d/acme.group", group)
        self._model = Model(self._check(policy, group, folder), WORLD)
        egressd.reload(policy)
        for name in NAMES:  # what a wildcard covers is not asked for before somebody does
            container.resolve(name)

    @staticmethod
    def _check(policy, group, folder):
        (folder / "policy.json").write_text(json.dumps(policy))
        (folder / "acme.group").write_text(group)
        return subprocess.run([binary(), "check", "--groups", folder, folder / "policy.json"], check=True,
                              capture_output=True, text=True, timeout=30).stdout

    def _explains(self, host, protocol, port):
        host = f"[{host}]" if ":" in host else host
        return self._egressd.ask("explain", target=f"{host}:{port}/{protocol}")["allowed"]

    def _knocks(self, host, protocol, port, family=None):
        knock = self._container.connect if protocol == "tcp" else self._container.udp
        return bool(knock(host, port, family=family))

    def judge_name(self, name, protocol, port):
        model = self._model
        yield "gate", model.is_answered(name), self._container.dig(name).rcode == "NOERROR"
        yield "explain", model.name_allows(name, protocol, port), self._explains(name, protocol, port)
        for family, address in zip((4, 6), WORLD[name]):
            is_open = (model.is_answered(name) and model.is_leased(name, address)
                       and model.address_open(address, protocol, port))
            yield f"packets by name, IPv{family}", is_open, self._knocks(name, protocol, port, family)
            yield from self.judge_address(address, protocol, port)

    def judge_address(self, address, protocol, port):
        is_open = self._model.address_open(address, protocol, port)
        yield f"explain {address}", is_open, self._explains(address, protocol, port)
        yield f"packets to {address}", is_open, self._knocks(address, protocol, port)


def test_all_who_are_asked_agree(lab, container, zone, tmp_path):
    chance = random.Random(SEED)
    for name, addresses in WORLD.items():
        zone.host(name, *addresses)
    egressd = lab.egressd(allow=[])
    counts = {True: 0, False: 0}
    for number in range(ROUNDS):
        policy, group = draw_policy(chance)
        now = Round(container, egressd, policy, group, tmp_path)
        for _ in range(TARGETS):
            target, knock = chance.choice([*NAMES, *NAMES, *ADDRESSES]), chance.choice(KNOCKS)
            judge = now.judge_name if target in WORLD else now.judge_address
            for who, expected, found in judge(target, *knock):
                counts[expected] += 1
                assert found == expected, (
                    f"{who} of {target}, {knock}: {'open' if found else 'closed'}. EGRESSD_SEED={SEED}, round "
                    f"{number}: {json.dumps(policy)}, @acme: {group.split()}")
    print(f"{counts[True]} open, {counts[False]} closed")
    assert counts[True] and counts[False]
