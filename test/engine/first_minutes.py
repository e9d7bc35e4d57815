"""A new user's first minutes: what fails, what egressd says of it, and the one edit it takes.

    first_minutes.py            shows it
    first_minutes.py --write    writes it into doc/first-minutes.md
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from engine.images import DEBIAN  # noqa: E402
from engine.world import ROOT, World  # noqa: E402
from lab.servers import make_certificate  # noqa: E402
from lab.waiting import wait_until  # noqa: E402

PAGE = ROOT / "doc/first-minutes.md"
ADDRESS, HTTPS = "203.0.113.30", 9443
NAMES = ("github.com", "pypi.org", "files.pythonhosted.org")
OPTIONS = {"allow": "@vscode,@npm"}
COMMANDS = ("git clone https://github.com/example/hello", "pip install hello-example")

WEB = """
import functools, http.server, ssl, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("", int(sys.argv[3])), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print("up", flush=True)
server.serve_forever()
"""

# What the lab's internet needs of an image that real ones have: trust in who signed its servers.
DOCKERFILE = f"""
FROM {DEBIAN}
COPY lab.crt /usr/local/share/ca-certificates/
RUN update-ca-certificates && rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
ENV PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_RETRIES=0 PIP_NO_COLOR=1
"""


def make_files(folder):
    """A git repository and a Python package, as the files that a web server needs."""
    run = dict(cwd=folder, check=True, capture_output=True)
    (folder / "example").mkdir()
    for argv in (["git", "init", "-q", "work"],
                 ["git", "-C", "work", "-c", "user.name=a", "-c", "user.email=a@example.test",
                  "commit", "-q", "--allow-empty", "-m", "first"],
                 ["git", "clone", "-q", "--bare", "work", "example/hello"],
                 ["git", "-C", "example/hello", "update-server-info"]):
        subprocess.run(argv, **run)
    wheel = "hello_example-1.0-py3-none-any.whl"
    packages = folder / "packages"
    packages.mkdir()
    with zipfile.ZipFile(packages / wheel, "w") as archive:
        archive.writestr("hello_example.py", "")
        about = "hello_example-1.0.dist-info"
        archive.writestr(f"{about}/METADATA",
                         "Metadata-Version: 2.1\nName: hello-example\nVersion: 1.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    index = folder / "simple/hello-example"
    index.mkdir(parents=True)
    (index / "index.html").write_text(
        f'<a href="https://files.pythonhosted.org/packages/{wheel}">{wheel}</a>')


class Internet:
    """github.com and pypi.org as far as they are needed, in the lab's internet."""

    def __init__(self, world, certificate, folder):
        make_files(folder)
        self._world = world
        outside = world.internet.machine
        outside.nft("add table ip here; add chain ip here in "
                    "{ type nat hook prerouting priority dstnat; }; "
                    f"add rule ip here in ip daddr {ADDRESS} tcp dport 443 redirect to :{HTTPS}")
        self._server = subprocess.Popen(
            outside.command(["/usr/bin/python3", "-c", WEB, folder, certificate, HTTPS]),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if self._server.stdout.readline() != b"up\n":
            self.close()
            raise RuntimeError("the web server did not start")
        for name in NAMES:
            world.zone.host(name, ADDRESS)

    def close(self):
        self._server.kill()
        self._server.wait()
        self._server.stdout.close()
        self._world.internet.machine.nft("delete table ip here")
        for name in NAMES:
            self._world.zone.remove(name)


def build_image(world, certificate, folder):
    """The developer's image; returns its name."""
    context = folder / "image"
    context.mkdir()
    (context / "Dockerfile").write_text(DOCKERFILE)
    subprocess.run(["openssl", "x509", "-in", certificate, "-out", context / "lab.crt"],
                   check=True, capture_output=True)
    name = "first-minutes:image"
    world.engine.docker("build", "--quiet", "--tag", name, context)
    return name


class Transcript:
    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines += ["", text, ""]

    def block(self, kind, text):
        self.lines += [f"```{kind}", *text.rstrip().splitlines(), "```"]

    def text(self):
        return "\n".join(self.lines).strip() + "\n"


class Project:
    """A fresh project with only the Feature."""

    def __init__(self, world, image, transcript):
        self._transcript = transcript
        self._config = {"image": image, "features": {"./egressd": OPTIONS}, "remoteUser": "dev"}
        self._workspace = world.workspace("hello", self._config)
        self._container = None

    def reopen(self, *options):
        self._container = self._workspace.must_up(*options)

    def add(self, egressd):
        self._config["customizations"] = {"egressd": egressd}
        self._workspace.write(".devcontainer/devcontainer.json", self._config)

    def show_configuration(self):
        shown = {**self._config, "image": "IMAGE",
                 "features": {"ghcr.io/OWNER/egressd/egressd:0": OPTIONS}}
        self._transcript.block("json", json.dumps(shown, indent=4))

    def type(self, *commands):
        """Types commands into the terminal; returns what each said and whether it went well."""
        shown, results = [], []
        for command in commands:
            done = self._container.sh(f"cd /tmp && {command}", user="dev", check=False)
            said = (done.stdout + done.stderr).rstrip()
            shown += [f"$ {command}", *([said] if said else [])]
            results.append((done.returncode == 0, said))
        self._transcript.block("console", "\n".join(shown))
        return results

    def settled(self, name):
        """Waits until egressd's log tells of a name."""
        wait_until(lambda: name in self._container.ctl("log", user="dev").stdout, f"{name} in log")

    def suggested(self):
        """The block that egressd prints, as a person pastes it."""
        reply = json.loads(self._container.ctl("suggest", "--json", user="dev").stdout)
        return {"allow": [entry["entry"] for entry in reply["allow"]]}

    def close(self):
        self._workspace.remove()


def play(world, certificate, folder):
    """Returns the transcript, and what went wrong, if anything did."""
    transcript = Transcript()
    wrong = []
    internet = Internet(world, certificate, folder)
    project = None
    try:
        project = Project(world, build_image(world, certificate, folder), transcript)
        transcript.say("A fresh project: the Feature, and two groups that somebody thought of.")
        project.show_configuration()
        project.reopen()
        transcript.say("*Reopen in Container*, and work begins. It fails:")
        for command, (well, said) in zip(COMMANDS, project.type(*COMMANDS)):
            if well:
                wrong.append(f"before the edit: {command}: {said}")
        for name in NAMES[:2]:
            project.settled(name)
        transcript.say("What was that?")
        project.type("egressctl log")
        transcript.say("And what would have let it through?")
        project.type("egressctl suggest")
        project.add(project.suggested())
        transcript.say("Pasted into devcontainer.json, that makes:")
        project.show_configuration()
        project.reopen("--remove-existing-container")
        transcript.say("*Rebuild Container*, and the same again:")
        for command, (well, said) in zip(COMMANDS, project.type(*COMMANDS)):
            if not well:
                wrong.append(f"after the edit: {command}: {said}")
        transcript.say("Nothing is refused any more:")
        (well, said), = project.type("egressctl suggest")
        if re.search("github|pypi|pythonhosted", said):
            wrong.append(f"still to suggest: {said}")
    finally:
        if project:
            project.close()
        internet.close()
    return transcript.text(), wrong


HEAD = """\
# The first minutes

What a person sees who adds egressd to a project and has not thought of every host. Written by
`test/engine/first_minutes.py --write` from a real run: a real Docker Engine, the real `devcontainer`
CLI, git and pip; github.com and pypi.org are played by the test's own servers.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="egressd-first-"))
    folder.chmod(0o755)
    world = None
    try:
        certificate = make_certificate(folder, *NAMES)
        world = World(certificate, [DEBIAN])
        text, wrong = play(world, certificate, folder)
    finally:
        if world:
            world.close()
        shutil.rmtree(folder)
    if options.write and not wrong:
        PAGE.write_text(f"{HEAD}\n{text}")
    else:
        print(text)
    for line in wrong:
        print(f"wrong: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
