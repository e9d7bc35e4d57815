"""install.sh by itself, under dash and under busybox ash, in containers without any network."""

import json
import pathlib
import platform
import shlex

import pytest

from engine.container import Container

FEATURE = "/tmp/feature"


@pytest.fixture(scope="module", params=["debian:12", "busybox:musl"])
def image(request, world):
    """The base image with the Feature's folder in it."""
    name = f"feature-{request.param.replace(':', '-')}"
    (world.folder / "Dockerfile").write_text(f"FROM {request.param}\nCOPY egressd {FEATURE}\n")
    world.engine.docker("build", "--tag", name, "--file", world.folder / "Dockerfile",
                        world.stage / "src")
    return name


@pytest.fixture
def machine(world, image):
    engine = world.engine
    name = engine.docker("run", "--detach", "--network=none", image, "sleep", "infinity").stdout.strip()
    container = Container(engine, name)
    yield container
    container.remove()


def install(machine, user="root", **options):
    """Runs install.sh as the devcontainer CLI does: with the options as variables."""
    settings = [f"{name}={shlex.quote(value)}" for name, value in options.items()]
    return machine.sh(f"cd {FEATURE} && env {' '.join(settings)} ./install.sh", user=user,
                      check=False)


def policy(machine):
    return json.loads(machine.run("cat", "/etc/egressd/policy.json").stdout)


def test_no_options(machine):
    done = install(machine)
    assert done.returncode == 0, done.stderr
    assert policy(machine) == {"allow": [], "deny": []}
    settings = json.loads(machine.run("cat", "/etc/egressd/feature.json").stdout)
    assert settings == {"workspacePolicy": "pin", "config": "", "onFailure": "stop"}


def test_options_become_a_policy(machine):
    done = install(machine, ALLOW=" api.example.com ,*.cdn.example.com:443,,[2001:db8::7]:8443",
                   DENY="gist.example.com", WORKSPACEPOLICY="ignore", ONFAILURE="warn",
                   CONFIG=".devcontainer/a b/devcontainer.json")
    assert done.returncode == 0, done.stderr
    assert policy(machine) == {
        "allow": ["api.example.com", "*.cdn.example.com:443", "[2001:db8::7]:8443"],
        "deny": ["gist.example.com"]}
    settings = json.loads(machine.run("cat", "/etc/egressd/feature.json").stdout)
    assert settings == {"workspacePolicy": "ignore", "onFailure": "warn",
                        "config": ".devcontainer/a b/devcontainer.json"}
    environment = machine.run("cat", "/usr/local/share/egressd/feature.env").stdout
    assert environment == "ON_FAILURE=warn\n"


@pytest.mark.parametrize("options, mode", [
    ({"MODE": "audit"}, {"mode": "audit"}),
    ({"MODE": "enforce"}, {}),  # which would overrule a file that asks for audit mode
])
def test_the_mode_becomes_part_of_it(machine, options, mode):
    assert install(machine, **options).returncode == 0
    assert policy(machine) == {"allow": [], "deny": [], **mode}


@pytest.mark.parametrize("options, named", [
    ({"ALLOW": 'ok.example,a"b'}, ["allow", 'a"b']),
    ({"ALLOW": "{\\}"}, ["allow", "{\\}"]),
    ({"DENY": "a.example;id"}, ["deny", "a.example;id"]),
    ({"ALLOW": "a b.example"}, ["allow", "a b.example"]),
    ({"ALLOW": "a.example\nb.example"}, ["allow", "b.example"]),
    ({"ALLOW": "*"}, ["*"]),
    ({"ALLOW": "a.example:99999"}, ["a.example:99999"]),
    ({"MODE": "off"}, ["mode", "off"]),
    ({"WORKSPACEPOLICY": "maybe"}, ["workspacePolicy", "maybe"]),
    ({"ONFAILURE": "ignore"}, ["onFailure", "ignore"]),
    ({"CONFIG": 'a"b'}, ["config", 'a"b']),
    ({"ALLOW": "@gihtub"}, ["there is no group '@gihtub'", "'@github'"]),
])
def test_what_cannot_be_meant_fails_the_build(machine, options, named):
    done = install(machine, **options)
    assert done.returncode != 0
    assert all(word in done.stderr for word in named), done.stderr


