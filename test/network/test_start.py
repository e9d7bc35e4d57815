"""Starting: deny first, never "protected" unless it is, and one daemon only."""

import pytest

from lab.daemon import INSTALLED
from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL_V4, EVIL_V6
from lab.waiting import wait_until


def run_in_background(container, *argv):
    """Its output goes where a container's log goes: the daemon keeps that open."""
    script = 'log=$(mktemp); "$@" > "$log" 2>&1; status=$?; cat "$log"; exit $status'
    return container.run(["sh", "-c", script, "sh", INSTALLED, "run", *argv], check=False)


@pytest.mark.leak("H54", "L21")
def test_in_the_background_it_returns_when_it_enforces(lab, container):
    """The first packet after the entrypoint's command is refused already."""
    probe = lab.prove_open(lambda: container.connect(EVIL_V4, 443), destination=EVIL_V4)
    egressd = lab.egressd(policy={"allow": [ALLOWED]}, start=False)
    container.write("/etc/egressd/policy.json", f'{{"allow": ["{ALLOWED}"]}}')
    done = run_in_background(container)
    assert done.returncode == 0, done
    probe.refused("ECONNREFUSED")
    assert egressd.ctl("wait", "--timeout", "60", check=False).returncode == 0
    assert container.connect(ALLOWED, 443)
    again = run_in_background(container)
    assert again.returncode == 0 and "already" in again.stdout + again.stderr
    egressd.signal(9)


def test_what_a_tool_shows_when_it_enforces(lab):
    """One line, or none; a group counts as the one entry that it is."""
    egressd = lab.egressd(allow=[ALLOWED, "*.cdn.test", "@npm"])
    said = egressd.ctl("wait", uid=1000)
    assert (said.stdout, said.stderr) == (
        "egressd: enforcing 3 allow entries; 'egressctl status' shows them\n", "")
    assert "enforcing: 3 allow and 0 deny entries" in egressd.log()
    egressd.reload({"allow": [ALLOWED], "deny": ["gist.test"]})
    assert "enforcing 1 allow and 1 deny entries;" in egressd.ctl("wait").stdout
    quiet = egressd.ctl("wait", "--quiet")
    assert (quiet.stdout, quiet.stderr) == ("", "")


@pytest.mark.leak("H50")
def test_a_daemon_that_died_is_started_again(lab, container):
    """In the background somebody watches over it; meanwhile it stays closed."""
    probe = lab.prove_open(lambda: container.connect(EVIL_V4, 443), destination=EVIL_V4)
    egressd = lab.egressd(policy={}, start=False)
    container.write("/etc/egressd/policy.json", f'{{"allow": ["{ALLOWED}"]}}')
    assert run_in_background(container).returncode == 0
    for _ in range(2):
        died = egressd.status()["pid"]
        container.run(["kill", "-KILL", died])
        probe.refused("ECONNREFUSED")
        egressd.wait_answer("wait", "--timeout", "60")
        wait_until(lambda: egressd.status().get("pid") not in (died, None), "a new daemon")
        assert container.connect(ALLOWED, 443)
        probe.refused("ECONNREFUSED")
    egressd.signal(9)


@pytest.mark.leak("L23")
def test_in_the_background_with_a_broken_policy(lab, container):
    """It starts and denies all; the hooks fail with the message."""
    probe = lab.prove_open(lambda: container.connect(ALLOWED, 443))
    egressd = lab.egressd(policy={}, start=False)
    container.write("/etc/egressd/policy.json", '{\n  "allow": ["not a name!"]\n}\n')
    assert run_in_background(container).returncode == 0
    done = egressd.ctl("wait", "--timeout", "60", check=False)
    assert done.returncode == 78 and "/etc/egressd/policy.json:2:" in done.stderr + done.stdout
    probe.refused("EAI_NONAME", "EAI_AGAIN")
    egressd.signal(9)


def test_nobody_there(lab, container):
    """Without a daemon the client says so, and does not hang."""
    egressd = lab.egressd(policy={}, start=False)
    for command in (["wait", "--timeout", "0"], ["status"], ["explain", ALLOWED], ["reload"]):
        assert egressd.ctl(*command, check=False).returncode == 69, command
    assert egressd.ctl("nonsense", check=False).returncode == 64
    assert egressd.ctl("explain", check=False).returncode == 64


@pytest.mark.leak("H50")
def test_a_table_left_by_another_version_is_replaced(lab, container):
    """Same name, other contents: what it accepted is over."""
    container.nft("add", "table", "inet", "egressd")
    container.nft("add", "chain", "inet", "egressd", "out",
                  "{ type filter hook output priority -5; policy accept; }")
    container.nft("add", "set", "inet", "egressd", "allow4", "{ type ipv4_addr; }")
    container.nft("add", "element", "inet", "egressd", "allow4", f"{{ {EVIL_V4} }}")
    container.nft("add", "rule", "inet", "egressd", "out", "ip daddr @allow4 accept")
    container.nft("add", "chain", "inet", "egressd", "leftover", "{ type filter hook output "
                  "priority -9; policy accept; }")
    probe = lab.prove_open(lambda: container.connect(EVIL_V4, 443), destination=EVIL_V4)
    lab.egressd(allow=[ALLOWED])
    probe.refused("ECONNREFUSED")
    assert container.connect(ALLOWED, 443)
    assert "leftover" not in container.nft("list", "table", "inet", "egressd")


def test_status_tells_what_is_open(lab, container):
    egressd = lab.egressd(allow=[ALLOWED, "nobody.test", "192.0.2.0/24:22"], deny=["bad.test"])
    assert container.connect(ALLOWED, 443)
    status = egressd.status()
    assert status["state"] == "enforcing"
    names = {name["name"]: name for name in status["names"]}
    addresses = {address["address"] for address in names[ALLOWED]["addresses"]}
    assert addresses == {ALLOWED_V4, ALLOWED_V6}
    assert names["nobody.test"]["addresses"] == []
    assert any("policy.json" in str(entry) for entry in status["entries"])
    text = egressd.ctl("status", uid=1000).stdout
    assert ALLOWED in text and "\033" not in text


@pytest.mark.leak("L18")
def test_the_environment_of_the_caller_changes_nothing(lab, container):
    """Started by nobody but root, and still: only options and files count."""
    probe = lab.prove_open(lambda: container.connect(EVIL_V6, 443), destination=EVIL_V6)
    lab.egressd(allow=[ALLOWED], env={"EGRESSD_POLICY": "/nonexistent", "RES_OPTIONS": "debug",
                                      "LOCALDOMAIN": "evil.test", "HOSTALIASES": "/etc/hosts",
                                      "PATH": "/nonexistent:/usr/bin"})
    probe.refused("ECONNREFUSED")
    assert container.connect(ALLOWED, 443)
