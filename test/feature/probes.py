"""The same few attempts everywhere: each must fail where egressd is, and work where it is not."""

import pathlib
import re

from engine.container import COULD_NOT_CONNECT, COULD_NOT_RESOLVE
from lab.lab import ALLOWED, EVIL, EVIL_V4, EVIL_V6
from lab.probe import AT_ONCE_S

LOOKUP_WITHIN_S = 4  # a stub asks a second time after five seconds

BREAKOUT = pathlib.Path(__file__).resolve().parents[1] / "breakout"
INSIDE = "/usr/local/bin/breakout"
NOTHING_GOT_OUT, SOMETHING_GOT_OUT = 0, 1
TRIED_IN_VAIN = ["--refused", EVIL_V4, "--refused", EVIL_V6, "--refused-name", EVIL,
                 "--resolver", "192.0.2.53"]

FEATURE = {"features": {"./egressd": {}},
           "customizations": {"egressd": {"allow": [ALLOWED]}}}


def config(image="debian:12", allow=(), **properties):
    """A devcontainer.json with the Feature, ALLOWED and the other entries of `allow`."""
    return {"image": image, **FEATURE,
            "customizations": {"egressd": {"allow": [ALLOWED, *allow]}}, **properties}


def assert_reaches(container, host, user="root"):
    for family in ("-4", "-6"):
        fetched = container.curl(f"http://{host}/", family, user=user)
        assert fetched and fetched.body.startswith(f"http {host} at "), fetched
    secure = container.curl(f"https://{host}/", user=user)
    assert secure, secure


def assert_refuses(world, container, user="root"):
    """EVIL cannot be reached by name nor address, the client learns it at once, and nobody else."""
    world.forget()
    by_name = container.curl(f"http://{EVIL}/", user=user)
    assert by_name.code == COULD_NOT_RESOLVE and by_name.seconds < LOOKUP_WITHIN_S, by_name
    for url in (f"http://{EVIL_V4}/", f"https://{EVIL_V4}/", f"http://[{EVIL_V6}]/",
                f"http://{EVIL_V4}:22/"):
        by_address = container.curl(url, user=user)
        assert by_address.code == COULD_NOT_CONNECT, by_address
        assert by_address.seconds < AT_ONCE_S, by_address
    assert_unseen(world)


def assert_unseen(world):
    """Since world.forget(), nothing went to EVIL and nobody was asked about it."""
    for address in (EVIL_V4, EVIL_V6):
        assert not world.witness.packets(destination=address, tells=True)
    assert not world.dns.questions(EVIL)


def assert_open(world, container):
    """What assert_refuses() tries, works here: it is egressd that makes the difference."""
    world.forget()
    for url in (f"http://{EVIL}/", f"http://{EVIL_V4}/", f"https://{EVIL_V4}/",
                f"http://[{EVIL_V6}]/"):
        fetched = container.curl(url)
        assert fetched, fetched
    assert world.dns.questions(EVIL)
    for address in (EVIL_V4, EVIL_V6):
        assert world.witness.packets(destination=address)


def assert_knocks(world, protected, bare, user="root"):
    """The same for the image that has no curl."""
    assert protected.knock(ALLOWED, user=user)
    world.forget()
    by_name = protected.knock(EVIL, user=user)
    assert by_name.code == COULD_NOT_RESOLVE and "does not resolve" in by_name.message, by_name
    for address in (EVIL_V4, EVIL_V6):
        refused = protected.knock(address, user=user)
        assert refused.code == COULD_NOT_CONNECT and "refused" in refused.message, refused
    assert_unseen(world)
    for host in (EVIL, EVIL_V4, EVIL_V6):
        assert bare.knock(host)
    assert world.dns.questions(EVIL)


def assert_enforcing(container, user="root"):
    waited = container.ctl("wait", "--timeout", "60", user=user)
    assert waited.returncode == 0, waited.stderr
    assert container.ctl("status", user=user).returncode == 0
    assert container.ctl("explain", f"{ALLOWED}:443", user=user).returncode == 0
    assert container.ctl("explain", EVIL, user=user).returncode == 1


def breakout(world, container, *options, user="dev"):
    """Exit code, row -> what was found, and the text, for the user whom the image has."""
    world.engine.docker("cp", BREAKOUT, f"{container.name}:{INSIDE}")
    done = container.run("python3", INSIDE, *TRIED_IN_VAIN, *options, user=user, check=False,
                         timeout=900)
    rows = dict(re.findall(r"^([LH]\d+) +(closed|OPEN|skipped) ", done.stdout, re.MULTILINE))
    return done.returncode, rows, done.stdout + done.stderr


def assert_nothing_gets_out(world, container, bare, *options, user="dev"):
    """test/breakout finds everything closed, and without egressd most of it open."""
    code, open_rows, text = breakout(world, bare, "--allowed", f"{ALLOWED}:443")
    assert code == SOMETHING_GOT_OUT, text
    world.forget()
    code, rows, text = breakout(world, container, *options, user=user)
    assert code == NOTHING_GOT_OUT, text
    assert_unseen(world)
    # What is open without egressd is closed with it, not merely skipped.
    found_open = {row for row, found in open_rows.items() if found == "OPEN"}
    assert found_open == {row for row in found_open if rows.get(row) == "closed"}, text
    assert len(found_open) > 15
