"""The lab's internet with a Docker Engine behind it, instead of the lab's own container.

    internet (every address answers) ---- engine: dockerd, its bridges, the containers

Containers have the addresses that Docker gives by default, so neighbours are private addresses as
they are in real life; the internet has documentation addresses.
"""

import contextlib
import itertools
import os
import pathlib
import shutil
import subprocess
import tempfile

from lab.internet import CONTAINER_V6, GATEWAY_V4, GATEWAY_V6, Internet
from lab.machine import Machine
from lab.witness import Witness

from . import cli, images, template
from .codespace import HOST_NETWORK, Codespace
from .container import Container
from .engine import Engine, remove_cgroups
from .images import BUSYBOX, DEBIAN
from .workspace import ComposeWorkspace, Workspace

ROOT = pathlib.Path(__file__).resolve().parents[2]

TEMPORARY = pathlib.Path("/var/tmp")
PREFIX = "egressd-engine-"

RESOLVER = "192.0.2.53"
BRIDGES_V6 = "2001:db8:d::/48"
DEFAULT_BRIDGE_V6 = "2001:db8:d::/64"

NAMESPACE = "registry.test/egressd"  # where templates believe all this to be published


def binary():
    path = pathlib.Path(os.environ.get("EGRESSD_BINARY", ROOT / "build/release/egressd"))
    if not path.exists():
        raise FileNotFoundError(
            f"{path}: build it (cmake --preset release && cmake --build --preset release)")
    return path


def _bury_the_dead():
    """What is left of runs that were killed; most of it went with their processes."""
    for folder in TEMPORARY.glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if not pathlib.Path("/proc", pid).exists():
            shutil.rmtree(folder, ignore_errors=True)
            remove_cgroups(pid)


class World:
    def __init__(self, certificate, base_images=(DEBIAN, BUSYBOX), say=lambda step: None,
                 programs=""):
        """programs: an engine of others than this machine's, see Engine."""
        _bury_the_dead()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-",
                                                    dir=TEMPORARY))
        self.folder.chmod(0o755)
        self.engine = self.internet = self.machine = self.witness = None
        self._ports = itertools.count(3000)
        self._networks = itertools.count(0x100)
        try:
            self._build(certificate, base_images, say, programs)
        except BaseException:
            self.close()
            raise

    def _build(self, certificate, base_images, say, programs):
        self.stage = self._stage()
        say(f"devcontainer CLI {cli.VERSION} from npm")
        self.devcontainer = cli.command()
        for image in base_images:
            say(f"base image {image}")
            images.tar_file(image)
        say("an internet: DNS, HTTP and HTTPS in a namespace")
        self.internet = Internet(certificate)
        self.machine = Machine("engine", RESOLVER)
        self.internet.plug(self.machine.pid)
        self._route_bridges()
        self.witness = Witness(self.internet.loop, self.internet.machine, self.machine)
        say("a Docker Engine in a namespace")
        self.engine = Engine(f"/proc/{self.machine.pid}/ns/net", self.folder,
                             f"nameserver {RESOLVER}\n", f"--dns={RESOLVER}", "--ipv6",
                             f"--fixed-cidr-v6={DEFAULT_BRIDGE_V6}", programs=programs)
        for image in base_images:
            self.engine.load_image(image)

    def _route_bridges(self):
        """Docker masquerades IPv4 only; IPv6 packets need their way back."""
        self.internet.machine.ip(f"route replace {BRIDGES_V6} via {CONTAINER_V6}")

    def _stage(self):
        stage = self.folder / "stage"
        subprocess.run([ROOT / "cmake/stage-feature.sh", ROOT, binary(), os.uname().machine,
                        stage], check=True)
        subprocess.run([ROOT / "cmake/stage-templates.sh", ROOT, NAMESPACE, stage / "templates"],
                       check=True)
        return stage

    @property
    def feature(self):
        return self.stage / "src/egressd"

    @property
    def zone(self):
        return self.internet.zone

    @property
    def dns(self):
        return self.internet.dns

    @property
    def servers(self):
        return self.internet.servers

    def close(self):
        for part in (self.engine, self.witness, self.internet, self.machine):
            if part:
                part.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def workspace(self, name, config=None, files=None, compose=None):
        """A project on the developer's machine; config is its devcontainer.json."""
        if compose:
            files = {**(files or {}), ".devcontainer/docker-compose.yml": compose}
            return ComposeWorkspace(self, name, config, files)
        return Workspace(self, name, config, files)

    def template(self, name, template_id, options=None, files=None):
        """A project made from a template, with other options than its default ones, and a port of
        its own; the Feature is the staged one."""
        options = {"port": self.new_port(), **(options or {})}
        staged = self.stage / "templates" / template_id
        is_compose = any(staged.glob(".devcontainer/*compose*"))
        project = (ComposeWorkspace if is_compose else Workspace)(self, name)
        template.apply(staged, project.folder, options)
        template.use_local_feature(project.folder, f"{NAMESPACE}/egressd:0")
        for path, content in (files or {}).items():
            project.write(path, content)
        return project

    def new_port(self):
        """Of the engine's machine, for what one project shows there."""
        return next(self._ports)

    def new_network_v6(self):
        """A prefix of BRIDGES_V6 for one network of a project."""
        return f"2001:db8:d:{next(self._networks):x}::/64"

    def codespace(self, name, config, network=HOST_NETWORK, files=None):
        """A project as GitHub Codespaces brings it up; one at a time."""
        return Codespace(self, name, config, network, files)

    def sidecar(self):
        """The image of the daemon alone, under the name that templates know it by."""
        name, context = f"{NAMESPACE}/sidecar:0", self.folder / "image"
        subprocess.run([ROOT / "cmake/stage-image.sh", ROOT, binary(), context], check=True)
        self.engine.docker("build", "--tag", name, context)
        return name

    def bare(self, image, *options):
        """A container that has never heard of egressd."""
        name = self.engine.docker("run", "--detach", "--init", *options, image, "sleep",
                                  "infinity").stdout.strip()
        return Container(self.engine, name)

    @contextlib.contextmanager
    def engine_inside(self, container, image):
        """A Docker Engine within a container, as a person installs it there; it has this image."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        inner = Engine(container.network, folder, container.run("cat", "/etc/resolv.conf").stdout)
        try:
            inner.load_image(image)
            yield inner
        finally:
            inner.close()
            shutil.rmtree(folder, ignore_errors=True)

    def cli(self, *argv, timeout=900):
        return self.engine.run([*self.devcontainer, *argv], timeout=timeout)

    def forget(self):
        """Forgets all that was witnessed and asked so far."""
        self.witness.forget()
        self.internet.loop.catch_up()
        self.dns.forget()
        self.servers.visits.clear()

    def cut_cable(self):
        """No network for anybody, until mend_cable()."""
        self.internet.machine.ip("link set eth0 down")

    def mend_cable(self):
        """What the kernel forgets of IPv6 when a link goes down comes back as it was."""
        self.internet.machine.ip("link set eth0 up",
                                 f"addr replace {GATEWAY_V6}/64 dev eth0 nodad")
        self._route_bridges()
        self.machine.ip(f"addr replace {CONTAINER_V6}/64 dev eth0 nodad",
                        f"route replace default via {GATEWAY_V4}",
                        f"route replace default via {GATEWAY_V6}")
