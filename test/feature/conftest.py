"""The Feature on a real Docker Engine, brought up by the real devcontainer CLI."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from engine.world import World  # noqa: E402
from lab.fixtures import configure  # noqa: E402
from lab.lab import (ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL, EVIL_V4,  # noqa: E402
                     EVIL_V6)
from lab.servers import make_certificate  # noqa: E402


def pytest_configure(config):
    configure(config)


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """One engine for all tests of a run: the images take a while to load."""
    if os.geteuid():
        pytest.skip("a Docker Engine of its own needs root")
    world = World(make_certificate(tmp_path_factory.mktemp("tls")))
    world.zone.host(ALLOWED, ALLOWED_V4, ALLOWED_V6)
    world.zone.host(EVIL, EVIL_V4, EVIL_V6)
    yield world
    world.close()


@pytest.fixture(scope="module")
def new_workspace(world):
    """Makes workspaces whose containers are removed with the module."""
    made = []

    def make(*arguments, **options):
        made.append(world.workspace(*arguments, **options))
        return made[-1]

    yield make
    for workspace in made:
        workspace.remove()
