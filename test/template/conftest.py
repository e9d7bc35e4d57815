"""The templates on a real Docker Engine, brought up by the real devcontainer CLI."""

import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "feature")]  # probes.py is there

from engine.fixtures import new_project, new_workspace, to_remove, world  # noqa: E402, F401
from lab.fixtures import configure  # noqa: E402


def pytest_configure(config):
    configure(config)
