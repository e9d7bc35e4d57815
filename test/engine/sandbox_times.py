#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How long the README's command takes from an empty machine to an agent's shell, step by step.

    test/engine/sandbox_times.py    prints the table that README.md has, as root; a minute or two

The base image is there already, as it is after the first project; the agent comes from npm.
"""

import pathlib
import sys
import tempfile
import time

sys.dont_write_bytecode = True
TEST = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TEST), str(TEST / "template")]

from developer import OPTIONS, hand_over, sandbox  # noqa: E402
from engine import npm  # noqa: E402
from engine.world import World  # noqa: E402
from lab.lab import ALLOWED, ALLOWED_V4  # noqa: E402
from lab.servers import make_certificate  # noqa: E402

IMAGE = "with-node:image"
AGENT = ["agent", "claude", "--version"]
STEPS = [
    ("`sandbox start`: image built, container up, rules in force", ["start"]),
    ("`sandbox agent claude --version`, the first time: from npm through the policy", AGENT),
    ("the same again", AGENT),
    ("`sandbox stop`", ["stop"]),
    ("`sandbox start` of what is there", ["start"]),
    ("`sandbox rebuild`, nothing changed", ["rebuild"]),
]


def measure(world, project, step):
    start = time.monotonic()
    done = sandbox(world, project, *step)
    if done.returncode:
        sys.exit(f"sandbox {' '.join(step)}: {done.stderr}")
    return time.monotonic() - start


def main():
    with tempfile.TemporaryDirectory() as folder:
        world = World(make_certificate(pathlib.Path(folder)))
        try:
            world.zone.host(ALLOWED, ALLOWED_V4)
            npm.build_image(world, IMAGE)
            project = world.template("times", "agent-sandbox", {**OPTIONS, "image": IMAGE})
            hand_over(project)
            print("| step | s |\n|---|---|")
            with npm.registry_within_reach(world):
                for what, step in STEPS:
                    print(f"| {what} | {measure(world, project, step):.0f} |", flush=True)
        finally:
            world.close()


main()
