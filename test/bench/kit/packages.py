"""Debian packages that the benchmark needs: installed where their program is missing."""

import os
import pathlib
import shutil
import subprocess
import sys

# The program that tells whether the package is there -> the package.
NEEDED = {
    "cc": "gcc libc6-dev", "cmake": "cmake", "ninja": "ninja-build",
    "ip": "iproute2", "nft": "nftables", "ipset": "ipset", "iptables": "iptables",
    "dnsmasq": "dnsmasq-base", "unbound": "unbound", "dnsperf": "dnsperf",
    "dig": "bind9-dnsutils", "curl": "curl", "jq": "jq",
}
NEEDED_FILES = {
    "/usr/lib/python3/dist-packages/dns": "python3-dnspython",  # the lab's, imported with it
    "/usr/include/libnftnl/table.h": "libnftnl-dev", "/usr/include/libmnl/libmnl.h": "libmnl-dev",
    "/usr/include/json-c/json.h": "libjson-c-dev", "/usr/include/uv.h": "libuv1-dev",
}
NO_SERVICES = pathlib.Path("/usr/sbin/policy-rc.d")


def missing():
    packages = [package for program, package in NEEDED.items() if not shutil.which(program)]
    packages += [package for file, package in NEEDED_FILES.items() if not os.path.exists(file)]
    return " ".join(packages).split()


def install():
    """Installs what is missing; nothing that comes with it is started, now or at the next boot."""
    packages = missing()
    if not packages:
        return
    print("installing:", *packages, file=sys.stderr)
    guard = not NO_SERVICES.exists()
    if guard:
        NO_SERVICES.write_text("#!/bin/sh\nexit 101\n")
        NO_SERVICES.chmod(0o755)
    try:
        for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            subprocess.run(["apt-get", "-qq", *command], check=True, stdout=subprocess.DEVNULL,
                           env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    finally:
        if guard:
            NO_SERVICES.unlink()
    if "unbound" in packages and shutil.which("systemctl"):
        subprocess.run(["systemctl", "disable", "unbound"], capture_output=True, check=False)
