"""A registry (Debian's docker-registry) where the engine is: localhost:5000 for it, for nobody else.

Neither the engine nor the devcontainer CLI asks for TLS of a registry that is localhost.
"""

import json
import pathlib
import re
import subprocess

from lab.waiting import wait_until

from . import cli

ROOT = pathlib.Path(__file__).resolve().parents[2]
ADDRESS = "localhost:5000"
KINDS = ("application/vnd.oci.image.manifest.v1+json",
         "application/vnd.docker.distribution.manifest.list.v2+json",
         "application/vnd.docker.distribution.manifest.v2+json")
CONFIGURATION = """
version: 0.1
storage: { filesystem: { rootdirectory: %s } }
http: { addr: "127.0.0.1:5000" }
log: { accesslog: { disabled: true } }
"""


class Registry:
    def __init__(self, engine):
        self._engine = engine
        self._folder = engine.folder / "registry"
        self._folder.mkdir()
        configuration = self._folder / "config.yml"
        configuration.write_text(CONFIGURATION % (self._folder / "data"))
        self._log = self._folder / "log"
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                engine.inside(["setpriv", "--pdeathsig", "KILL",  # nsenter's child, which close() ends
                               "docker-registry", "serve", configuration]),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=engine.environment)
        try:
            wait_until(self._answers, "docker-registry")
        except BaseException:
            self.close()
            raise

    def _answers(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"docker-registry ended:\n{self._log.read_text()[-3000:]}")
        return self._get("").returncode == 0

    def _get(self, path, *options):
        """What is below /v2/."""
        return subprocess.run(
            self._engine.inside(["curl", "-sSf", *options, f"http://{ADDRESS}/v2/{path}"]),
            capture_output=True, timeout=60, stdin=subprocess.DEVNULL)

    def manifest(self, name, tag):
        """With its digest, as the registry computes it."""
        accepted = [f"-HAccept: {kind}" for kind in KINDS]
        head = self._get(f"{name}/manifests/{tag}", "--head", *accepted).stdout.decode().lower()
        digest, = re.findall(r"^docker-content-digest: (\S+)", head, re.MULTILINE)
        return digest, json.loads(self._get(f"{name}/manifests/{tag}", *accepted).stdout)

    def blob(self, name, digest):
        return self._get(f"{name}/blobs/{digest}").stdout

    def publish(self, namespace, binaries):
        """As a release does it: cmake/publish.sh. What it says: name -> digest."""
        node, script = map(pathlib.Path, cli.command())
        programs = f"{node.parent}:{script.parents[2] / '.bin'}:{self._engine.environment['PATH']}"
        done = self._engine.run(["env", f"PATH={programs}", ROOT / "cmake/publish.sh", ADDRESS,
                                 namespace, binaries])
        assert done.returncode == 0, done.stderr
        return {name: f"sha256:{digest}" for digest, name in map(str.split, done.stdout.splitlines())}

    def close(self):
        self._process.kill()
        self._process.wait()
