"""The manuals say what --help says: each command and option is in both. And they are good mdoc."""

import functools
import json
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = ROOT / os.environ.get("EGRESSD_BUILD", "build/dev") / "egressd"
SCHEMAS = ROOT / "test/network/replies"
PAGES = sorted((ROOT / "doc").glob("*.[158]"))


def page(name):
    return (ROOT / "doc" / name).read_text()


def commands_of(text):
    described = text.split(".Sh JSON")[0]
    return set(re.findall(r"^\.It Cm ([a-z-]+)", described, re.MULTILINE))


def options_of(text):
    """Of the lines that explain one: the long names."""
    items = re.findall(r"^\.It Fl (.*)", text, re.MULTILINE)
    return {name for item in items for name in re.findall(r"(?:^|, )-([a-z-]{2,})", item)}


@functools.cache
def help_of(program, *command):
    client = BINARY.with_name(program)
    return subprocess.run([client, *command, "--help"], capture_output=True, text=True,
                          check=True).stdout


def options_in(text):
    return set(re.findall(r"^  (?:.{4})?--([a-z-]+)", text, re.MULTILINE))


@pytest.mark.parametrize("path", PAGES, ids=[path.name for path in PAGES])
def test_pages_are_good_mdoc(path):
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], capture_output=True,
                          text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def test_every_command_of_the_client():
    listed = set(re.findall(r"^  ([a-z]+) ", help_of("egressctl"), re.MULTILINE))
    assert listed == commands_of(page("egressctl.1"))


def test_every_option_of_the_client():
    commands = commands_of(page("egressctl.1"))
    known = set.union(options_in(help_of("egressctl")),
                      *(options_in(help_of("egressctl", command)) for command in commands))
    assert known == options_of(page("egressctl.1"))


def test_what_a_command_takes_stands_at_the_command():
    for command in commands_of(page("egressctl.1")):
        shown = re.search(rf"^\.It Cm {command}\b(.*)", page("egressctl.1"), re.MULTILINE)[1]
        usage, *_, = help_of("egressctl", command).splitlines()
        assert ("HOST" in usage) == ("Ar host" in shown), command
        own = options_in(help_of("egressctl", command)) - options_in(help_of("egressctl"))
        letters = {letter for letter, name in
                   re.findall(r"^  -(.), --([a-z-]+)", help_of("egressctl", command), re.MULTILINE)
                   if name in own}
        for option in own:
            assert f"Fl -{option}" in shown or any(f"Fl {each}" in shown for each in letters), \
                f"{command} --{option}"


def test_every_member_of_the_json():
    """The schemas hold the replies; the manual names their members."""
    section = page("egressctl.1").split(".Sh JSON")[1].split(".Sh ")[0]
    for item in section.split(".It Cm ")[1:]:
        commands, text = item.split("\n", 1)
        schema = "change" if commands == "apply , reload" else commands
        members = set(json.loads((SCHEMAS / f"{schema}.json").read_text())["properties"]) - {"ok"}
        named = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"\.Li (.*)", text))))
        assert members <= named, commands


def test_the_daemon():
    shown = help_of("egressd")
    assert set(re.findall(r"^\D{7}egressd ([a-z]+)", shown, re.MULTILINE)) == \
        commands_of(page("egressd.8"))
    known = options_in(shown) | set(re.findall(r" egressd --(\w+) \| --(\w+)", shown)[0])
    assert known == options_of(page("egressd.8"))


def test_every_key_of_a_policy():
    schema = json.loads((ROOT / "feature/egressd/egressd.schema.json").read_text())
    keys = {*schema["properties"], *schema["definitions"]["object"]["properties"]}
    items = re.findall(r"^\.It Li \\\(dq([a-z$]+)\\\(dq", page("egressd-policy.5"), re.MULTILINE)
    assert set(items) == keys


def test_no_line_is_wider_than_a_terminal():
    commands = commands_of(page("egressctl.1"))
    texts = [help_of("egressctl"), help_of("egressd"), *(help_of("egressctl", each) for each in commands)]
    assert not [line for text in texts for line in text.splitlines() if len(line) > 80]
