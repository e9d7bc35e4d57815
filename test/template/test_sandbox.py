"""The template agent-sandbox: what is in it, and that it holds whom it is for."""

import pytest

from lab.lab import ALLOWED
from probes import assert_enforcing, assert_open, assert_reaches, assert_refuses

USER = "dev"
OPTIONS = {"image": "debian:12", "user": USER, "hosts": ALLOWED}


@pytest.fixture(scope="module")
def sandbox(new_project):
    return new_project("sandbox", "agent-sandbox", options=OPTIONS).must_up()


def test_it_reaches_what_is_listed_and_nothing_else(world, sandbox):
    assert_enforcing(sandbox, user=USER)
    assert_reaches(sandbox, ALLOWED, user=USER)
    assert_refuses(world, sandbox, user=USER)
    bare = world.bare("debian:12")
    assert_open(world, bare)
    bare.remove()
