"""What test/demo runs once everything is installed and built: the main job, step by step."""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from engine import cli  # noqa: E402
from engine.images import DEBIAN  # noqa: E402
from engine.world import ROOT, World, binary  # noqa: E402
from lab.dns_zone import Rotation  # noqa: E402
from lab.servers import make_certificate  # noqa: E402

ALLOWED, REFUSED = "catfact.ninja", "dog.ceo"
CONFIGURATION = f"""\
{{
    "image": "IMAGE",
    "features": {{ "./egressd": {{}} }},
    "customizations": {{ "egressd": {{ "allow": ["{ALLOWED}"] }} }}
}}
"""
URLS = {ALLOWED: f"https://{ALLOWED}/fact", REFUSED: f"https://{REFUSED}/api/breeds/image/random"}
REAL_IMAGE = "mcr.microsoft.com/devcontainers/base:bookworm"
CURL = ["curl", "-sS", "--max-time", "20", "-w", "\\n[%{time_total} s in the container]"]
WIDTH = 72


class Screen:
    """Steps with the time each took, and commands with what they said."""

    def __init__(self):
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._started = None

    def _paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self._colour else text

    def step(self, text):
        self.done()
        self._started = time.monotonic()
        print(f"  {text:<{WIDTH}}", end="", flush=True)

    def done(self):
        if self._started is not None:
            print(self._time(time.monotonic() - self._started), flush=True)
        self._started = None

    def _time(self, seconds):
        return self._paint("2", f"{seconds:6.2f} s")

    def title(self, text):
        self.done()
        print("\n" + self._paint("1", text), flush=True)

    def text(self, text):
        for line in text.splitlines():
            if line.strip():
                print(f"    {line}")

    def command(self, shown, run):
        line = self._paint("36", f"{'$ ' + shown:<{WIDTH}}")
        print(f"  {line}", end="", flush=True)
        start = time.monotonic()
        done = run()
        print(self._time(time.monotonic() - start))
        self.text(f"{done.stdout}\n{done.stderr}")
        return done

    def verdict(self, good, text):
        self.done()
        print(f"  {self._paint('32;1', 'ok') if good else self._paint('31;1', 'NOT OK')}  {text}")
        return good


class LabSide:
    """The demo's default: everything in namespaces, and a witness of every packet."""

    image = DEBIAN
    curl = [*CURL, "-k"]  # the lab signs its own certificates

    def __init__(self, screen):
        self._folder = tempfile.mkdtemp(prefix="egressd-demo-")
        certificate = make_certificate(self._folder)
        self._world = World(certificate, [DEBIAN], screen.step)
        zone = self._world.zone
        zone.host(ALLOWED, Rotation("198.51.100.0/25"), Rotation("2001:db8:cafe::/64"), ttl=1)
        zone.host(REFUSED, "203.0.113.66", "2001:db8:bad::66")

    def close(self):
        self._world.close()
        shutil.rmtree(self._folder)

    def prepare(self, configuration):
        self._workspace = self._world.workspace("cats", configuration)

    def up(self):
        came = self._workspace.up()
        return came.ok, came.output

    def exec(self, *argv):
        return self._workspace.exec(*argv)

    def witnessed(self):
        packets = [packet for address in ("203.0.113.66", "2001:db8:bad::66")
                   for packet in self._world.witness.packets(destination=address)]
        questions = self._world.dns.questions(REFUSED)
        return (not packets and not questions,
                f"seen on the other side for {REFUSED}: {len(packets)} packets, "
                f"{len(questions)} DNS questions")


class RealSide:
    """--real: the Docker Engine that is there, and the real internet."""

    image = REAL_IMAGE
    curl = CURL

    def __init__(self, screen):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="egressd-demo-"))
        self._workspace = self._folder / "cats"
        screen.step(f"devcontainer CLI {cli.VERSION} from npm")
        self._cli = cli.command()
        screen.step("the Docker Engine that is there")
        subprocess.run(["docker", "version"], check=True, stdout=subprocess.DEVNULL)

    def _run(self, command, *argv):
        return subprocess.run(
            [*self._cli, command, "--workspace-folder", str(self._workspace), *argv],
            capture_output=True, text=True, stdin=subprocess.DEVNULL)

    def prepare(self, configuration):
        feature = self._workspace / ".devcontainer/egressd"
        subprocess.run([ROOT / "cmake/stage-feature.sh", ROOT, binary(), os.uname().machine,
                        self._folder / "stage"], check=True)
        shutil.copytree(self._folder / "stage/src/egressd", feature)
        (feature.parent / "devcontainer.json").write_text(configuration)

    def up(self):
        done = self._run("up")
        return done.returncode == 0, done.stderr + done.stdout

    def exec(self, *argv):
        return self._run("exec", *argv)

    def witnessed(self):
        return True, f"what {REFUSED}'s servers saw is not known here; the demo without --real asks"

    def close(self):
        label = f"label=devcontainer.local_folder={self._workspace}"
        listed = subprocess.run(["docker", "ps", "-aq", "--filter", label], capture_output=True,
                                text=True).stdout.split()
        for container in listed:
            image = subprocess.run(["docker", "inspect", "-f", "{{.Config.Image}}", container],
                                   capture_output=True, text=True).stdout.strip()
            subprocess.run(["docker", "rm", "-f", container], stdout=subprocess.DEVNULL)
            subprocess.run(["docker", "rmi", image], stdout=subprocess.DEVNULL)
        shutil.rmtree(self._folder)


def show(screen, side):
    configuration = CONFIGURATION.replace("IMAGE", side.image)
    side.prepare(configuration)
    screen.title("devcontainer.json")
    screen.text(configuration)

    screen.title("Reopen in container")
    screen.step("devcontainer up")
    up, log = side.up()
    screen.done()
    if not up:
        screen.text(log)
        return screen.verdict(False, "the container did not come up")

    screen.title("Inside")
    answers = {}
    for name, url in URLS.items():
        answers[name] = screen.command(f"curl {url}", lambda: side.exec(*side.curl, url))
    for command in (["egressctl", "explain", REFUSED], ["egressctl", "status"]):
        screen.command(" ".join(command), lambda: side.exec(*command))

    screen.title("So")
    refused = answers[REFUSED]
    unseen, text = side.witnessed()
    return all([
        screen.verdict(answers[ALLOWED].returncode == 0, f"{ALLOWED} answered"),
        screen.verdict(refused.returncode == 6 and REFUSED in refused.stderr + refused.stdout,
                       f"{REFUSED} was refused, by name and at once"),
        screen.verdict(unseen, text)])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", action="store_true",
                        help="use the Docker Engine that is there, and the real internet")
    options = parser.parse_args()
    screen = Screen()
    side = None
    good = False
    try:
        side = RealSide(screen) if options.real else LabSide(screen)
        good = show(screen, side)
    finally:
        if side:
            screen.title("Afterwards")
            screen.step("cleaning up")
            side.close()
        screen.done()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
