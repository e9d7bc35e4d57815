"""Kills and reloads in a row, under an adversary who never rests.

While the daemon is dead no name is answered, and addresses that are leased go on working.

EGRESSD_STORM=1000 for the whole storm; by default it blows as long as proves the point.
"""

import json
import os
import random
import signal
import statistics
import time

import pytest

from lab.daemon import INSTALLED
from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL, EVIL_V4, EVIL_V6
from lab.waiting import wait_until

STORM = int(os.environ.get("EGRESSD_STORM", "0"))
SEED = int(os.environ.get("EGRESSD_SEED", "1"))
EVIL_NAMES = [EVIL, f"x.{EVIL}"]
FIRE = [(EVIL_V4, 443), (EVIL_V6, 443), (EVIL_V4, 443, "udp"), (EVIL_V6, 443, "udp")]
OTHER, OTHER_V4 = "other.test", "198.51.100.8"


class Storm:
    """Who is at work all the time: two who must not get out, and two who must not notice."""

    def __init__(self, lab):
        self._lab, self._container = lab, lab.container
        for target in (EVIL_V4, EVIL_V6, EVIL):
            lab.prove_open(lambda: self._container.connect(target, 443))
        for address in (EVIL_V4, EVIL_V6):
            lab.prove_open(lambda: self._container.udp(address, 443), destination=address)

    def begin(self, *targets):
        """targets: what else must never fail."""
        self._lab.forget()
        self._agents = {name: self._container.agent(another=name)
                        for name in ("packets", "questions", "user")}
        for agent in self._agents.values():
            assert agent.connect(ALLOWED_V4, 80), "it is at work"
        self._agents["packets"].begin_hammer(*FIRE, pause=0.001)
        self._agents["questions"].begin_hammer(*[(name, 443) for name in EVIL_NAMES], pause=0.001)
        # No faster than the lab's servers, or what fails is they.
        self._agents["user"].begin_hammer((ALLOWED_V4, 80), (ALLOWED_V6, 80), *targets, pause=0.01)

    def end(self):
        tallies = {name: agent.end_hammer() for name, agent in self._agents.items()}
        for target, tally in [*tallies["packets"].items(), *tallies["questions"].items()]:
            assert tally, tallies
            assert target.endswith("udp") or "ok" not in tally, tallies
        assert not [packet for packet in self._lab.strays([ALLOWED, OTHER])
                    if packet.destination not in (ALLOWED_V4, ALLOWED_V6, OTHER_V4)]
        for tally in tallies["user"].values():
            assert set(tally) == {"ok"}, f"what is allowed: {tallies['user']}"
        print(tallies)


@pytest.fixture
def storm(lab, container, zone):
    zone.host(OTHER, OTHER_V4)
    return Storm(lab)


class Service:
    """egressd as the Feature starts it: in the background, with a supervisor."""

    def __init__(self, lab):
        self._container = lab.container
        self.egressd = lab.egressd(policy={}, start=False)
        lab.container.write("/etc/egressd/policy.json", json.dumps({"allow": [ALLOWED]}))

    def start(self):
        done = self._container.run(["sh", "-c", f"{INSTALLED} run >>/run/log 2>&1"], check=False)
        assert done.returncode == 0, self.log()
        self.wait_enforcing(None)

    def log(self):
        return self._container.path("/run/log").read_text()

    def wait_enforcing(self, other_than):
        def told():
            status = self.egressd.ask("status")
            return (status and status["state"] == "enforcing" and status["pid"] != other_than
                    and status["pid"])

        return wait_until(told, "egressd enforcing")

    def split(self):
        """Process ids of the supervisor and of the daemon, as seen from outside."""
        found = self.egressd.processes()
        daemon, = [pid for pid in found if self._parent(pid) in found]
        return self._parent(daemon), daemon

    @staticmethod
    def _parent(pid):
        with open(f"/proc/{pid}/stat") as stat:
            return int(stat.read().rpartition(")")[2].split()[1])

    def kill_daemon(self):
        before = self.egressd.status()["pid"]
        os.kill(self.split()[1], signal.SIGKILL)
        self.wait_enforcing(before)

    def kill_supervisor(self):
        """The daemon goes on alone, and a second start finds it."""
        os.kill(self.split()[0], signal.SIGKILL)
        wait_until(lambda: len(self.egressd.processes()) == 1, "death of the supervisor")
        self.start()
        self.kill_all()

    def kill_all(self):
        self.end(signal.SIGKILL)
        self.start()

    def restart(self):
        self.end(signal.SIGTERM)
        self.start()

    def end(self, number):
        def over():
            self.egressd.signal(number)
            return not self.egressd.processes()

        wait_until(over, "end of all processes", pause=0.05)


@pytest.mark.leak("L22", "L24", "L25", "H50")
def test_kills(lab, storm):
    service = Service(lab)
    service.start()
    service.egressd.wait_leased(ALLOWED_V4, ALLOWED_V6)
    rng = random.Random(SEED)
    ways = [service.kill_daemon] * 6 + [service.kill_all] * 2 + [service.kill_supervisor,
                                                                 service.restart]
    gaps = []
    storm.begin()
    for _ in range(STORM or 40):
        began = time.monotonic()
        rng.choice(ways)()
        wait_until(lambda: lab.container.connect(ALLOWED, 80), "names")
        gaps.append(time.monotonic() - began)
    storm.end()
    print(f"names failed for {statistics.median(gaps):.3f} s, at most {max(gaps):.3f} s")
    service.end(signal.SIGKILL)
    assert "ERROR: AddressSanitizer" not in service.log() and "runtime error" not in service.log()


@pytest.mark.leak("L22", "H51")
def test_reloads(lab, storm):
    """Wider, narrower, broken, half written: no gap at all, also for names."""
    egressd = lab.egressd(allow=[ALLOWED])
    egressd.wait_leased(ALLOWED_V4, ALLOWED_V6)
    good = [json.dumps({"allow": [ALLOWED]}), json.dumps({"allow": [ALLOWED, OTHER]})]
    texts = [*good, '{"allow": ["not a name!"]}', good[1][:25], "", '{"allow": []',
             json.dumps({"allow": [ALLOWED], "deny": [f"*.{EVIL}"]})]
    rng = random.Random(SEED)
    storm.begin((ALLOWED, 80))
    for _ in range(STORM or 60):
        text = rng.choice(texts)
        egressd.write_policy(text)
        reply = egressd.order("reload")
        assert lab.container.connect(ALLOWED, 80) and not lab.container.connect(EVIL, 443)
        assert reply["ok"] == (text in (*good, texts[-1])), (text, reply)
    storm.end()
