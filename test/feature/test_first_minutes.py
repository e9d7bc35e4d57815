"""A new user with two groups and no more: git and pip fail, and one edit that egressd prints mends
both. doc/first-minutes.md is such a run, written down."""

from engine.first_minutes import NAMES, play
from lab.servers import make_certificate


def test_one_edit_mends_what_fails(world, tmp_path):
    text, wrong = play(world, make_certificate(tmp_path, *NAMES), tmp_path)
    assert not wrong, f"{wrong}\n{text}"
