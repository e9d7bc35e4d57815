"""The Feature on a real Docker Engine, brought up by the real devcontainer CLI."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from engine.fixtures import docker_programs, new_workspace, to_remove, world  # noqa: E402, F401
from lab.fixtures import configure  # noqa: E402


def pytest_configure(config):
    configure(config)
