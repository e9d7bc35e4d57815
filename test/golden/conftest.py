import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab.fixtures import configure  # noqa: E402


def pytest_configure(config):
    configure(config)
