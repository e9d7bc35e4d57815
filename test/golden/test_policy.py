# SPDX-License-Identifier: MIT
"""Each folder: files that go in, and what `egressd check` says of them, policy.txt or error.txt.

EGRESSD_GOLDEN=write pytest test/golden writes what it says now; read the diff.
"""

import os
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("EGRESSD_BUILD", "build/dev")).resolve()
OUTPUTS = ("policy.txt", "error.txt")
CONFIGURATION = 78


def cases():
    return sorted({path.parent.name for name in OUTPUTS for path in HERE.glob(f"*/{name}")})


def check(folder):
    files = sorted(path.name for path in folder.glob("*.json"))
    done = subprocess.run(
        [BUILD / "egressd", "check", *files], cwd=folder, capture_output=True, text=True, timeout=30
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
def test_no_group_brings_ranges_of_others(tmp_path):
    """There are no groups yet, so no list of a forge's addresses (pages, actions) is let in."""
    (tmp_path / "policy.json").write_text('{"allow": ["@github"]}')
    name, text = check(tmp_path)
    assert name == "error.txt" and "@github" in text, text
