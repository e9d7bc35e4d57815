from .fixtures import certificate, container, lab, zone  # noqa: F401
from .fixtures import configure


def pytest_configure(config):
    configure(config)
