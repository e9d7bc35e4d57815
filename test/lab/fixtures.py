"""pytest's view of the lab: import the fixtures in a conftest.py."""

import os

import pytest

from .lab import Lab
from .servers import make_certificate


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def lab(certificate):
    """A fresh lab for each test."""
    if os.geteuid():
        pytest.skip("network namespaces need root")
    world = Lab(certificate)
    yield world
    world.close()


@pytest.fixture
def container(lab):
    return lab.container


@pytest.fixture
def zone(lab):
    return lab.zone


def configure(config):
    config.addinivalue_line(
        "markers", "leak(*numbers): rows of the list of leaks (L) and hazards (H) it covers")
