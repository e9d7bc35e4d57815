# SPDX-License-Identifier: MIT
"""Every policy that our documents show is one: egressd takes it, and so does the schema."""

import json
import os
import pathlib
import re
import subprocess

import pytest

import jsonc

jsonschema = pytest.importorskip("jsonschema")

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "feature/egressd/egressd.schema.json"
BUILD = pathlib.Path(os.environ.get("EGRESSD_BUILD", "build/dev")).resolve()
FENCE = re.compile(r"^```jsonc?\n(.*?)^```", re.DOTALL | re.MULTILINE)
MANUAL_EXAMPLE = re.compile(r"^\.Bd -literal\n(.*?)^\.Ed", re.DOTALL | re.MULTILINE)


def snippets():
    """(document, text) of whatever is JSON in them."""
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("doc/*.[158]"), *ROOT.glob("feature/**/*.md")]):
        pattern = FENCE if path.suffix == ".md" else MANUAL_EXAMPLE
        for text in pattern.findall(path.read_text()):
            if text.lstrip().startswith(("{", "//")):
                yield path.name, text.replace("\\e", "\\")
    for path in sorted(ROOT.glob("feature/**/devcontainer.json")):
        yield path.relative_to(ROOT).as_posix(), path.read_text()


@pytest.mark.parametrize("document, text", snippets())
def test_a_policy_that_is_shown(document, text, tmp_path):
    policies = jsonc.policies(jsonc.loads(text))
    for policy in policies:
        jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).validate(policy)
    file = tmp_path / "devcontainer.json"
    file.write_text(text)
    done = subprocess.run([BUILD / "egressd", "check", file], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, f"{document}: {done.stderr}"
    assert not policies or "allow " in done.stdout


def test_there_are_some():
    assert {"README.md", "NOTES.md", "egressd-policy.5"} <= {document for document, _ in snippets()}
