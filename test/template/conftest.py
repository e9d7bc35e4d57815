"""The templates on a real Docker Engine, brought up by the real devcontainer CLI."""

import pathlib
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "feature")]  # probes.py is there

from engine import newer  # noqa: E402
from engine.fixtures import new_project, new_workspace, to_remove, world  # noqa: E402, F401
from lab.fixtures import configure  # noqa: E402


def pytest_configure(config):
    configure(config)


@pytest.fixture(scope="session")
def docker_programs():
    """Templates are for what people have today; the Feature's tests have this machine's engine."""
    return newer.programs()
