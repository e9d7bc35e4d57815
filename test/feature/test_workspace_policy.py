"""Which devcontainer.json counts, and what an edit of it does."""

import json

from lab.lab import ALLOWED, EVIL
from lab.dns_zone import Rotation
from lab.waiting import wait_until
from probes import assert_reaches, assert_refuses, config

OTHER, OTHER_V4 = "other.test", "203.0.113.20"


def candidate(*allow):
    return {"image": "debian:12", "features": {"../egressd": {}},
            "customizations": {"egressd": {"allow": list(allow)}}}


def test_the_one_that_the_container_was_made_from(world, new_workspace):
    """The id that the CLI computed over its path tells which."""
    world.zone.host(OTHER, OTHER_V4, "2001:db8:a::20")
    workspace = new_workspace("several", files={
        ".devcontainer/first/devcontainer.json": candidate(OTHER),
        ".devcontainer/second/devcontainer.json": candidate(ALLOWED)})
    container = workspace.must_up(config=".devcontainer/second/devcontainer.json")
    assert_reaches(container, ALLOWED)
    assert not container.curl(f"http://{OTHER}/")
    assert_refuses(world, container)
    assert ".devcontainer/second/devcontainer.json" in container.ctl("status").stdout


def test_the_option_names_it(new_workspace):
    settings = candidate(OTHER)
    settings["features"] = {"../egressd": {"config": ".devcontainer/second/devcontainer.json"}}
    workspace = new_workspace("named", files={
        ".devcontainer/first/devcontainer.json": settings,
        ".devcontainer/second/devcontainer.json": candidate(ALLOWED)})
    container = workspace.must_up(config=".devcontainer/first/devcontainer.json")
    assert container.curl(f"http://{ALLOWED}/")
    assert not container.curl(f"http://{OTHER}/")


def test_options_and_workspace_add_up_and_deny_wins(world, new_workspace):
    world.zone.host(OTHER, OTHER_V4, "2001:db8:a::20")
    settings = config(allow=[EVIL])
    settings["features"] = {"./egressd": {"allow": OTHER, "deny": EVIL}}
    container = new_workspace("union", settings).must_up()
    assert_reaches(container, ALLOWED)
    assert_reaches(container, OTHER)
    assert_refuses(world, container)


def test_ignore_takes_the_options_only(world, new_workspace):
    world.zone.host(OTHER, OTHER_V4, "2001:db8:a::20")
    settings = config()
    settings["features"] = {"./egressd": {"allow": OTHER, "workspacePolicy": "ignore"}}
    container = new_workspace("ignore", settings).must_up()
    assert_reaches(container, OTHER)
    assert not container.curl(f"http://{ALLOWED}/")


def test_an_organisations_drop_in_counts_too(world, new_workspace):
    """A base image brings /etc/egressd/policy.d along."""
    world.zone.host(OTHER, OTHER_V4, "2001:db8:a::20")
    settings = config(build={"dockerfile": "Dockerfile"})
    del settings["image"]
    workspace = new_workspace("dropin", settings, {
        ".devcontainer/Dockerfile":
            "FROM debian:12\nCOPY house.json /etc/egressd/policy.d/house.json\n",
        ".devcontainer/house.json": {"allow": [OTHER]}})
    container = workspace.must_up()
    assert_reaches(container, ALLOWED)
    assert_reaches(container, OTHER)


def test_an_image_that_was_built_before(world, new_workspace):
    """The Feature is in the image, its options too; who uses it need not know."""
    world.zone.host(OTHER, OTHER_V4, "2001:db8:a::20")
    settings = {"image": "debian:12", "features": {"./egressd": {"allow": OTHER}}}
    built = world.cli("build", "--workspace-folder", new_workspace("prebuild", settings).folder,
                      "--image-name", "prebuilt:1")
    assert built.returncode == 0, built.stderr
    container = new_workspace("consumer", {
        "image": "prebuilt:1", "customizations": {"egressd": {"allow": [ALLOWED]}}}).must_up()
    assert_reaches(container, OTHER)
    assert_reaches(container, ALLOWED)
    assert_refuses(world, container)


def test_an_image_made_of_a_container_brings_its_pin_along(world, new_workspace):
    """Committed, with what it remembers: a policy is adopted by a person then too, or not at all."""
    first = new_workspace("committed", config()).must_up()
    world.engine.docker("commit", first.name, "committed:1")
    second = new_workspace("of-committed", {
        "image": "committed:1", "customizations": {"egressd": {"allow": [EVIL]}}}).must_up()
    assert_reaches(second, ALLOWED)
    assert_refuses(world, second)
    assert f"+ allow {EVIL}" in second.ctl("status").stdout


def test_an_edit_changes_nothing_until_root_applies_it(world, new_workspace):
    """The workspace is writable by whatever runs in the container."""
    workspace = new_workspace("edited", config(remoteUser="dev"))
    container = workspace.must_up()
    edited = json.dumps(config(allow=[EVIL], remoteUser="dev"), indent=4)
    workspace.write(".devcontainer/devcontainer.json", edited)
    assert EVIL in container.sh("cat /workspaces/edited/.devcontainer/devcontainer.json").stdout
    assert_refuses(world, container, user="dev")
    for command in ("apply", "reload"):
        assert container.ctl(command, user="dev").returncode == 77
    assert_refuses(world, container, user="dev")
    applied = container.ctl("apply")
    assert applied.returncode == 0, applied.stderr
    wait_until(lambda: container.curl(f"http://{EVIL}/", user="dev"), "the new policy")
    assert_reaches(container, ALLOWED)


def test_addresses_rotate_and_names_keep_working(world, new_workspace):
    world.zone.host("turning.test", Rotation("203.0.113.128/25"), Rotation("2001:db8:77::/64"),
                    ttl=0)
    container = new_workspace("turning", config(allow=["turning.test"])).must_up()
    done = container.sh("for i in $(seq 200); do for f in 4 6; do curl -sS -$f -o /dev/null "
                        "-m 30 http://turning.test/ || echo failed; done; done")
    assert done.stdout == "" and done.stderr == ""
    came = {visit.destination for visit in world.servers.came(protocol="http", host="turning.test")}
    assert len(came) > 100
