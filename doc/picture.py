#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Takes doc/dashboard.png, the README's picture of the dashboard, of a real run in the lab: its hour
passes in seconds, because only the daemon's clock is put forward. As root, with what test/run
installs; EGRESSD_BUILD as for the tests.
"""

import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "test"))

from lab.browser import Browser  # noqa: E402
from lab.dashboard import Dashboard  # noqa: E402
from lab.lab import Lab  # noqa: E402
from lab.servers import make_certificate  # noqa: E402
from lab.waiting import wait_until  # noqa: E402

WIDTH = 960
WORKSPACE = "/home/vscode/shop"
POLICY = """{
  "customizations": { "egressd": {
    "allow": [
      "api.shop.example",
      "*.cdn.example:443",
      "packages.example:443",
      "192.0.2.0/24:22"
    ],
    "deny": ["upload.cdn.example"]
  } }
}
"""
HOSTS = {"api.shop.example": ("203.0.113.10", "2001:db8:a::10"),
         "img.cdn.example": ("198.51.100.7", "198.51.100.8"),
         "fonts.cdn.example": ("198.51.100.9",), "packages.example": ("203.0.113.80",)}
# Minutes ago -> what a program tried then, and how often: a name, or an address or name and a port.
TRIED = [(57, [("metrics.vendor.example", 6)]), (56, [("metrics.vendor.example", 3)]),
         (43, [(("169.254.169.254", 80), 2)]), (38, [(("2001:db8:bad::66", 22), 1)]),
         (29, [("files.mirror.example", 7)]), (28, [("files.mirror.example", 9)]),
         (27, [("files.mirror.example", 4)]), (15, [("upload.cdn.example", 2)]),
         (9, [(("packages.example", 80), 3)]), (2, [("metrics.vendor.example", 8)]),
         (0, [("metrics.vendor.example", 5)])]


def put_forward(container, seconds):
    container.write("/run/shift.new", f"{seconds} {seconds}\n")
    container.run(["mv", "/run/shift.new", "/run/shift"])


def start(lab, folder):
    container, library = lab.container, pathlib.Path(folder) / "shifted_clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library,
                    HERE.parent / "test/lab/shifted_clock.c"], check=True)
    container.install(library, "/usr/local/lib/shifted_clock.so")
    put_forward(container, 0)
    container.run(["mount", "-t", "tmpfs", "tmpfs", "/home"])
    container.write(f"{WORKSPACE}/.devcontainer/devcontainer.json", POLICY)
    container.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\nvscode:x:1000:1000::/home:/bin/sh\n")
    for name, addresses in HOSTS.items():
        lab.zone.host(name, *addresses)
    return lab.egressd(
        devcontainer=f"{WORKSPACE}/.devcontainer/devcontainer.json",
        env={"LD_PRELOAD": "/usr/local/lib/shifted_clock.so", "SHIFTED_CLOCK": "/run/shift",
             "ASAN_OPTIONS": "verify_asan_link_order=0"})


def live_an_hour(container):
    for minutes_ago, tried in TRIED:
        put_forward(container, (58 - minutes_ago) * 60)
        for name in HOSTS:
            container.connect(name, 443)
        for target, times in tried:
            for _ in range(times):
                if isinstance(target, str):
                    container.resolve(target, family=4)
                else:
                    container.connect(*target, timeout=1)


def main():
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(make_certificate(pathlib.Path(folder)))
        try:
            start(lab, folder)
            live_an_hour(lab.container)
            with Dashboard(lab.container) as dashboard, Browser(lab.container, lab.folder) as browser:
                browser.open(dashboard.url)
                wait_until(lambda: browser.find("#refused > li"), "the list", timeout=20)
                height = browser.run("return document.documentElement.offsetHeight")
                browser.emulate("setDeviceMetricsOverride", width=WIDTH, height=height,
                                deviceScaleFactor=1, mobile=False)
                (HERE / "dashboard.png").write_bytes(browser.screenshot())
        finally:
            lab.close()


if __name__ == "__main__":
    main()
