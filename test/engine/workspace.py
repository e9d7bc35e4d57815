"""A project with a devcontainer.json, brought up the way VS Code does it: by the same CLI."""

import dataclasses
import json
import shutil
import time

from .container import Container


@dataclasses.dataclass(frozen=True)
class Up:
    ok: bool
    seconds: float
    output: str  # what VS Code shows in its log
    message: str
    container_id: str

    @property
    def end(self):
        """What was said from the container's start on, or as the build came to its end."""
        started = self.output.rfind("Start: Run: docker run")
        return self.output[started:] if started >= 0 else self.output[-3000:]


class Workspace:
    def __init__(self, world, name, config=None, files=None, folder=None):
        self._world = world
        self.name = name
        self.folder = folder or world.folder / "workspaces" / name
        self.folder.mkdir(parents=True)
        shutil.copytree(world.feature, self.folder / ".devcontainer/egressd")
        if config is not None:
            self.write(".devcontainer/devcontainer.json", config)
        for path, text in (files or {}).items():
            self.write(path, text)

    def write(self, path, content):
        """A file of the project; what is not text is written as JSON."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content if isinstance(content, str) else json.dumps(content, indent=4))

    def _arguments(self, config):
        return ["--workspace-folder", self.folder,
                *(["--config", self.folder / config] if config else [])]

    def up(self, *options, config=None):
        """Up, whether or not that works; `config` chooses one of several devcontainer.json."""
        start = time.monotonic()
        done = self._world.cli("up", *self._arguments(config), *options)
        seconds = time.monotonic() - start
        lines = done.stdout.strip().splitlines()
        result = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
        return Up(done.returncode == 0, seconds, done.stderr + done.stdout,
                  f"{result.get('message', '')} {result.get('description', '')}",
                  result.get("containerId", ""))

    def must_up(self, *options, config=None):
        came = self.up(*options, config=config)
        assert came.ok, f"devcontainer up failed:\n{came.end}\n{self.last_words()}"
        return Container(self._world.engine, came.container_id)

    def last_words(self):
        """What containers of this workspace have logged, running or not."""
        return "\n".join(container.logs() for container in self.containers())

    def containers(self):
        label = f"label=devcontainer.local_folder={self.folder}"
        listed = self._world.engine.docker("ps", "--all", "--quiet", "--filter", label)
        return [Container(self._world.engine, name) for name in listed.stdout.split()]

    def exec(self, *argv, config=None):
        """Runs a command as VS Code's terminal would: by the CLI, as the remote user."""
        return self._world.cli("exec", *self._arguments(config), *argv)

    def remove(self):
        for container in self.containers():
            container.remove()
        shutil.rmtree(self.folder, ignore_errors=True)


class ComposeWorkspace(Workspace):
    """A project whose devcontainer.json names a service of its docker-compose.yml."""

    def containers(self):
        label = f"label=com.docker.compose.project={self._project}"
        listed = self._world.engine.docker("ps", "--all", "--quiet", "--filter", label)
        return [Container(self._world.engine, name) for name in listed.stdout.split()]

    def service(self, name):
        return next(container for container in self.containers()
                    if container.details["Config"]["Labels"]["com.docker.compose.service"] == name)

    @property
    def _project(self):
        return f"{self.name}_devcontainer"

    @property
    def network(self):
        return f"{self._project}_default"

    def remove(self):
        super().remove()
        label = f"label=com.docker.compose.project={self._project}"
        for kind in ("network", "volume"):
            made = self._world.engine.docker(kind, "ls", "--quiet", "--filter", label).stdout.split()
            if made:
                self._world.engine.docker(kind, "rm", *made, check=False)
