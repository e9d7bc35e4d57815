"""The devcontainer CLI from npm, the code that VS Code runs, and a Node.js new enough for it."""

import platform
import shutil
import subprocess

from . import cache

VERSION = "0.89.0"
NODE_MAJOR = 20


def command():
    """The start of a command line that runs the CLI."""
    installed = cache.kept(f"cli-{VERSION}", _install)
    bundled = installed / "node_modules" / node_package() / "bin/node"
    node = str(bundled) if bundled.exists() else shutil.which("node")
    return [node, str(installed / "node_modules/@devcontainers/cli/devcontainer.js")]


def _install(target):
    packages = [f"@devcontainers/cli@{VERSION}"]
    if _node_major() < NODE_MAJOR:
        packages.append(f"{node_package()}@{NODE_MAJOR}")
    target.mkdir()
    done = subprocess.run(
        ["npm", "install", "--prefix", str(target), "--no-package-lock", "--no-audit",
         "--no-fund", "--loglevel=error", *packages], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"npm install failed:\n{done.stderr}")


def _node_major():
    node = shutil.which("node")
    if not node:
        return 0
    version = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout
    return int(version.lstrip("v").partition(".")[0])


def node_package():
    machine = {"x86_64": "x64", "aarch64": "arm64"}[platform.machine()]
    return f"node-linux-{machine}"
