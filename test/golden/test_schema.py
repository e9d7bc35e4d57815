# SPDX-License-Identifier: MIT
"""The published schema and the daemon agree: what one accepts in form, the other does."""

import json
import os
import pathlib
import random
import subprocess

import pytest

import jsonc

jsonschema = pytest.importorskip("jsonschema")

HERE = pathlib.Path(__file__).resolve().parent
FEATURE = HERE.parents[1] / "feature/egressd"
SCHEMA = FEATURE / "egressd.schema.json"
SEEDS = HERE.parent / "fuzz/corpus"
BUILD = pathlib.Path(os.environ.get("EGRESSD_BUILD", "build/dev")).resolve()
ROUNDS = int(os.environ.get("EGRESSD_TEST_ROUNDS", "40"))
SEED = int(os.environ.get("EGRESSD_SEED", random.randrange(1 << 32)))

ACCEPTED = [
    {},
    {"allow": [], "deny": [], "mode": "enforce", "refusal": "refused"},
    {"allow": ["api.example.com", "*.cdn.example.com:443", "db:5432", "x.example:*/udp"]},
    {"allow": ["192.0.2.0/24:22", "[2001:db8::7]:8443", "2001:db8::/32", "_a.example/udp"]},
    {"allow": ["[2001:db8::]/32:443", "[2001:db8::/32]", "API.Example.", "192.0.2.0/24/udp"]},
    {"allow": [{"host": "a.example", "ports": ["22", 443, "8000-8100/tcp", "*"], "private": True}]},
    {"allow": [{"host": "192.0.2.0/24"}, {"host": "[2001:db8::/32]"}, {"host": "2001:db8::7"}]},
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
    {"allow": ["*.com"]},
    {"allow": ["*foo.example"]},
    {"allow": ["a.*.example"]},
    {"allow": ["a..example"]},
    {"allow": ["192.0.2"]},
    {"allow": ["192.00.2.0/24:22"]},
    {"allow": ["[192.0.2.1]:80"]},
    {"allow": ["a.example/path"]},
    {"allow": ["https://a.example"]},
    {"allow": ["a.example:443/sctp"]},
    {"allow": ["@"]},
    {"allow": ["@github:22"]},
    {"allow": ["@scope/package"]},
    {"allow": [{"host": "@github"}]},
    {"allow": [""]},
    {"allow": ["a.example,b.example"]},
    {"allow": ["a example"]},
    {"allow": ["b\u00fccher.example"]},
    {"allow": [{"ports": ["22"]}]},
    {"allow": [{"host": "a.example:443"}]},
    {"allow": [{"host": "a.example/udp"}]},
    {"allow": [{"host": "[2001:db8::7]:443"}]},
    {"allow": [{"host": "a.example", "ports": []}]},
    {"allow": [{"host": "a.example", "ports": ["ssh"]}]},
    {"allow": [{"host": "a.example", "ports": [0]}]},
    {"allow": [{"host": "a.example", "private": "yes"}]},
    {"allow": [{"host": "a.example", "note": "x"}]},
    {"allow": [{"host": "a.example", "names": 5}]},
    {"deny": [{"host": "*.a.example", "names": 5}]},
    {"allow": [{"host": "*.a.example", "names": 0}]},
    {"allow": [{"host": "*.a.example", "names": 1000001}]},
    {"allow": [{"host": "*.a.example", "names": 1.5}]},
    {"allow": [{"host": "*.a.example", "names": "many"}]},
    {"mode": "watch"},
    {"refusal": "drop"},
    {"upstreams": ["dns.example"]},
]

# What takes more than a pattern to see: an entry, and what the daemon then says.
BEYOND_FORM = {
    "a.example:0": "ports are 1 to 65535",
    "a.example:90-80": "runs backwards",
    "192.0.2.300": "no IPv4 address",
    "192.0.2.7/24": "bits set behind",
    "192.0.2.0/33": "no valid prefix length",
    "[2001:db8::1::2]": "no valid IPv6 address",
    "2001:db8::1::2": "without brackets",
    "2001:db8::7:8443": "in two ways",
    "*.co.uk": "anybody can register",
    "@gihtub": "there is no group",
    "a." * 127 + "ab": "253 characters",
}


