"""The template agent-sandbox: what is in it, and that it holds whom it is for."""

import json
import re

import pytest

from developer import OPTIONS, UID, USER, hand_over
from engine.container import Container
from engine.world import ROOT
from lab.lab import ALLOWED
from probes import (assert_enforcing, assert_nothing_gets_out, assert_open, assert_reaches,
                    assert_refuses)

TEMPLATE = ROOT / "devcontainer-template/agent-sandbox"
KEPT = (".claude", ".codex", ".gemini", ".copilot", ".shell-history")
NET_RAW = 13
EASY = "easy:image"  # whose user becomes root just so, as in most images of that kind
EASY_DOCKERFILE = """
FROM debian:12
RUN echo 'dev ALL=(root) NOPASSWD:ALL' > /etc/sudoers.d/dev
RUN echo 'dev ALL=(root) NOPASSWD:ALL' >> /etc/sudoers
USER dev
"""


@pytest.fixture(scope="module")
def project(world, new_project):
    world.engine.docker("build", "--tag", EASY, "-", stdin=EASY_DOCKERFILE)
    project = new_project("sandbox", "agent-sandbox", options={**OPTIONS, "image": EASY})
    hand_over(project)
    return project


@pytest.fixture(scope="module")
def sandbox(project):
    return project.must_up()


@pytest.fixture
def bare(world):
    container = world.bare("debian:12")
    yield container
    container.remove()


def test_options_are_used_and_described():
    options = json.loads((TEMPLATE / "devcontainer-template.json").read_text())["options"]
    used = "".join(path.read_text() for path in (TEMPLATE / ".devcontainer").iterdir())
    assert set(re.findall(r"\$\{templateOption:(\w+)\}", used)) == set(options)
    notes = (TEMPLATE / "NOTES.md").read_text()
    for option in options:
        assert f"`{option}`" in notes, option


def test_it_reaches_what_is_listed_and_nothing_else(world, sandbox, bare):
    assert_enforcing(sandbox, user=USER)
    assert_reaches(sandbox, ALLOWED, user=USER)
    assert_refuses(world, sandbox, user=USER)
    assert_open(world, bare)


@pytest.mark.leak("L1", "L2", "L3", "L4", "L5", "L7", "L8", "L9", "L10", "L11", "L17", "L18",
                  "L19", "L29", "L31", "L32", "L35", "L36", "L37", "L38", "L39", "H20", "H27",
                  "H28", "H31", "H32", "H33", "H34", "H35", "H36", "H37", "H43", "H44", "H53")
def test_breakout(world, sandbox, bare):
    assert_nothing_gets_out(world, sandbox, bare)


@pytest.mark.leak("L16")
def test_nobody_becomes_root(world, project, sandbox):
    easy = world.bare(EASY)
    assert easy.run("sudo", "-n", "id", "-u", user=USER).stdout == "0\n"
    easy.remove()
    assert project.exec("id", "-u").stdout == f"{UID}\n"
    refused = project.exec("sudo", "-n", "id", "-u")
    assert refused.returncode and "no new privileges" in refused.stderr
    assert not sandbox.run("ls", "/etc/sudoers.d/dev", check=False).stdout


@pytest.mark.leak("L16", "L17")
def test_doctor_finds_nothing(project):
    found = project.exec("egressctl", "doctor")
    assert found.returncode == 0, found.stdout


@pytest.mark.leak("L17", "H34")
def test_nobody_sends_raw_packets(sandbox):
    """Not even root."""
    bounding = sandbox.sh("sed -n 's/^CapBnd:\t//p' /proc/self/status").stdout
    assert not int(bounding, 16) >> NET_RAW & 1


def test_only_the_workspace_is_mounted(project, sandbox):
    mounts = sandbox.details["Mounts"]
    assert {mount["Source"] for mount in mounts if mount["Type"] == "bind"} == {
        str(project.folder), str(project.folder / ".devcontainer")}
    assert sandbox.details["HostConfig"]["NetworkMode"] == "bridge"


@pytest.mark.leak("L20")
@pytest.mark.parametrize("user", [USER, "root"])
def test_what_the_next_container_is_made_from_cannot_be_edited(project, sandbox, user):
    inside = f"/workspaces/{project.name}"
    assert sandbox.sh(f"echo x > {inside}/by-{user}", user=user).returncode == 0
    for attempt in ("echo '{}' > .devcontainer/devcontainer.json", "touch .devcontainer/new",
                    "rm -rf .devcontainer/egressd", "mv .devcontainer elsewhere",
                    "mv ../*/ ../elsewhere"):
        refused = sandbox.sh(f"cd {inside} && {attempt}", user=user, check=False)
        assert refused.returncode, attempt
    assert "templateOption" not in (project.folder / ".devcontainer/devcontainer.json").read_text()
    assert (project.folder / ".devcontainer/egressd/install.sh").exists()


def test_what_agents_and_shells_remember_outlives_a_rebuild(project, sandbox):
    for name in KEPT:
        sandbox.sh(f"echo mine > /home/{USER}/{name}/note", user=USER)
    sandbox.sh(f"echo gone > /home/{USER}/note", user=USER)
    shell = project.exec("bash", "-ic", "history -s what-was-typed; eval \"$PROMPT_COMMAND\"")
    assert shell.returncode == 0, shell.stderr
    rebuilt = project.must_up("--remove-existing-container")
    for name in KEPT:
        assert rebuilt.run("cat", f"/home/{USER}/{name}/note", user=USER).stdout == "mine\n"
    assert rebuilt.run("ls", f"/home/{USER}/note", check=False).returncode
    assert "what-was-typed" in project.exec("sh", "-c", "cat $HISTFILE").stdout


@pytest.fixture
def up_as(world):
    """devcontainer up, run by somebody who is not root and whom the machine knows."""
    passwd = world.folder / "passwd"

    def up(project, uid):
        passwd.write_text(f"root:x:0:0::/root:/bin/sh\nsomebody:x:{uid}:{uid}::/:/bin/sh\n")
        done = world.engine.run(
            ["unshare", "--mount", "sh", "-euc", f'mount --bind {passwd} /etc/passwd; exec "$@"', "sh",
             "setpriv", f"--reuid={uid}", "--inh-caps=+dac_override", "--ambient-caps=+dac_override",
             *world.devcontainer, "up", "--workspace-folder", project.folder])
        assert done.returncode == 0, done.stderr
        return Container(world.engine, json.loads(done.stdout.splitlines()[-1])["containerId"])

    return up


def test_a_developer_of_another_uid_who_only_listens(new_project, up_as):
    """The CLI gives the user of the image the developer's uid; the volumes follow."""
    uid = 4321
    project = new_project("listens", "agent-sandbox",
                          options={**OPTIONS, "hosts": "", "mode": "audit"})
    hand_over(project, uid)
    container = up_as(project, uid)
    assert container.run("id", "-u", user=USER).stdout == f"{uid}\n"
    for name in KEPT:
        container.run("touch", f"/home/{USER}/{name}/note", user=USER)
    assert "auditing" in container.ctl("status", user=USER).stdout
