"""A codespace: the commands with which GitHub's agent brings a container up, on the real engine.

The arguments are those of creation logs that people have published (2022 to 2026, CLI 0.83). What
is GitHub's alone, its agent and its image of the machine, is not here. On the machine of a codespace
is one container, told by the label Type=codespaces and by nothing else: so one at a time here.

    create    up --skip-post-create ...               makes the container, or starts it again
    block     up --expect-existing-container ...      the hooks that connecting waits for
    finish    up --expect-existing-container ...      the other hooks

A codespace that is resumed goes through the same, with a container that exists already.
"""

import json
import re
import shutil

from .container import Container
from .workspace import Up, Workspace

LABEL = "Type=codespaces"
HOST_NETWORK = ("--network", "host")


class Codespace(Workspace):
    def __init__(self, world, name, config, network=HOST_NETWORK, files=None):
        """config: the repository's devcontainer.json. network: what the agent puts into runArgs
        beside what the repository has there."""
        self.machine = world.folder / "codespaces" / name  # / of the codespace's machine
        self._network = list(network)
        super().__init__(world, name, config, files,
                         folder=self.machine / "var/lib/docker/codespacemount/workspace" / name)
        for folder in (self._shared, self._persisted, self._agent / "mount/cache", self._tmp):
            folder.mkdir(parents=True)
        self.merge(config)

    _shared = property(lambda self: self.machine / "root/.codespaces/shared")
    _persisted = property(lambda self: self.folder.parents[1] / ".persistedshare")
    _agent = property(lambda self: self.machine / ".codespaces/agent")
    _tmp = property(lambda self: self.machine / "mnt/containerTmp")

    def merge(self, config, hostname="codespaces-a1b2c3"):
        """Writes what the agent makes of the repository's devcontainer.json: the one in force. Of its
        mounts it takes volumes alone."""
        volumes = [mount for mount in config.get("mounts", ()) if "type=bind" not in mount]
        merged = {
            **config, "workspaceFolder": f"/workspaces/{self.name}",
            "containerEnv": {"CODESPACES": "true", "ContainerVersion": "13",
                             "RepositoryName": self.name},
            "mounts": [*volumes, _bind(self._shared, "/workspaces/.codespaces/shared"),
                       _bind(self._persisted, "/workspaces/.codespaces/.persistedshare"),
                       _bind(self._agent / "mount", "/.codespaces/bin"),
                       _bind(self._tmp, "/tmp")]}
        if "dockerComposeFile" in config:  # no arguments of docker, so no network either
            merged["mounts"].insert(0, _bind(self.folder.parent, "/workspaces"))
        else:
            merged["workspaceMount"] = f"type=bind,src={self.folder.parent},dst=/workspaces"
            merged["runArgs"] = [*config.get("runArgs", []), "--hostname", hostname, "--add-host",
                                 f"{hostname}:127.0.0.1", "--cap-add", "sys_nice", *self._network]
        (self._shared / "merged_devcontainer.json").write_text(json.dumps(merged))
        (self._shared / "user-secrets-envs.json").write_text("{}")

    def step(self, *options):
        """One call of the CLI; its output as the creation log shows it."""
        came = self.up(
            "--id-label", LABEL, "--mount",
            f"type=bind,source={self._agent}/mount/cache,target=/vscode",
            "--user-data-folder", self._persisted,
            "--container-data-folder", ".vscode-remote/data/Machine",
            "--container-system-data-folder", "/var/vscode-remote",
            "--log-level", "trace", "--log-format", "json",
            "--update-remote-user-uid-default", "never", "--mount-workspace-git-root", "false",
            "--override-config", self._shared / "merged_devcontainer.json",
            "--default-user-env-probe", "loginInteractiveShell",
            "--container-session-data-folder",
            "/workspaces/.codespaces/.persistedshare/devcontainers-cli/cache",
            "--secrets-file", self._shared / "user-secrets-envs.json", *options,
            config=".devcontainer/devcontainer.json")
        return Up(came.ok, came.seconds, _text_of(came.output), came.message, came.container_id)

    def create(self, *options):
        return self.step("--omit-config-remote-env-from-metadata", "--skip-non-blocking-commands",
                         "--skip-post-create", *options)

    def block(self):
        return self.step("--omit-config-remote-env-from-metadata", "--skip-non-blocking-commands",
                         "--expect-existing-container")

    def finish(self):
        return self.step("--expect-existing-container", "--skip-post-attach")

    def come_up(self, *options):
        """All steps; the creation log, and whether it came to its end."""
        log, came = "", self.create(*options)
        for next_step in (self.block, self.finish):
            log += came.output
            if not came.ok:
                return False, log
            came = next_step()
        return came.ok, log + came.output

    def must_come_up(self, *options):
        ok, log = self.come_up(*options)
        assert ok, f"{log[-6000:]}\n{self.last_words()}"
        container, = self.containers()
        return container

    def resume(self):
        return self.must_come_up("--expect-existing-container")

    def containers(self):
        listed = self._world.engine.docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}")
        return [Container(self._world.engine, name) for name in listed.stdout.split()]

    def remove(self):
        super().remove()
        self._world.engine.docker("network", "rm", f"{self.name}_devcontainer_default", check=False)
        shutil.rmtree(self.machine, ignore_errors=True)


def _bind(source, target):
    return f"source={source},target={target},type=bind"


def _text_of(output):
    """The texts of the CLI's JSON log, without the colours; a line that is none as it is."""
    texts = []
    for line in output.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            entry = {"text": line}
        texts.append(str(entry.get("text", "")) if isinstance(entry, dict) else line)
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(texts)) + "\n"
