"""The developer in front of the container: whose files a project's are, what was chosen, and the
script `sandbox`, typed on the developer's machine."""

import os

from lab.lab import ALLOWED

USER, UID = "dev", 1000  # of the images
OPTIONS = {"image": "debian:12", "user": USER, "hosts": ALLOWED}


def hand_over(project, uid=UID):
    """The project belongs to the developer, who mostly has the uid of the image's user."""
    for folder, _, files in os.walk(project.folder):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            os.lchown(path, uid, uid)


def put_cli_into_path(world):
    program = world.engine.folder / "bin/devcontainer"
    if not program.exists():
        program.write_text("#!/bin/sh\nexec " + " ".join(map(str, world.devcontainer)) + ' "$@"\n')
        program.chmod(0o755)


def sandbox(world, project, *argv, typed=""):
    """Runs the project's script; typed: what the developer answers."""
    put_cli_into_path(world)
    return world.engine.run(["sh", "-c", 'cd "$1"; shift; exec .devcontainer/sandbox "$@"', "sh",
                             project.folder, *argv], stdin=typed)
