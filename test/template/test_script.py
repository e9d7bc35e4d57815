"""The script `sandbox`: one command to a shell, and an agent that edits what the container is made
from gains nothing by it. The edits are made as from where nothing is mounted read-only."""

import os

import pytest

from developer import OPTIONS, USER, hand_over, sandbox
from lab.lab import ALLOWED, EVIL
from lab.waiting import wait_until
from probes import assert_enforcing, assert_reaches, assert_refuses
from sidecar import make_project

CONFIG = ".devcontainer/devcontainer.json"
NOTHING_DONE = 1


@pytest.fixture(scope="module")
def project(new_project):
    project = new_project("script", "agent-sandbox", options=OPTIONS)
    hand_over(project)
    return project


@pytest.fixture
def edited(project):
    """What stands in .devcontainer by the end of a test is undone."""
    before = (project.folder / CONFIG).read_text()

    def edit(old, new):
        path = project.folder / CONFIG
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    yield edit
    project.write(CONFIG, before)


def made(project):
    """The id of the container."""
    container, = project.containers()
    return container.details["Id"]


def typed(world, project, *argv, answer=""):
    done = sandbox(world, project, *argv, typed=answer)
    return done.returncode, done.stdout, done.stderr


def test_one_command_leads_to_a_shell_in_a_new_container(world, project):
    code, said, log = typed(world, project, "shell", answer="id -un; pwd; exit 3\n")
    assert (code, said) == (3, f"{USER}\n/workspaces/{project.name}\n"), log
    container, = project.containers()
    assert_enforcing(container, user=USER)
    assert_reaches(container, ALLOWED, user=USER)
    assert_refuses(world, container, user=USER)


def test_commands_options_and_exit_codes_pass(world, project):
    assert typed(world, project, "shell", "printf", "%s|", "--help", "a b", "")[1] == "--help|a b||"
    assert typed(world, project, "shell", "false")[0] == 1
    assert typed(world, project)[0] == typed(world, project, "explode")[0] == 64


def test_stop_and_start(world, project):
    before = made(project)
    assert typed(world, project, "stop")[0] == 0
    assert not any(container.is_running for container in project.containers())
    assert typed(world, project, "start")[0] == 0
    container, = project.containers()
    assert made(project) == before and container.is_running
    assert_enforcing(container)


@pytest.mark.leak("L20")
def test_an_edit_gains_nothing_and_a_rebuild_shows_it(world, project, edited):
    before, owned = made(project), world.folder / "owned"
    edited(f'"remoteUser": "{USER}"', f'"remoteUser": "root", "initializeCommand": "touch {owned}"')
    edited('"allow": []', f'"allow": ["{EVIL}"]')
    code, said, log = typed(world, project, "shell", "id", "-un")
    assert (code, said) == (0, f"{USER}\n") and "counts from the next rebuild" in log
    assert project.exec("id", "-un").stdout == "root\n"  # the CLI alone believes the file at once
    code, said, log = typed(world, project, "rebuild", answer="n\n")
    assert code == NOTHING_DONE and made(project) == before
    assert f'+            "allow": ["{EVIL}"]' in said
    assert f'-    "remoteUser": "{USER}"' in said and '+    "remoteUser": "root", ' in said
    assert said.startswith("pending: ") and f"+ allow {EVIL}" in said, said
    container, = project.containers()
    assert_refuses(world, container, user=USER)  # it is awake again
    assert typed(world, project, "stop")[0] == 0
    code, _, log = typed(world, project, "start")
    assert code == NOTHING_DONE and "sandbox rebuild" in log
    assert not any(container.is_running for container in project.containers())
    assert not owned.exists()


@pytest.mark.leak("L20")
def test_nobody_inside_acts_while_the_question_is_open(world, project, edited):
    assert typed(world, project, "start")[0] == 0
    edited('"allow": []', f'"allow": ["{EVIL}"]')
    paused = f'docker inspect --format "{{{{.State.Paused}}}}" {made(project)}'
    answer = f'until [ "$({paused})" = true ]; do sleep 0.1; done; echo n'
    done = world.engine.run(["sh", "-c", f'cd "$1"; ({answer}) | .devcontainer/sandbox rebuild', "sh",
                             project.folder])
    assert done.returncode == NOTHING_DONE and "[y/N]" in done.stderr, done.stderr
    assert world.engine.run(["sh", "-c", paused]).stdout == "false\n"


