"""Podman in somebody's network, in mount and process namespaces of its own, as engine.py has dockerd.

It keeps no daemon: one process here holds the namespaces, and its end is that of all containers.
"""

import os
import pathlib
import shutil
import subprocess

from lab.waiting import wait_until

from . import images
from .engine import remove_cgroups

USER = 2000  # of a rootless one, which has an account as long as it lives
CGROUP = f"/egressd-test-{os.getpid()}"

# Where it would leave things behind, and what a user needs who is to have containers.
SETUP = """
cd "$1"
mount --bind resolv.conf /etc/resolv.conf
mount -t tmpfs tmpfs /run
install -d -m 700 -o "$2" -g "$2" /run/own # a short path, as Podman wants it
mount -t tmpfs tmpfs /var/lib/cni
for file in passwd group subuid subgid; do
    mount --bind "etc/$file" "/etc/$file"
done
mknod -m 666 tun c 10 200
mount --bind tun /dev/net/tun
echo ready
exec tini -s -- sleep infinity
"""
ACCOUNT = {"passwd": "podman:x:{0}:{0}::{1}:/bin/sh\n", "group": "podman:x:{0}:\n",
           "subuid": "podman:300000:65536\n", "subgid": "podman:300000:65536\n"}
# Its own limits are higher than what a machine of tests may allow.
CONFIGURATION = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


class Podman:
    """Container(podman, name) works as with an Engine: the command line is the same."""

    def __init__(self, network, folder, resolv_conf, rootless=False):
        """network: path of a network namespace; folder: an empty one for all that is Podman's."""
        self._folder = pathlib.Path(folder)
        self._rootless = rootless
        self._write_files(resolv_conf)
        os.makedirs("/var/lib/cni", exist_ok=True)
        self._keeper = subprocess.Popen(
            ["nsenter", f"--net={network}", "setpriv", "--pdeathsig", "KILL", "unshare", "--mount",
             "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-euc", SETUP, "sh", folder,
             str(USER if rootless else 0)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True, text=True)
        if self._keeper.stdout.readline() != "ready\n":
            raise RuntimeError("no place for Podman")

    def _write_files(self, resolv_conf):
        (self._folder / "resolv.conf").write_text(resolv_conf)
        (self._folder / "containers.conf").write_text(CONFIGURATION)
        (self._folder / "etc").mkdir()
        for name, line in ACCOUNT.items():
            there = pathlib.Path("/etc", name)
            (self._folder / "etc" / name).write_text(
                (there.read_text() if there.exists() else "") + line.format(USER, self._folder))
        (self._folder / "home").mkdir()
        if self._rootless:
            shutil.chown(self._folder / "home", USER, USER)

    def close(self):
        self.docker("rm", "--all", "--force", "--time", "0", check=False)
        self._keeper.kill()  # and the kernel all the rest: see --kill-child
        self._keeper.communicate()
        remove_cgroups(os.getpid())

    @property
    def _inside(self):
        children = pathlib.Path(f"/proc/{self._keeper.pid}/task/{self._keeper.pid}/children")
        return children.read_text().split()[0]

    def docker(self, *argv, check=True, timeout=600, stdin=None):
        """stdin: a file."""
        home = self._folder / "home"
        folders = {"root": home / "storage", "runroot": "/run/own/storage", "tmpdir": "/run/own/tmp",
                   "network-config-dir": home / "networks"}
        user = [f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if self._rootless else []
        done = subprocess.run(
            ["nsenter", f"--target={self._inside}", "--net", "--mount", "--pid", "--",
             "setpriv", *user, "podman", *(f"--{name}={path}" for name, path in folders.items()),
             *map(str, argv)],
            text=True, capture_output=True, stdin=stdin or subprocess.DEVNULL, timeout=timeout,
            errors="replace", cwd=self._folder,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "XDG_RUNTIME_DIR": "/run/own",
                 "STORAGE_DRIVER": "vfs" if self._rootless else "overlay",
                 "CONTAINERS_CONF": str(self._folder / "containers.conf")})
        if check and done.returncode:
            raise RuntimeError(f"podman {' '.join(map(str, argv))}: {done.stderr or done.stdout}")
        return done

    def load_image(self, name):
        with open(images.tar_file(name), "rb") as tar:  # its user may not get at the file
            self.docker("import", "-", name, stdin=tar)

    def run_image(self, name, image, *options, command=()):
        """A container that runs in the background."""
        parent = [] if self._rootless else [f"--cgroup-parent={CGROUP}"]
        self.docker("run", "--detach", "--name", name, *parent, *options, image, *command)
        wait_until(lambda: "running" in self.docker(
            "inspect", "--format", "{{.State.Status}}", name).stdout, f"{name} to run")
