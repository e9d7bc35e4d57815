"""Base images that no registry is needed for, as tar files: Debian, and busybox with musl."""

import hashlib
import pathlib
import platform
import shutil
import subprocess

from . import cache

DEBIAN = "debian:12"
BUSYBOX = "busybox:musl"

SUITE = "bookworm"
PACKAGES = ("ca-certificates", "curl", "git", "iproute2", "procps", "python3", "python3-pip",
            "sudo")
USELESS = ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man",
           "usr/share/locale", "var/log")
KNOCK = pathlib.Path(__file__).with_name("knock.c")
USER = "dev"  # of both images, without any way to become root


def tar_file(name):
    """The tar file of an image's root."""
    make, parts = {
        DEBIAN: (_make_debian, (SUITE, USER, *PACKAGES, *USELESS)),
        BUSYBOX: (_make_busybox, (pathlib.Path(__file__).read_text(), KNOCK.read_text())),
    }[name]
    recipe = hashlib.sha256(" ".join(parts).encode()).hexdigest()[:8]
    return cache.kept(f"{name.replace(':', '-')}-{recipe}.tar", make)


def _mirror():
    """Where this machine gets Debian from."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)",
         "Identifier: Packages"], check=True, capture_output=True, text=True).stdout
    sources = [line.split() for line in listed.splitlines()]
    for uri, suite, component in (source for source in sources if len(source) == 3):
        if (suite, component) == (SUITE, "main"):
            return uri
    raise RuntimeError(f"this machine's apt sources have no {SUITE} main to take a base image from")


def _pack(root, target):
    subprocess.run(["tar", "--numeric-owner", "-C", root, "-cf", target, "."], check=True)


def _new_root(target):
    root = pathlib.Path(f"{target}.scratch")
    root.mkdir(mode=0o755)
    return root


def _make_debian(target):
    root = _new_root(target)
    done = subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, root,
         _mirror()], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"debootstrap failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    subprocess.run(["chroot", root, "useradd", "--create-home", "--uid", "1000", "--shell",
                    "/bin/sh", USER], check=True)
    for useless in USELESS:
        shutil.rmtree(root / useless)
        (root / useless).mkdir()
    _pack(root, target)


def _make_busybox(target):
    """No package manager, no bash, no glibc: busybox, and a musl program that looks names up."""
    root = _new_root(target)
    for name in ("bin", "lib", "etc", "root", f"home/{USER}", "tmp", "usr/bin", "dev", "proc",
                 "sys"):
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    shutil.chown(root / "home" / USER, 1000, 1000)
    shutil.copy("/bin/busybox", root / "bin")
    for applet in subprocess.run(["/bin/busybox", "--list"], check=True, capture_output=True,
                                 text=True).stdout.split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    shutil.copy(f"/lib/ld-musl-{platform.machine()}.so.1", root / "lib")
    subprocess.run(["musl-gcc", "-O2", "-Wall", "-o", root / "usr/bin/knock", KNOCK], check=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n"
                                     f"{USER}:x:1000:1000::/home/{USER}:/bin/sh\n")
    (root / "etc/group").write_text(f"root:x:0:\n{USER}:x:1000:\n")
    _pack(root, target)
