"""Clocks that jump, a machine that sleeps, a daemon that stands still: leases last as long as told.

The clock of the daemon alone is shifted (lab/shifted_clock.c); the kernel's timeouts run on, as they
do, and stand still in suspend, which is what a shift of CLOCK_BOOTTIME alone looks like.
"""

import pathlib
import subprocess

import pytest

import lab as lab_package
from lab import dns_zone
from lab.lab import ALLOWED, ALLOWED_V4, EVIL, EVIL_V4
from lab.waiting import wait_until

YEARS_S = 10 * 365 * 86400
NEW_V4 = "198.51.100.2"


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    source = pathlib.Path(lab_package.__file__).with_name("shifted_clock.c")
    library = tmp_path_factory.mktemp("clock") / "shifted_clock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    return library


class Clock:
    def __init__(self, container, shim):
        self._container = container
        container.install(shim, "/usr/local/lib/shifted_clock.so")
        self.set()

    def set(self, wall_s=0, slept_s=0):
        """As one piece: the daemon may be reading."""
        self._container.write("/run/shift.new", f"{wall_s} {slept_s}\n")
        self._container.run(["mv", "/run/shift.new", "/run/shift"])

    # A sanitizer wants to be the first library.
    ENV = {"LD_PRELOAD": "/usr/local/lib/shifted_clock.so", "SHIFTED_CLOCK": "/run/shift",
           "ASAN_OPTIONS": "verify_asan_link_order=0"}


@pytest.fixture
def clock(container, shim):
    return Clock(container, shim)


@pytest.mark.leak("H13")
@pytest.mark.parametrize("jump_s", [YEARS_S, -YEARS_S], ids=["forward", "back"])
def test_the_wall_clock_may_jump(lab, container, zone, clock, jump_s):
    """NTP at boot, a person, a virtual machine that was copied: nothing opens, nothing ends."""
    zone.host(ALLOWED, ALLOWED_V4, ttl=300)
    probe = lab.prove_open(lambda: container.connect(EVIL_V4, 443), destination=EVIL_V4)
    egressd = lab.egressd(allow=[ALLOWED], env=clock.ENV)
    assert container.connect(ALLOWED, 443)
    before, asked = egressd.leases(), len(lab.dns.questions(ALLOWED, "A"))
    clock.set(wall_s=jump_s)
    year = egressd.status()["since"][:4]
    assert abs(int(year) - int(subprocess.check_output(["date", "+%Y"]))) >= 9, "it sees the jump"
    assert container.dig(ALLOWED).ttl <= 300
    assert len(lab.dns.questions(ALLOWED, "A")) == asked, "what is fresh stays fresh"
    after = egressd.leases()
    assert set(after) == set(before) and all(after[key] >= before[key] - 30 for key in before)
    assert container.connect(ALLOWED, 443)
    probe.refused("ECONNREFUSED")
    assert container.resolve(EVIL).error == "EAI_NONAME"


@pytest.mark.leak("H13", "L27")
def test_after_a_sleep_names_are_asked_anew(lab, container, zone, clock):
    """An answer from before is not told as fresh, and the new one is open for as long as it says,
    whatever the kernel still holds of the old."""
    zone.host(ALLOWED, ALLOWED_V4, ttl=20)
    egressd = lab.egressd(allow=[ALLOWED], env=clock.ENV, lease_grace=5)
    assert container.connect(ALLOWED, 443)
    zone.host(ALLOWED, ALLOWED_V4, NEW_V4, ttl=3000)
    clock.set(slept_s=8 * 3600)
    answer = container.dig(ALLOWED)
    assert set(answer.addresses) == {ALLOWED_V4, NEW_V4}
    leases = egressd.leases()
    for address in answer.addresses:
        assert leases[address, "tcp", 443] > answer.ttl
        assert container.connect(address, 443)


@pytest.mark.leak("H13", "H47")
def test_a_day_that_was_slept_through_counts(lab, container, zone, clock):
    """The upstream is gone, and the last good answer a day old."""
    zone.host(ALLOWED, ALLOWED_V4, ttl=1)
    lab.egressd(allow=[ALLOWED], env=clock.ENV)
    assert container.connect(ALLOWED, 443)
    zone.twist("*", dns_zone.silence)
    clock.set(slept_s=3600)
    assert container.dig(ALLOWED).addresses == [ALLOWED_V4], "stale"
    clock.set(slept_s=86400)
    wait_until(lambda: container.dig(ALLOWED).rcode == "SERVFAIL", "the end of stale answers")


@pytest.mark.leak("H13", "L26", "L27")
def test_standing_still_for_longer_than_a_lease(lab, container, zone):
    """Stopped, as by a cgroup's freezer or a debugger: the kernel's time ran on."""
    zone.host(ALLOWED, ALLOWED_V4, ttl=1)
    egressd = lab.egressd(allow=[ALLOWED], lease_grace=1, lease_idle=1)
    assert container.connect(ALLOWED, 443)
    egressd.freeze()
    egressd.wait_ended(ALLOWED_V4)
    assert container.connect(ALLOWED_V4, 443).error == "ECONNREFUSED"
    egressd.thaw()
    wait_until(lambda: container.connect(ALLOWED, 443), "the name")


@pytest.mark.leak("H13")
def test_in_a_time_namespace(lab, container):
    """Clocks of its own, years ahead of the kernel's; and the next daemon has others again."""
    egressd = lab.egressd(allow=[ALLOWED], start=False)
    for boottime_s in (YEARS_S, 0):
        egressd.start(under=["unshare", "--time", "--fork", "--boottime", str(boottime_s),
                             "--monotonic", str(boottime_s // 2)])
        answer = container.dig(ALLOWED)
        assert egressd.leases()[ALLOWED_V4, "tcp", 443] > answer.ttl
        assert egressd.leases()[ALLOWED_V4, "tcp", 443] < answer.ttl + 90
        assert container.connect(ALLOWED, 443)
        egressd.stop()
