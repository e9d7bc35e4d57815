"""Nothing of the user's runs before egressd enforces, and nothing at all on a broken policy."""

import pytest

from lab.lab import ALLOWED, EVIL, EVIL_V4
from lab.waiting import wait_until
from probes import FEATURE, assert_refuses, assert_unseen, config

TRY = f"curl -sS -m 30 http://{EVIL_V4}/ http://{EVIL}/; echo user-hook-got=$?"
HOOKS = ("onCreateCommand", "updateContentCommand", "postCreateCommand", "postStartCommand")


def test_every_hook_of_the_user_finds_the_door_closed(world, new_workspace):
    workspace = new_workspace("hooks", config(**{hook: TRY for hook in HOOKS}))
    world.forget()
    came = workspace.up()
    assert came.ok, came.end
    assert came.output.count("user-hook-got=6") == len(HOOKS), came.end
    assert_unseen(world)
    order = [came.output.index(f"Running the {hook} from {whose}")
             for hook in ("onCreateCommand", "postStartCommand")
             for whose in ("Feature './egressd'", "devcontainer.json")]
    assert order == sorted(order)


def test_without_the_feature_the_same_hooks_reach_out(world, new_workspace):
    workspace = new_workspace("hooks-bare", {"image": "debian:12", "onCreateCommand": TRY})
    world.forget()
    came = workspace.up()
    assert came.ok and "user-hook-got=0" in came.output, came.end
    assert world.witness.packets(destination=EVIL_V4)


def test_an_eager_process_never_gets_out_while_the_container_starts(world, new_workspace):
    """Another Feature's entrypoint knocks from the first moment on, and through a restart."""
    files = {
        ".devcontainer/eager/devcontainer-feature.json": {
            "id": "eager", "version": "1.0.0", "name": "eager", "installsAfter": ["./egressd"],
            "entrypoint": "/usr/local/bin/eager"},
        ".devcontainer/eager/install.sh":
            "#!/bin/sh\nprintf '#!/bin/sh\\n(while :; do curl -s -m 1 http://"
            f"{EVIL_V4}/; done) &\\n' > /usr/local/bin/eager\nchmod +x /usr/local/bin/eager\n"}
    settings = config()
    settings["features"] = {"./egressd": {}, "./eager": {}}
    settings["overrideFeatureInstallOrder"] = ["./egressd", "./eager"]
    workspace = new_workspace("eager", settings, files)
    world.forget()
    container = workspace.must_up()
    for _ in range(2):
        world.engine.docker("restart", "--time", "1", container.name)
        workspace.must_up()
    wait_until(lambda: container.processes("curl"), "a knock")
    assert not world.witness.packets(destination=EVIL_V4, tells=True)


def test_vs_codes_way_of_calling_the_cli(world, new_workspace):
    """First without hooks, while VS Code's server is put in and started; then the hooks."""
    workspace = new_workspace("vscode", config(postCreateCommand=TRY))
    world.forget()
    container = workspace.must_up("--skip-post-create")
    assert_refuses(world, container)
    done = world.cli("run-user-commands", "--workspace-folder", workspace.folder)
    assert done.returncode == 0 and "user-hook-got=6" in done.stderr + done.stdout, done.stderr
    assert_unseen(world)


BROKEN = {  # what stands in devcontainer.json, and what the message must name
    "entry": ("""{
    "image": "debian:12", "features": { "./egressd": {} },
    "customizations": { "egressd": {
        "allow": ["%s",
                  "https://nope.example/path"]
    } },
    "onCreateCommand": "echo user-hook-$((6 * 7))"
}""" % ALLOWED, ["devcontainer.json:5:", "https://nope.example/path"]),
    "key": ("""{
    "image": "debian:12", "features": { "./egressd": {} },
    "customizations": { "egressd": {
        "allow": ["%s"],
        "alow": ["other.example"]
    } },
    "onCreateCommand": "echo user-hook-$((6 * 7))"
}""" % ALLOWED, ["devcontainer.json:5:", "alow"]),
    "brace": ("""{
    "image": "debian:12", "features": { "./egressd": {} },
    "customizations": { "egressd": { "allow": ["%s"] } },
    "onCreateCommand": "echo user-hook-$((6 * 7))"
""" % ALLOWED, ["devcontainer.json:"]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_policy_denies_all_and_says_where(world, new_workspace, name):
    """The CLI's own parser is tolerant: it brings up what egressd must refuse to guess."""
    text, named = BROKEN[name]
    workspace = new_workspace(f"broken-{name}", text)
    came = workspace.up()
    assert not came.ok
    for word in named:
        assert word in came.output, came.end
    assert "user-hook-42" not in came.output
    container, = workspace.containers()
    assert container.is_running
    assert not container.curl(f"http://{ALLOWED}/")
    assert_refuses(world, container)
    assert container.ctl("wait", "--timeout", "1").returncode == 78


def test_a_broken_policy_fails_the_hooks_with_warn_as_well(world, new_workspace):
    settings = {**FEATURE, "image": "debian:12",
                "features": {"./egressd": {"onFailure": "warn"}},
                "customizations": {"egressd": {"allow": ["no spaces.example"]}}}
    workspace = new_workspace("broken-warn", settings)
    assert not workspace.up().ok
    assert_refuses(world, workspace.containers()[0])
