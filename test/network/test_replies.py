"""What --json prints is what is documented: the schemas in replies/, one for each command."""

import json
import pathlib

import jsonschema
import pytest

from lab.dashboard import Dashboard
from lab.lab import ALLOWED, ALLOWED_V4, EVIL, EVIL_V4
from lab.waiting import wait_until

FOLDER = pathlib.Path(__file__).with_name("replies")
SCHEMAS = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}


def assert_is(name, text):
    """One line, of that schema; a schema may name another by its file."""
    assert text.endswith("\n") and text.count("\n") == 1, text
    reply = json.loads(text)
    resolver = jsonschema.RefResolver(f"{FOLDER.as_uri()}/", SCHEMAS[name])
    jsonschema.Draft7Validator(SCHEMAS[name], resolver=resolver).validate(reply)
    return reply


@pytest.fixture
def egressd(lab, container):
    """One that has something to say of everything."""
    daemon = lab.egressd(allow=[ALLOWED, "*.cdn.test:443", "192.0.2.0/24:22", "nowhere.test",
                                "@npm"], deny=[f"{EVIL}:25"])
    assert container.connect(ALLOWED, 443)
    assert not container.resolve("x.nowhere.test") and not container.connect(EVIL_V4, 443)
    assert not container.connect("10.1.2.3", 443)
    wait_until(lambda: {EVIL_V4, "10.1.2.3"} <= {line["address"] for line in
                                                 daemon.ask("log")["entries"]}, "both packets")
    return daemon


def say(daemon, *command, uid=1000):
    return daemon.ctl(*command, "--json", uid=uid, check=False).stdout


def test_schemas_are_schemas():
    for schema in SCHEMAS.values():
        jsonschema.Draft7Validator.check_schema(schema)


def test_status(egressd):
    reply = assert_is("status", say(egressd, "status"))
    assert reply["names"] and reply["entries"] and reply["weaknesses"]


@pytest.mark.parametrize("target", [
    ALLOWED, f"{ALLOWED}:443", f"{ALLOWED}:22", ALLOWED_V4, EVIL, f"{EVIL}:25", EVIL_V4,
    "192.0.2.1:22", "a.cdn.test", "cdn.test", "nowhere.test", "[2001:db8::1]:53/udp"])
def test_explain(egressd, target):
    assert_is("explain", say(egressd, "explain", target))


@pytest.mark.parametrize("target", [ALLOWED, EVIL, f"{EVIL_V4}:9999/udp", "nowhere.test"])
def test_test(egressd, target):
    assert_is("test", say(egressd, "test", target))


def test_log(egressd):
    reply = assert_is("log", say(egressd, "log"))
    assert {entry["kind"] for entry in reply["entries"]} == {"packet", "question", "grant"}


def test_suggest(egressd):
    reply = assert_is("suggest", say(egressd, "suggest"))
    assert reply["allow"] and reply["others"]


def test_metrics(egressd):
    assert_is("metrics", say(egressd, "metrics"))


def test_wait_and_doctor(egressd):
    assert_is("wait", say(egressd, "wait"))
    assert assert_is("doctor", say(egressd, "doctor"))["findings"], "it is a privileged container"


def test_dashboard(container, egressd):
    with Dashboard(container) as dashboard:
        assert_is("dashboard", dashboard.said)


def test_change(egressd):
    egressd.write_policy({"allow": ["other.test"]})
    reply = assert_is("change", say(egressd, "reload", uid=0))
    assert reply["added"] and reply["removed"]


def test_errors(egressd):
    egressd.write_policy("{")
    for code, text in ((77, say(egressd, "apply")), (64, say(egressd, "explain", "a b")),
                       (78, say(egressd, "reload", uid=0))):
        assert assert_is("error", text)["code"] == code


def test_an_invalid_policy(lab):
    daemon = lab.egressd(policy="{", ready=False)
    daemon.wait_answer("status")
    assert assert_is("status", say(daemon, "status"))["state"] == "invalid-policy"
    assert assert_is("wait", say(daemon, "wait"))["state"] == "invalid-policy"
    assert_is("explain", say(daemon, "explain", ALLOWED))
