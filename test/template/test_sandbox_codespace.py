"""The template agent-sandbox in GitHub Codespaces: it asks for a network of its own."""

import json
import re

import pytest

from developer import OPTIONS, USER
from engine import template
from engine.codespace import HOST_NETWORK
from engine.world import NAMESPACE
from lab.lab import ALLOWED
from probes import assert_enforcing, assert_reaches, assert_refuses

COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)


@pytest.fixture
def codespace(world, request):
    one = world.codespace("sandbox", {}, network=request.param)
    template.apply(world.stage / "templates/agent-sandbox", one.folder, OPTIONS)
    template.use_local_feature(one.folder, f"{NAMESPACE}/egressd:0")
    written = (one.folder / ".devcontainer/devcontainer.json").read_text()
    one.merge(json.loads(COMMENT.sub("", written)))
    yield one
    one.remove()


@pytest.mark.leak("H39")
@pytest.mark.parametrize("codespace", [(), HOST_NETWORK], indirect=True)
def test_it_comes_up_there_and_holds(world, codespace):
    """If the agent kept its own network beside the template's, too: from Docker 25 on, which takes
    several, the first is the container's. test_codespaces.py has what earlier ones do."""
    container = codespace.must_come_up()
    assert container.details["HostConfig"]["NetworkMode"] == "bridge"
    assert_enforcing(container, USER)
    assert_reaches(container, ALLOWED, USER)
    assert_refuses(world, container, USER)
    assert container.ctl("doctor", user=USER).returncode == 0
