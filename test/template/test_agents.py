"""An agent from npm, installed in the sandbox through the policy, by the one command for it."""

import re

import pytest

from developer import OPTIONS, USER, hand_over, sandbox
from engine import npm
from probes import assert_refuses

IMAGE = "with-node:image"


@pytest.fixture(scope="module")
def project(world, new_project):
    npm.build_image(world, IMAGE)
    project = new_project("agents", "agent-sandbox", options={**OPTIONS, "image": IMAGE})
    hand_over(project)
    return project


def test_an_agent_is_installed_through_the_policy_and_runs(world, project):
    with npm.registry_within_reach(world) as registry:
        first = sandbox(world, project, "agent", "claude", "--version")
        assert first.returncode == 0, first.stderr
        assert "installing @anthropic-ai/claude-code" in first.stderr
        assert re.fullmatch(r"\d+\.\d+\.\d+ \(Claude Code\)\n", first.stdout), first.stdout
    container, = project.containers()
    assert re.search(rf"granted +{re.escape(registry)}", container.ctl("log", user=USER).stdout)
    assert_refuses(world, container, user=USER)
    # It is there now, and needs nobody for that.
    again = sandbox(world, project, "agent", "claude", "--version")
    assert again.stdout == first.stdout and "installing" not in again.stderr