def test_another_architecture_is_refused_with_a_reason(machine):
    machine.sh(f"cd {FEATURE}/bin && mv egressd-* egressd-other.gz")
    done = install(machine)
    assert done.returncode == 1
    assert platform.machine() in done.stderr and "it has: other" in done.stderr, done.stderr
    assert machine.run("test", "-e", "/usr/local/sbin/egressd", check=False).returncode


def test_twice_is_as_good_as_once(machine):
    assert install(machine, ALLOW="first.example").returncode == 0
    machine.sh("echo '{}' > /etc/egressd/policy.d/mine.json")
    assert install(machine, ALLOW="second.example").returncode == 0
    assert policy(machine)["allow"] == ["second.example"]
    assert machine.run("cat", "/etc/egressd/policy.d/mine.json").stdout == "{}\n"
    assert machine.run("/usr/local/bin/egressctl", "--help", check=False).returncode != 127


def test_only_root_installs(machine):
    done = install(machine, user="dev")
    assert done.returncode == 1 and "root" in done.stderr


@pytest.mark.parametrize("user, expected", [("root", False), ("0:0", False), ("dev", True)])
def test_capabilities_only_where_the_entrypoint_needs_them(world, machine, user, expected):
    assert install(machine, _CONTAINER_USER=user).returncode == 0
    root = machine.details["State"]["Pid"]
    found = world.engine.run(["getcap", f"/proc/{root}/root/usr/local/sbin/egressd"]).stdout
    assert ("cap_net_admin" in found) == expected, found


def test_what_is_installed_belongs_to_root(machine):
    assert install(machine).returncode == 0
    listed = machine.sh("find /etc/egressd /usr/local/share/egressd /usr/local/sbin/egressd "
                        "! -user 0 -o -perm /022").stdout
    assert listed == ""
    owned = machine.sh("stat -c '%u:%g %a' /run/egressd /var/lib/egressd").stdout.splitlines()
    assert owned == ["65053:65053 755"] * 2


def test_groups_may_be_named_by_an_option(machine):
    """Those that are shipped, and those that the base image brings."""
    machine.sh("mkdir -p /etc/egressd/groups.d; "
               "echo 'git.corp.example:22 private' > /etc/egressd/groups.d/acme.group")
    assert install(machine, ALLOW="@npm, @acme").returncode == 0
    assert policy(machine)["allow"] == ["@npm", "@acme"]
    shown = machine.run("/usr/local/sbin/egressd", "check").stdout
    assert ", of @npm" in shown and ", of @acme" in shown, shown
    assert "git.corp.example:22" in machine.run("/usr/local/sbin/egressd", "groups", "acme").stdout


def test_an_editor_finds_the_schema(world, machine):
    assert install(machine).returncode == 0
    metadata = json.loads((world.feature / "devcontainer-feature.json").read_text())
    file = metadata["customizations"]["vscode"]["settings"]["json.schemas"][0]["url"].removeprefix(
        "file://")
    whole = json.loads(machine.run("cat", file).stdout)
    policy = whole["properties"]["customizations"]["properties"]["egressd"]["$ref"]
    assert "allow" in json.loads(
        machine.run("cat", pathlib.PurePath(file).with_name(policy)).stdout)["properties"]


def test_manuals_and_completions(machine):
    assert install(machine).returncode == 0
    functions = "vendor-completions" if machine.run(
        "test", "-e", "/etc/debian_version", check=False).returncode == 0 else "site-functions"
    for file in ("/usr/share/bash-completion/completions/egressctl",
                 "/usr/share/bash-completion/completions/egressd",
                 f"/usr/share/zsh/{functions}/_egressctl",
                 "/usr/local/share/man/man1/egressctl.1.gz",
                 "/usr/local/share/man/man5/egressd-policy.5.gz",
                 "/usr/local/share/man/man8/egressd.8.gz"):
        assert machine.run("stat", "-c", "%u:%g %a", file).stdout == "0:0 644\n", file
    assert ".Dt EGRESSCTL 1" in machine.sh(
        "gzip -dc /usr/local/share/man/man1/egressctl.1.gz").stdout


def test_metadata_names_what_install_copies(world):
    metadata = json.loads((world.feature / "devcontainer-feature.json").read_text())
    for command in (metadata["entrypoint"], metadata["onCreateCommand"]):
        assert pathlib.PurePath(command.split()[0]).parent == pathlib.PurePath(
            "/usr/local/share/egressd")
        assert (world.feature / pathlib.PurePath(command.split()[0]).name).exists()