@pytest.mark.leak("L20")
def test_a_project_that_an_agent_makes_within_its_own_is_not_taken_for_one(world, project):
    assert typed(world, project, "start")[0] == 0
    owned = world.folder / "owned-within"
    project.write(f"trap/{CONFIG}", {"image": "debian:12", "initializeCommand": f"touch {owned}"})
    done = world.engine.run(["sh", "-c", 'cd "$1/trap" && exec ../.devcontainer/sandbox shell pwd', "sh",
                             project.folder])
    assert done.stdout == f"/workspaces/{project.name}\n", done.stderr
    assert not owned.exists()


@pytest.mark.leak("L20")
@pytest.mark.parametrize("name, what", [
    ("link", "neither file nor folder"), ("pipe", "neither file nor folder"),
    ("control", "of a name that cannot be shown"), ("huge", "too big")])
def test_what_cannot_be_shown_is_not_adopted(world, project, name, what):
    before = made(project)
    path = project.folder / ".devcontainer" / {"control": "a\x1b[2K\nb"}.get(name, name)
    {"link": lambda: path.symlink_to("/etc/passwd"), "pipe": lambda: os.mkfifo(path),
     "control": path.touch,
     "huge": lambda: path.touch() or os.truncate(path, 1 << 40)}[name]()
    try:
        code, said, log = typed(world, project, "rebuild", answer="y\n")
        assert code == NOTHING_DONE and what in log
        assert "\x1b" not in said + log and made(project) == before
    finally:
        path.unlink()


@pytest.mark.leak("L20")
def test_a_difference_does_not_drive_the_terminal(world, project, edited):
    edited('"allow": []', '"allow": ["\x1b[2K\x1b[1A\r\u202e\x9b31m"]')
    code, said, log = typed(world, project, "rebuild")
    assert code == NOTHING_DONE and '"allow": ["^[[2K^[[1A^M' in said
    assert all(32 <= ord(letter) < 127 or letter in "\n\t" for letter in said + log)


@pytest.mark.leak("L20")
def test_a_nul_byte_hides_no_difference(world, project, edited):
    """diff takes such a file for none of text; the CLI reads it all the same."""
    edited('"allow": []', f'/* \0 */ "allow": ["{EVIL}"]')
    code, said, _ = typed(world, project, "rebuild")
    assert code == NOTHING_DONE and f'"allow": ["{EVIL}"]' in said


def test_a_rebuild_that_is_agreed_to_adopts_it(world, project, edited):
    before = made(project)
    edited('"allow": []', f'"allow": ["{EVIL}"]')
    code, _, log = typed(world, project, "rebuild", answer="y\n")
    assert code == 0, log
    assert made(project) != before
    container, = project.containers()
    assert_reaches(container, EVIL, user=USER)
    assert "has changed" not in typed(world, project, "shell", "true")[2]


def test_a_container_made_by_something_else_is_left_alone(world, project):
    """As when an editor rebuilt it: what it was made from is not known to the script."""
    project.must_up("--remove-existing-container")
    code, _, log = typed(world, project, "shell", "true")
    assert code == NOTHING_DONE and "made by something else" in log


def test_it_does_for_the_sidecar_too(world, new_project):
    """What has changed is made anew there: the dev container, and egressd with its policy."""
    project = make_project(world, new_project, "script-sidecar")
    hand_over(project)
    project.write(".env", "COMPOSE_PROJECT_NAME=somebody-elses\n")  # as an agent may
    assert typed(world, project, "shell", "id", "-un")[1] == f"{USER}\n"
    before = {container.details["Id"] for container in project.containers()}
    config = (project.folder / CONFIG).read_text()
    project.write(CONFIG, config.replace('"@vscode"', f'"@vscode", "{EVIL}"'))
    dev = project.service("dev")
    wait_until(lambda: f"+ allow {EVIL}" in dev.ctl("status").stdout, "pending")
    code, said, log = typed(world, project, "rebuild", answer="y\n")
    assert code == 0, log
    assert said.startswith("pending: ") and f"+ allow {EVIL}" in said, said
    assert project.network in world.engine.docker("network", "ls").stdout
    kept = before & {container.details["Id"] for container in project.containers()}
    assert len(kept) == 1  # the database
    assert typed(world, project, "shell", "curl", "-sS", f"http://{EVIL}/")[0] == 0
    assert typed(world, project, "stop")[0] == 0
    assert not any(container.is_running for container in project.containers())
