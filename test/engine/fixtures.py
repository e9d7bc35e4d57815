"""pytest's view of the engine: import the fixtures in a conftest.py."""

import os

import pytest

from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL, EVIL_V4, EVIL_V6
from lab.servers import make_certificate

from .world import World


@pytest.fixture(scope="session")
def docker_programs():
    """Where the engine is from: "" is this machine's, Debian 12's."""
    return ""


@pytest.fixture(scope="session")
def world(tmp_path_factory, docker_programs):
    """One engine for all tests of a run: the images take a while to load."""
    if os.geteuid():
        pytest.skip("a Docker Engine of its own needs root")
    world = World(make_certificate(tmp_path_factory.mktemp("tls")),
                  programs=docker_programs)
    world.zone.host(ALLOWED, ALLOWED_V4, ALLOWED_V6)
    world.zone.host(EVIL, EVIL_V4, EVIL_V6)
    yield world
    world.close()


@pytest.fixture(scope="module")
def to_remove(world):
    """What is put on this list is removed with the module: workspaces and their containers."""
    made = []
    yield made
    for workspace in made:
        workspace.remove()


def keeping_in(to_remove, make):
    """The same, but what it makes is put on that list."""
    def make_and_keep(*arguments, **options):
        to_remove.append(make(*arguments, **options))
        return to_remove[-1]

    return make_and_keep


@pytest.fixture(scope="module")
def new_workspace(world, to_remove):
    """Makes workspaces."""
    return keeping_in(to_remove, world.workspace)


@pytest.fixture(scope="module")
def new_project(world, to_remove):
    """Makes workspaces from templates."""
    return keeping_in(to_remove, world.template)
