"""What a release publishes, taken from a registry as people take it: cmake/publish.sh, then the real CLI."""

import gzip
import io
import json
import platform
import shutil
import struct
import subprocess
import tarfile

import pytest

from engine.registry import ADDRESS, ROOT, Registry
from engine.workspace import ComposeWorkspace, Workspace
from engine.world import binary
from lab.lab import ALLOWED
from probes import assert_enforcing, assert_open, assert_reaches, assert_refuses, config
from sidecar import OPTIONS as SIDECAR_OPTIONS
from sidecar import enable_ipv6, make_images

USER = "dev"
NAMESPACE = "owner/egressd"
PLACE = f"{ADDRESS}/{NAMESPACE}"
FEATURE = f"{PLACE}/egressd:0"
TEMPLATES = sorted(path.parent.name
                   for path in ROOT.glob("devcontainer-template/*/devcontainer-template.json"))
ELF_MACHINE = {"x86_64": 62, "aarch64": 183}
NEXT_VERSION = "0.999.0"
ARM64 = ROOT / "build/release-arm64/egressd"


@pytest.fixture(scope="module")
def binaries(tmp_path_factory):
    """As cmake/release.sh leaves them, and a workflow's artifact, which keeps no modes."""
    folder = tmp_path_factory.mktemp("binaries")
    for architecture, file in (("x86_64", binary()), ("aarch64", ARM64)):
        if file.exists():
            shutil.copyfile(file, folder / f"egressd-{architecture}")
    return folder


@pytest.fixture
def both_architectures():
    if not ARM64.exists():
        pytest.skip("no binary for arm64: test/run arm64 builds it")


@pytest.fixture(scope="module")
def registry(world):
    registry = Registry(world.engine)
    yield registry
    registry.close()


@pytest.fixture(scope="module")
def published(registry, binaries):
    return registry.publish(NAMESPACE, binaries)


@pytest.fixture(scope="module")
def new_empty_project(world, to_remove):
    def make(name, kind=Workspace):
        project = kind(world, name)
        to_remove.append(project)
        shutil.rmtree(project.folder / ".devcontainer")
        assert not any(project.folder.iterdir())
        return project

    return make


def apply(world, project, template, options):
    done = world.cli("templates", "apply", "--workspace-folder", project.folder,
                     "--template-id", f"{PLACE}/templates/{template}:0",
                     "--template-args", json.dumps(options))
    assert done.returncode == 0, done.stderr


def assert_holds(world, container, user="root"):
    assert_enforcing(container, user=user)
    assert_reaches(container, ALLOWED, user=user)
    assert_refuses(world, container, user=user)
    bare = world.bare("debian:12")
    assert_open(world, bare)
    bare.remove()


def test_all_is_published_and_what_is_said_of_it_is_so(registry, published):
    names = {"sidecar", "egressd", *(f"templates/{template}" for template in TEMPLATES)}
    assert published.keys() == {f"{PLACE}/{name}" for name in names}
    for name in names:
        for tag in ("0", "latest"):
            assert registry.manifest(f"{NAMESPACE}/{name}", tag)[0] == published[f"{PLACE}/{name}"]


def test_publishing_again_changes_nothing(registry, published, binaries):
    assert registry.publish(NAMESPACE, binaries) == published


def test_the_feature_has_a_binary_for_each_architecture(registry, published, both_architectures):
    layer, = registry.manifest(f"{NAMESPACE}/egressd", "0")[1]["layers"]
    with tarfile.open(fileobj=io.BytesIO(registry.blob(f"{NAMESPACE}/egressd", layer["digest"]))) as package:
        for architecture, machine in ELF_MACHINE.items():
            program = gzip.decompress(package.extractfile(f"./bin/egressd-{architecture}.gz").read())
            assert program[:4] == b"\x7fELF"
            assert struct.unpack_from("<H", program, 18)[0] == machine


def test_the_image_is_for_each_architecture(registry, published, both_architectures):
    images = registry.manifest(f"{NAMESPACE}/sidecar", "0")[1]["manifests"]
    assert {(image["platform"]["os"], image["platform"]["architecture"]) for image in images} == {
        ("linux", "amd64"), ("linux", "arm64")}


def test_a_template_is_applied_and_holds(world, published, new_empty_project):
    project = new_empty_project("applied")
    apply(world, project, "agent-sandbox", {"image": "debian:12", "user": USER, "hosts": ALLOWED,
                                            "port": str(world.new_port())})
    assert FEATURE in (project.folder / ".devcontainer/devcontainer.json").read_text()
    assert_holds(world, project.must_up(), USER)


