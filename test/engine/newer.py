"""The Docker Engine that people have today, where this machine's Debian has that of years ago:
Debian 13's, with BuildKit and Compose v2, and the C library that it is linked to."""

import pathlib
import shutil
import subprocess

from . import cache

SUITE = "trixie"
PACKAGES = ("docker.io", "docker-cli", "docker-buildx", "docker-compose", "containerd", "runc",
            "tini", "libc6")
PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "cmake/debian-packages.sh"


def programs():
    """A folder to lay over /usr."""
    return cache.kept(f"docker-{SUITE}", _unpack) / "usr"


def _unpack(target):
    architecture = subprocess.run(["dpkg", "--print-architecture"], check=True, text=True,
                                  capture_output=True).stdout.strip()
    done = subprocess.run([PROGRAM, architecture, target,
                           *(f"{package}/{SUITE}" for package in PACKAGES)],
                          capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"no Docker of Debian's {SUITE}:\n{done.stdout}{done.stderr}")
    shutil.rmtree(target / "usr/share")
