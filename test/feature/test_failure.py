"""Where nothing can be enforced: the container stops and says why, or warns and says so."""

import pytest

from probes import FEATURE, assert_open, assert_refuses

# A platform that does not grant what a Feature asks for.
STINGY_DOCKER = """#!/bin/sh
for argument; do
    shift
    [ "$argument" != NET_ADMIN ] || argument=CHOWN
    set -- "$@" "$argument"
done
exec docker "$@"
"""


@pytest.fixture(scope="module")
def stingy(world):
    path = world.folder / "stingy-docker"
    path.write_text(STINGY_DOCKER)
    path.chmod(0o755)
    return ["--docker-path", path]


def settings(on_failure, **properties):
    return {**FEATURE, "image": "debian:12",
            "features": {"./egressd": {"onFailure": on_failure}}, **properties}


@pytest.mark.parametrize("user", ["root", "dev"])
def test_without_the_capability_the_container_stops(new_workspace, stingy, user):
    workspace = new_workspace(f"stop-{user}", settings(
        "stop", containerUser=user, onCreateCommand="echo user-hook-$((6 * 7))"))
    came = workspace.up(*stingy)
    assert not came.ok
    assert "user-hook-42" not in came.output
    container, = workspace.containers()
    assert not container.is_running
    for log in (container.logs(), came.output):
        assert "NET_ADMIN" in log and "capAdd" in log, log
        assert "stopping the container" in log


@pytest.mark.parametrize("user", ["root", "dev"])
def test_or_warns_and_never_says_protected(world, new_workspace, stingy, user):
    workspace = new_workspace(f"warn-{user}", settings(
        "warn", containerUser=user, onCreateCommand="echo user-hook-$((6 * 7))"))
    came = workspace.up(*stingy)
    assert came.ok, came.end
    assert "NOT PROTECTED" in came.output and "user-hook-42" in came.output
    container = workspace.containers()[0]
    assert "NET_ADMIN" in container.logs()
    assert container.ctl("wait", "--timeout", "1", user=user).returncode != 0
    assert container.ctl("status", user=user).returncode != 0
    assert_open(world, container)


@pytest.fixture
def host_workspace(world, new_workspace):
    workspace = new_workspace("host", settings("stop", runArgs=["--network=host"]))
    yield workspace
    workspace.remove()
    world.engine.run(["nft", "delete", "table", "inet", "egressd"])  # if it was wrong, here only


def test_the_hosts_network_is_not_touched(world, host_workspace):
    """Rules for everybody on the machine are nobody's wish."""
    before = world.engine.run(["nft", "list", "tables"]).stdout
    came = host_workspace.up()
    assert world.engine.run(["nft", "list", "tables"]).stdout == before
    assert not came.ok
    assert "--network=bridge" in host_workspace.last_words()


def test_the_rest_of_the_start_is_as_it_was(world, new_workspace):
    """Ours is one line of a script: other Features have lines in it, and the image its command."""
    files = {
        ".devcontainer/other/devcontainer-feature.json": {
            "id": "other", "version": "1.0.0", "name": "other",
            "entrypoint": "touch /tmp/other-entrypoint-ran"},
        ".devcontainer/other/install.sh": "#!/bin/sh\n",
        ".devcontainer/Dockerfile":
            'FROM debian:12\nCMD ["sh", "-c", "touch /tmp/command-ran; exec sleep infinity"]\n'}
    workspace = new_workspace("others", {
        **FEATURE, "build": {"dockerfile": "Dockerfile"}, "overrideCommand": False,
        "features": {"./egressd": {}, "./other": {}},
        "overrideFeatureInstallOrder": ["./egressd", "./other"]}, files)
    container = workspace.must_up()
    for file in ("other-entrypoint-ran", "command-ran"):
        assert container.run("test", "-e", f"/tmp/{file}", check=False).returncode == 0, file
    assert_refuses(world, container)
