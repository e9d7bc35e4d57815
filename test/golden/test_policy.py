# SPDX-License-Identifier: MIT
"""Each folder: files that go in, and what `egressd check` says of them, policy.txt or error.txt;
groups.d, where there is one, holds groups of an organisation's own.

EGRESSD_GOLDEN=write pytest test/golden writes what it says now; read the diff.
"""

import json
import os
import pathlib
import shlex
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("EGRESSD_BUILD", "build/dev")).resolve()
UNDER = shlex.split(os.environ.get("EGRESSD_UNDER", ""))  # qemu-aarch64, for the other architecture
OUTPUTS = ("policy.txt", "error.txt")
CONFIGURATION = 78


def cases():
    return sorted({path.parent.name for name in OUTPUTS for path in HERE.glob(f"*/{name}")})


def check(folder):
    files = sorted(path.name for path in folder.glob("*.json"))
    done = subprocess.run(
        [*UNDER, BUILD / "egressd", "check", "--groups", "groups.d", *files], cwd=folder,
        capture_output=True, text=True, timeout=30
    )
    if done.returncode == 0:
        assert done.stderr == ""
        return "policy.txt", done.stdout
    assert done.returncode == CONFIGURATION, done.stderr
    assert done.stdout == ""
    return "error.txt", done.stderr


@pytest.mark.parametrize("case", cases())
def test_check(case):
    folder = HERE / case
    name, text = check(folder)
    if os.environ.get("EGRESSD_GOLDEN") == "write":
        for output in OUTPUTS:
            (folder / output).unlink(missing_ok=True)
        (folder / name).write_text(text)
    assert (folder / name).exists(), text
    assert text == (folder / name).read_text()


COURIERS = ["github.com", "gist.github.com", "raw.githubusercontent.com", "*.github.io",
            "sentry.io", "storage.googleapis.com", "*.s3.amazonaws.com", "pastebin.com"]
RESOLVERS = ["dns.google", "cloudflare-dns.com", "1.1.1.1"]


@pytest.mark.leak("L15", "L14")
@pytest.mark.parametrize("entry", [*COURIERS, *RESOLVERS])
def test_hosts_that_anybody_can_use_are_noted(tmp_path, entry):
    """Documented, not prevented: what an allowed host does with what it is sent is not seen."""
    (tmp_path / "policy.json").write_text(f'{{"allow": ["{entry}"]}}')
    name, text = check(tmp_path)
    assert name == "policy.txt" and "note: " in text, text


@pytest.mark.leak("L15")
@pytest.mark.parametrize("host", ["gist.github.com", "uploads.github.com", "*.github.io", "*.s3.amazonaws.com",
                                  "*.blob.core.windows.net", "192.0.2.1"])
def test_a_forges_group_leaves_out_what_anybody_fills(tmp_path, host):
    """Its repositories and its API alone: no gists, no uploads, no pages, no list of addresses."""
    (tmp_path / "policy.json").write_text(json.dumps({"allow": ["@github", host]}))
    name, text = check(tmp_path)
    assert name == "policy.txt", text
    allowed = [line.split()[1] for line in text.splitlines() if line.startswith("allow ")]
    assert "github.com" in allowed and allowed.count(host) == 1 and "/" not in "".join(allowed)
