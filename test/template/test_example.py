"""The example of the template, in a browser on the developer's machine: what a person comes to see."""

import pathlib
import tempfile

import pytest

from developer import OPTIONS, USER
from engine.world import ROOT
from lab.browser import Browser
from lab.lab import ALLOWED, EVIL
from lab.waiting import wait_until
from probes import assert_unseen

URLS = [f"http://{ALLOWED}/", f"http://{EVIL}/"]
SERVE = ["python3", "example/app.py", *URLS]


@pytest.fixture(scope="module")
def port(world):
    return world.new_port()


@pytest.fixture(scope="module")
def container(new_project, port):
    project = new_project("example", "agent-sandbox", options={**OPTIONS, "port": port})
    return project.must_up()


@pytest.fixture
def serve(world):
    """Starts the app in a container, as its user, and waits until it serves."""
    def start(container, folder):
        world.engine.docker("exec", "--detach", "--user", USER, "--workdir", folder, container.name,
                            *SERVE)
        wait_until(lambda: container.curl("http://127.0.0.1:3000/", user=USER), "the app")

    return start


def look(world, port):
    """State, words and explanation of each call, as the page shows them."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=world.folder))
    folder.chmod(0o755)
    with Browser(world.machine, folder) as browser:
        browser.open(f"http://localhost:{port}/")
        shown = {name: browser.text(f"#{name}") for name in ("allowed", "refused")}
        assert not browser.complaints()
        return shown


def test_a_person_sees_one_answer_and_one_refusal(world, container, port, serve):
    serve(container, "/workspaces/example")
    world.forget()
    shown = look(world, port)
    assert "answered after" in shown["allowed"] and f"200 http {ALLOWED} at" in shown["allowed"]
    assert "refused after" in shown["refused"]
    assert f"{EVIL}" in shown["refused"] and "refused" in shown["refused"].split("ms:")[1]
    assert_unseen(world)


def test_the_page_tells_when_nothing_is_refused(world, serve):
    """The same app where egressd is not."""
    port = world.new_port()
    bare = world.bare("debian:12", f"--publish=127.0.0.1:{port}:3000")
    try:
        world.engine.docker("cp", ROOT / "devcontainer-template/shared/example", f"{bare.name}:/tmp/")
        serve(bare, "/tmp")
        shown = look(world, port)
        assert all("answered after" in part for part in shown.values()), shown
    finally:
        bare.remove()
