"""A new user with only two groups: git and pip fail, and one edit that egressd prints mends both."""

from engine.first_minutes import NAMES, play
from engine.images import DEBIAN
from engine.world import World
from lab.servers import make_certificate


def test_one_edit_mends_what_fails(tmp_path):
    certificate = make_certificate(tmp_path, *NAMES)
    world = World(certificate, [DEBIAN])
    try:
        text, wrong = play(world, certificate, tmp_path)
    finally:
        world.close()
    assert not wrong, f"{wrong}\n{text}"