def layers_of(registry, name):
    """Of the image for this machine."""
    _, images = registry.manifest(name, "0")
    here = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    digest, = (image["digest"] for image in images["manifests"]
               if image["platform"]["architecture"] == here)
    _, manifest = registry.manifest(name, digest)
    settings = json.loads(registry.blob(name, manifest["config"]["digest"]))
    return settings["rootfs"]["diff_ids"]


def test_the_sidecar_template_is_applied_and_holds_root(world, registry, published,
                                                        new_empty_project):
    """Its egressd is the published image: nothing of that name was here."""
    image = f"{PLACE}/sidecar:0"
    assert world.engine.docker("image", "inspect", image, check=False).returncode != 0
    make_images(world)
    project = new_empty_project("applied-sidecar", ComposeWorkspace)
    apply(world, project, "agent-sandbox-sidecar", {**SIDECAR_OPTIONS, "port": str(world.new_port())})
    enable_ipv6(world, project)
    project.must_up()
    base = layers_of(registry, f"{NAMESPACE}/sidecar")
    made_of = world.engine.inspect(project.service("egressd").details["Image"])["RootFS"]["Layers"]
    assert base and made_of[:len(base)] == base
    assert_holds(world, project.service("dev"))


def publish_next_version(world, registry):
    """Of the Feature alone: what the tag 0 leads to from then on."""
    stage = world.folder / "next"
    shutil.copytree(world.stage / "src", stage)
    metadata = stage / "egressd/devcontainer-feature.json"
    described = json.loads(metadata.read_text())
    described["version"] = NEXT_VERSION
    metadata.write_text(json.dumps(described))
    done = world.cli("features", "publish", "--registry", ADDRESS, "--namespace", NAMESPACE, stage)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(stage)


def test_what_is_locked_is_what_is_installed(world, registry, published, new_empty_project):
    """A devcontainer.json by hand. Another version under the same tag changes nothing in it."""
    project = new_empty_project("locked")
    project.write(".devcontainer/devcontainer.json", {**config(), "features": {FEATURE: {}}})
    assert_holds(world, project.must_up())
    lock = project.folder / ".devcontainer/devcontainer-lock.json"
    locked = lock.read_text()
    digest = published[f"{PLACE}/egressd"]
    assert json.loads(locked)["features"][FEATURE]["resolved"] == f"{PLACE}/egressd@{digest}"

    publish_next_version(world, registry)
    assert registry.manifest(f"{NAMESPACE}/egressd", "0")[0] != digest
    assert_holds(world, project.must_up("--remove-existing-container", "--frozen-lockfile"))
    assert lock.read_text() == locked

    lock.unlink()
    project.must_up("--remove-existing-container", "--build-no-cache")
    assert json.loads(lock.read_text())["features"][FEATURE]["version"] == NEXT_VERSION


@pytest.fixture
def tree(tmp_path):
    """What release-notes.sh reads, of a version that is out."""
    (tmp_path / "cmake").mkdir()
    shutil.copy(ROOT / "cmake/release-notes.sh", tmp_path / "cmake")
    (tmp_path / "CMakeLists.txt").write_text("project(egressd VERSION 1.2.3 LANGUAGES C)\n")
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.3 (2026-01-02)\n\n- New.\n\n"
                                           "## 1.2 (2026-01-01)\n\n- Old.\n")
    return tmp_path


def notes(tree, tag):
    return subprocess.run([tree / "cmake/release-notes.sh", tag], capture_output=True, text=True)


def test_notes_of_a_release(tree):
    done = notes(tree, "v1.2.3")
    assert (done.returncode, done.stdout.strip()) == (0, "- New."), done.stderr


@pytest.mark.parametrize("tag, heading", [("v1.2.4", "## 1.2.3 (2026-01-02)"), ("1.2.3", "## 1.2.3 (2026-01-02)"),
                                          ("v1.2.3", "## 1.2.3 (unreleased)"), ("v1.2.3", "## 1.2.30 (2026-01-02)")])
def test_a_tag_that_is_not_this_version_is_no_release(tree, tag, heading):
    (tree / "CHANGELOG.md").write_text(f"# Changelog\n\n{heading}\n\n- New.\n")
    done = notes(tree, tag)
    assert done.returncode == 1 and not done.stdout and done.stderr
