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
