# SPDX-License-Identifier: MIT
"""The published schema and the daemon agree: what one accepts in form, the other does."""

import json
import os
import pathlib
import subprocess

import pytest

jsonschema = pytest.importorskip("jsonschema")

HERE = pathlib.Path(__file__).resolve().parent
SCHEMA = HERE.parents[1] / "daemon/devcontainer/egressd.schema.json"
BUILD = pathlib.Path(os.environ.get("EGRESSD_BUILD", "build/dev")).resolve()

ACCEPTED = [
    {},
    {"allow": [], "deny": [], "mode": "enforce", "refusal": "refused"},
    {"allow": ["api.example.com", "*.cdn.example.com:443", "db:5432", "x.example:*/udp"]},
    {"allow": ["192.0.2.0/24:22", "[2001:db8::7]:8443", "2001:db8::/32", "_a.example/udp"]},
    {"allow": [{"host": "a.example", "ports": ["22", 443, "8000-8100/tcp", "*"], "private": True}]},
    {"allow": [{"host": "*.a.example", "names": 5000}]},
    {"allow": ["@github", "@NPM"], "deny": ["@copilot"]},
    {"upstreams": ["192.0.2.53", "[2001:db8::53]:5353"], "$schema": "x"},
]

REFUSED = [
    [],
    {"alow": []},
    {"allow": "a.example"},
    {"allow": [7]},
    {"allow": ["*"]},
    {"allow": ["*:443"]},
    {"allow": ["@"]},
    {"allow": ["@github:22"]},
    {"allow": ["@scope/package"]},
    {"allow": [{"host": "@github"}]},
    {"allow": [""]},
    {"allow": ["a.example,b.example"]},
    {"allow": ["a example"]},
    {"allow": ["b\u00fccher.example"]},
    {"allow": [{"ports": ["22"]}]},
    {"allow": [{"host": "a.example", "ports": []}]},
    {"allow": [{"host": "a.example", "ports": ["ssh"]}]},
    {"allow": [{"host": "a.example", "ports": [0]}]},
    {"allow": [{"host": "a.example", "private": "yes"}]},
    {"allow": [{"host": "a.example", "note": "x"}]},
    {"allow": [{"host": "*.a.example", "names": 0}]},
    {"allow": [{"host": "*.a.example", "names": 1000001}]},
    {"allow": [{"host": "*.a.example", "names": 1.5}]},
    {"allow": [{"host": "*.a.example", "names": "many"}]},
    {"mode": "audit"},
    {"refusal": "drop"},
    {"upstreams": ["dns.example"]},
]


def daemon_accepts(policy, folder):
    file = folder / "policy.json"
    file.write_text(json.dumps(policy, ensure_ascii=False))
    return subprocess.run([BUILD / "egressd", "check", file], capture_output=True, timeout=30).returncode == 0


def schema_accepts(policy):
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema).is_valid(policy)


@pytest.mark.parametrize("policy", ACCEPTED, ids=json.dumps)
def test_accepted(policy, tmp_path):
    assert schema_accepts(policy)
    assert daemon_accepts(policy, tmp_path)


@pytest.mark.parametrize("policy", REFUSED, ids=json.dumps)
def test_refused(policy, tmp_path):
    assert not schema_accepts(policy)
    assert not daemon_accepts(policy, tmp_path)
