"""The programs that are measured and those that measure, built when they are older than their
sources."""

import pathlib
import subprocess

BENCH = pathlib.Path(__file__).resolve().parents[1]
ROOT = BENCH.parents[1]
PROGRAMS = ("responder", "asker", "stopwatch", "traffic")


class Tools:
    """Paths of the programs; folder is where ours are compiled to."""

    def __init__(self, folder, egressd=None):
        self.folder = pathlib.Path(folder)
        self.ancestor = BENCH / "ancestor.sh"
        for name in PROGRAMS:
            setattr(self, name, self._compile(name))
        self.egressd = pathlib.Path(egressd) if egressd else build_release()

    def _compile(self, name):
        target = self.folder / name
        subprocess.run(["cc", "-std=gnu17", "-O2", "-Wall", "-Wextra", "-pthread", "-o", target,
                        BENCH / f"{name}.c"], check=True)
        return target

    def write(self, name, text):
        file = self.folder / name
        file.write_text(text)
        return file


def build_release():
    log = []
    for command in (["cmake", "--preset", "release"],
                    ["cmake", "--build", "--preset", "release", "--target", "egressd"]):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        log.append(done.stdout + done.stderr)
        if done.returncode:
            raise SystemExit(f"the release does not build:\n{''.join(log)}")
    return ROOT / "build/release/egressd"