def daemon_says(policy, folder):
    """None: it accepts."""
    file = folder / "policy.json"
    file.write_text(json.dumps(policy, ensure_ascii=False))
    done = subprocess.run([BUILD / "egressd", "check", file], capture_output=True, timeout=30)
    return done.stderr.decode(errors="replace") if done.returncode else None


def validator():
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


@pytest.mark.parametrize("policy", ACCEPTED, ids=json.dumps)
def test_accepted(policy, tmp_path):
    assert validator().is_valid(policy)
    assert daemon_says(policy, tmp_path) is None


@pytest.mark.parametrize("policy", REFUSED, ids=json.dumps)
def test_refused(policy, tmp_path):
    assert not validator().is_valid(policy)
    assert daemon_says(policy, tmp_path)


@pytest.mark.parametrize("entry", BEYOND_FORM)
def test_beyond_form(entry, tmp_path):
    assert validator().is_valid({"allow": [entry]})
    assert BEYOND_FORM[entry] in daemon_says({"allow": [entry]}, tmp_path)


def assert_agreement(policy, tmp_path):
    """The schema refuses nothing that is right, and misses nothing but what is beyond form."""
    valid, said = validator().is_valid(policy), daemon_says(policy, tmp_path)
    if said is None:
        assert valid, policy
    elif valid:
        assert any(reason in said for reason in BEYOND_FORM.values()), (policy, said)


@pytest.mark.parametrize("seed", sorted(SEEDS.glob("entry/*")), ids=lambda path: path.name)
def test_the_fuzzers_entries(seed, tmp_path):
    assert_agreement({"allow": [seed.read_bytes().decode(errors="replace")]}, tmp_path)


def test_entries_with_a_slip(tmp_path):
    """Entries that are right, but for one or two characters."""
    chance = random.Random(SEED)
    right = [entry for policy in ACCEPTED for key in ("allow", "deny")
             for entry in policy.get(key, []) if isinstance(entry, str)]
    for _ in range(ROUNDS):
        text = chance.choice(right)
        for _ in range(chance.randint(1, 2)):
            at, kept = chance.randrange(len(text) + 1), chance.randint(0, 1)
            text = text[:at] + chance.choice(".:/*[]@-_a0 9,") + text[at + kept:]
        try:
            assert_agreement({chance.choice(["allow", "deny"]): [text]}, tmp_path)
        except AssertionError as error:
            raise AssertionError(f"EGRESSD_SEED={SEED}: {error}") from None


def test_the_schema_offers_every_shipped_group():
    listed = json.loads(subprocess.run([BUILD / "egressd", "groups", "--json"], capture_output=True,
                                       check=True, timeout=30).stdout)["groups"]
    assert json.loads(SCHEMA.read_text())["definitions"]["group"]["examples"] == [
        f"@{group['name']}" for group in listed]


def test_an_editor_finds_it_from_a_devcontainer():
    """By a second schema, for whole devcontainer.json files, beside the first."""
    whole = json.loads((FEATURE / "devcontainer.schema.json").read_text())
    resolver = jsonschema.RefResolver((FEATURE / "devcontainer.schema.json").as_uri(), whole)
    judge = jsonschema.Draft7Validator(whole, resolver=resolver)
    assert judge.is_valid({"image": "x", "customizations": {"egressd": {"allow": ["a.example"]}}})
    assert not judge.is_valid({"image": "x", "customizations": {"egressd": {"alow": []}}})


# Our own examples

GOOD = sorted(path for case in HERE.glob("*/policy.txt") for path in case.parent.glob("*.json"))


@pytest.mark.parametrize("path", GOOD, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_golden_policies(path):
    for policy in jsonc.policies(jsonc.loads(path.read_text())):
        validator().validate(policy)
