"""dockerd in somebody's network, a lab machine's or a container's, and in mount and process
namespaces of its own.

Killing one process ends the engine with all its containers, and takes its mounts along; the kernel
does that too when pytest dies. On disk there is one folder.
"""

import json
import os
import pathlib
import shutil
import subprocess

from lab.waiting import wait_until

from . import images

START_S = 180  # it takes one or two, on a machine with nothing else to do

# Not Machine's mount namespace: dockerd needs the cgroups below the host's /sys.
SETUP = """
mount --bind "$1" /etc/resolv.conf
[ -z "$2" ] || mount -t overlay -o "lowerdir=$2:/usr" overlay /usr
shift 2
exec tini -s -- dockerd "$@"
"""


class Engine:
    def __init__(self, network, folder, resolv_conf, *options, programs=""):
        """network: path of a network namespace; options: further ones of dockerd; programs: a
        folder of other ones than this machine's, for /usr."""
        self.folder = pathlib.Path(folder, "engine")
        self.folder.mkdir()
        self._log = self.folder / "dockerd.log"
        self._bin = self._link_programs()
        self._keeper = None
        resolv = self.folder / "resolv.conf"
        resolv.write_text(resolv_conf)
        (self.folder / "daemon.json").write_text("{}")
        (self.folder / "tmp").mkdir()
        (self.folder / "home").mkdir()
        self._start(network, resolv, programs, options)

    def _link_programs(self):
        """Debian's docker before any other, so that a test means the same everywhere."""
        programs = self.folder / "bin"
        programs.mkdir()
        for name in ("docker", "docker-compose"):
            path = shutil.which(name, path=f"/usr/bin:{os.environ['PATH']}")
            if path:
                (programs / name).symlink_to(path)
        return programs

    def _start(self, network, resolv, programs, more):
        arguments = {"data-root": "data", "exec-root": "exec", "pidfile": "pid",
                     "config-file": "daemon.json"}
        options = [*(f"--{name}={self.folder / path}" for name, path in arguments.items()), *more]
        with open(self._log, "wb") as log:
            self._keeper = subprocess.Popen(
                ["nsenter", f"--net={network}", "setpriv", "--pdeathsig", "KILL",
                 "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
                 "sh", "-euc", SETUP, "sh", resolv, programs, *options, f"--host={self.host}",
                 f"--cgroup-parent={_cgroup(os.getpid())}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_until(self._answers, "dockerd", timeout=START_S, pause=0.05)
        except BaseException:
            self.close()
            raise

    def _answers(self):
        if self._keeper.poll() is not None:
            raise RuntimeError(f"dockerd ended:\n{self.log()[-3000:]}")
        return self.docker("version", check=False, timeout=START_S).returncode == 0

    def close(self):
        if not self._keeper:
            return
        if self._keeper.poll() is None:
            self._remove_containers()
            self._keeper.kill()  # and the kernel all the rest: see --kill-child
        self._keeper.wait()
        self._keeper = None
        remove_cgroups(os.getpid())

    def _remove_containers(self):
        try:
            names = self.docker("ps", "--all", "--quiet", check=False, timeout=60).stdout.split()
            if names:
                self.docker("rm", "--force", "--volumes", *names, check=False)
        except subprocess.TimeoutExpired:
            pass

    def load_image(self, name):
        self.docker("import", "--change", 'CMD ["/bin/sh"]', images.tar_file(name), name)

    @property
    def host(self):
        return f"unix://{self.folder / 'docker.sock'}"

    @property
    def environment(self):
        return {"DOCKER_HOST": self.host, "HOME": str(self.folder / "home"),
                "TMPDIR": str(self.folder / "tmp"), "LANG": "C.UTF-8", "TERM": "dumb",
                "PATH": f"{self._bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

    def docker(self, *argv, check=True, timeout=600, stdin=None):
        done = subprocess.run([self._bin / "docker", *(str(part) for part in argv)],
                              env=self.environment, input=stdin, timeout=timeout, text=True,
                              capture_output=True, errors="replace")
        if check and done.returncode:
            raise RuntimeError(f"docker {' '.join(map(str, argv))}: {done.stderr or done.stdout}")
        return done

    def inspect(self, name):
        return json.loads(self.docker("inspect", name).stdout)[0]

    @property
    def _inside(self):
        """The first process of the engine's own namespaces."""
        children = pathlib.Path(f"/proc/{self._keeper.pid}/task/{self._keeper.pid}/children")
        return children.read_text().split()[0]

    def seen_from_outside(self, path):
        """Where a file that the engine sees is seen from here."""
        return f"/proc/{self._inside}/root{path}"

    def inside(self, argv):
        """The command line that runs a program where the engine is, in its network and among its
        processes."""
        return ["nsenter", f"--target={self._inside}", "--net", "--mount", "--pid", "--",
                *map(str, argv)]

    def run(self, argv, timeout=900, stdin=""):
        return subprocess.run(self.inside(argv), env=self.environment, timeout=timeout, text=True,
                              capture_output=True, input=stdin, errors="replace")

    def log(self):
        return self._log.read_text(errors="replace")


def _cgroup(pid):
    return f"egressd-test-{pid}"


def remove_cgroups(pid):
    """What the containers of a test run leave there, in every hierarchy."""
    tops = [pathlib.Path(folder, _cgroup(pid)) for folder, _, _ in os.walk("/sys/fs/cgroup")]
    for top in (top for top in tops if top.exists()):
        for folder, _, _ in os.walk(top, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                pass  # one that is still in use is the kernel's to keep
