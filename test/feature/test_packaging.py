"""What is published: the metadata, the stage, the package, and what an image gains."""

import json
import pathlib
import platform
import re
import tarfile

import jsonschema
import pytest

from engine.world import ROOT
from probes import config

SCHEMA = pathlib.Path(__file__).with_name("schema") / "devContainerFeature.schema.json"
METADATA = ROOT / "feature/egressd/devcontainer-feature.json"
MIB = 1 << 20


def test_metadata_is_what_the_schema_says():
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.Draft7Validator(schema).validate(json.loads(METADATA.read_text()))


def test_metadata_has_the_projects_version():
    version = re.search(r"project\(egressd VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())
    assert json.loads(METADATA.read_text())["version"] == version[1]


def test_options_are_named_in_the_notes():
    notes = (ROOT / "feature/egressd/NOTES.md").read_text()
    for option in json.loads(METADATA.read_text())["options"]:
        assert f"`{option}`" in notes, option


def test_package(world):
    done = world.cli("features", "package", world.stage / "src", "-o", world.folder / "out", "-f")
    assert done.returncode == 0, done.stdout + done.stderr
    with tarfile.open(world.folder / "out/devcontainer-feature-egressd.tgz") as package:
        names = {pathlib.PurePath(name).as_posix() for name in package.getnames()}
    assert {"devcontainer-feature.json", "install.sh", "entrypoint.sh", "wait.sh",
            "egressd.schema.json", "devcontainer.schema.json"} <= names
    assert f"bin/egressd-{platform.machine()}.gz" in names


@pytest.fixture
def cut_off(world):
    world.cut_cable()
    yield
    world.mend_cable()


def test_an_image_needs_no_network_and_gains_little(world, new_workspace, cut_off):
    workspace = new_workspace("image", config())
    done = world.cli("build", "--workspace-folder", workspace.folder, "--image-name", "built:1")
    assert done.returncode == 0, done.stderr
    gained = world.engine.inspect("built:1")["Size"] - world.engine.inspect("debian:12")["Size"]
    print(f"the image gains {gained / MIB:.2f} MiB")
    assert gained < 3 * MIB


def test_the_cable_is_mended(world):
    """The test above must not make others pass for the wrong reason."""
    bare = world.bare("debian:12")
    assert bare.curl("http://203.0.113.99/") and bare.curl("http://[2001:db8:a::99]/")
    bare.remove()


@pytest.mark.parametrize("options", [
    ["--base-image", "debian:12"],
    ["--base-image", "debian:12", "--remote-user", "dev", "--skip-scenarios"],
    ["--base-image", "busybox:musl", "--skip-scenarios"]], ids=["debian", "user", "busybox"])
def test_features_test(world, options):
    done = world.cli("features", "test", "--project-folder", world.stage, "--features", "egressd",
                     *options)
    failed = [line for line in (done.stdout + done.stderr).splitlines() if "fail" in line.lower()]
    assert done.returncode == 0 and "Passed:" in done.stdout, "\n".join(failed)


def test_how_much_longer_a_start_takes(world, new_workspace):
    """Reported, not judged: a busy machine must not fail it. The target is one second."""
    seconds = {}
    for name, settings in (("with", config()), ("without", {"image": "debian:12"})):
        workspace = new_workspace(f"timed-{name}", settings)
        workspace.must_up()
        taken = []
        for _ in range(3):
            container, = workspace.containers()
            world.engine.docker("stop", "--time", "1", container.name)
            came = workspace.up()
            assert came.ok
            taken.append(came.seconds)
        seconds[name] = sorted(taken)[1]
    print("up of a stopped container: "
          + ", ".join(f"{value:.2f} s {name} egressd" for name, value in seconds.items()))
