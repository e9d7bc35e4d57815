"""The workspace is the agent's: what it does there changes nothing until root says so."""

import json
import os
import subprocess
import time

import pytest

from lab.daemon import INSTALLED, install
from lab.lab import ALLOWED, EVIL, EVIL_V4
from lab.waiting import wait_until

HOME, WORK = "/var/home", "/var/home/work"
FILE = f"{WORK}/.devcontainer/devcontainer.json"
SECRET = "kept-from-everybody"
STARTS = int(os.environ.get("EGRESSD_TEST_STARTS", "6"))


def devcontainer(*allow, **more):
    return json.dumps({"customizations": {"egressd": {"allow": list(allow), **more}}}, indent=4)


class Workspace:
    """A folder that belongs to the agent, as does the one above it."""

    def __init__(self, container):
        self._container = container
        container.run(["install", "-d", "-o", "1000", "-g", "1000", HOME, WORK,
                       f"{WORK}/.devcontainer"])

    def agent(self, script, check=True, **options):
        return self._container.run(["sh", "-ec", script], uid=1000, check=check, **options)

    def write(self, text, file=FILE):
        """As an editor does it: the file is whole at any time."""
        self._container.run(["sh", "-ec", f"cat > {HOME}/new; mkdir -p $(dirname {file}); "
                             f"mv {HOME}/new {file}"], uid=1000, stdin=text)


@pytest.fixture
def workspace(container):
    container.write("/etc/egressd/feature.json", '{"workspacePolicy": "pin"}')
    return Workspace(container)


def start(lab, **options):
    return lab.egressd(workspace=WORK, **options)


def allowed(status):
    return {entry["host"] for entry in status["entries"] if entry["list"] == "allow"}


@pytest.mark.leak("L19", "L20")
def test_an_edit_is_pending_and_root_may_adopt_it(lab, container, workspace):
    probe = lab.prove_open(lambda: container.connect(EVIL_V4, 443), destination=EVIL_V4)
    workspace.write(devcontainer(ALLOWED, "gone.test:22"))
    egressd = start(lab)
    assert egressd.status()["pending"] is None and "pending" not in egressd.ctl("status").stdout
    workspace.write(devcontainer(ALLOWED, EVIL, deny=["gist.test"], refusal="refused"))
    pending = wait_until(lambda: egressd.status()["pending"], "the edit to be noticed")
    assert pending == {"added": [f"allow {EVIL} 80 443", "deny gist.test * */udp",
                                 "refusal refused"],
                       "removed": ["allow gone.test 22", "refusal nxdomain"],
                       "left_out": 0, "error": None}
    shown = egressd.ctl("status", uid=1000).stdout
    assert f"+ allow {EVIL} 80 443\n" in shown and "- allow gone.test 22\n" in shown
    assert "egressctl apply" in shown
    for command in ("apply", "reload"):
        assert egressd.ctl(command, uid=1000, check=False).returncode == 77
    egressd.ctl("reload")  # reads the baked files again, and no more
    egressd.kill9()
    egressd.start()
    assert container.resolve(EVIL).error == "EAI_NONAME"
    probe.refused("ECONNREFUSED")
    applied = egressd.ctl("apply").stdout
    assert f"+ allow {EVIL} 80 443\n" in applied and "- allow gone.test 22\n" in applied
    assert container.connect(EVIL, 443) and egressd.status()["pending"] is None


@pytest.mark.leak("L19", "L20")
def test_what_an_image_was_built_with_counts(lab, container, workspace):
    """Pinned before there is a container: what the agent writes counts once it is built in, and
    then people are told what it changed."""
    install(container)
    workspace.write(devcontainer(ALLOWED))
    assert ALLOWED in container.run([INSTALLED, "pin", FILE]).stdout
    workspace.write(devcontainer(EVIL))
    egressd = lab.egressd(devcontainer=FILE)
    assert allowed(egressd.status()) == {ALLOWED}
    assert egressd.status()["pending"]["added"] == [f"allow {EVIL} 80 443"]
    assert "+" not in egressd.ctl("wait").stdout
    container.run([INSTALLED, "pin", FILE])
    egressd.restart()
    assert allowed(egressd.status()) == {EVIL} and egressd.status()["pending"] is None
    for said in (egressd.ctl("wait").stdout, egressd.log()):
        assert f"+ allow {EVIL} 80 443\n" in said and f"- allow {ALLOWED} 80 443\n" in said


@pytest.mark.leak("L23")
def test_nothing_wrong_is_built_into_an_image(container, workspace):
    install(container)
    workspace.write(devcontainer("not a host"))
    refused = container.run([INSTALLED, "pin", FILE], check=False)
    assert refused.returncode == 78 and f"{FILE}:5:21: " in refused.stderr
    workspace.write(devcontainer(ALLOWED))
    container.write("/etc/egressd/feature.json", '{"workspacePolicy": "follow"}')
    refused = container.run([INSTALLED, "pin", FILE], check=False)
    assert refused.returncode == 78 and "workspacePolicy" in refused.stderr
    assert not container.path("/var/lib/egressd/workspace.json").exists()


@pytest.mark.leak("H51", "L19")
def test_a_broken_edit_is_told_and_changes_nothing(lab, container, workspace):
    workspace.write(devcontainer(ALLOWED))
    egressd = start(lab)
    workspace.write('{"customizations": {"egressd": {\n"allow": ["%s:0"]}}}' % EVIL)
    pending = wait_until(lambda: egressd.status()["pending"], "the edit to be noticed")
    assert pending["error"].startswith(f"{FILE}:2:") and "port 0" in pending["error"]
    assert f"{FILE}:2:" in egressd.ctl("status").stdout
    assert egressd.ctl("apply", check=False).returncode == 78
    assert container.connect(ALLOWED, 443) and not container.resolve(EVIL)
    workspace.write(devcontainer(ALLOWED))
    wait_until(lambda: not egressd.status()["pending"], "the repair to be noticed")


# What an agent may do to its own files: a shell script, run as the agent.
ATTACKS = {
    "another file that comes first": "echo $EVIL > $WORK/.devcontainer.json; rm $FILE",
    "another folder": "mkdir $WORK/.devcontainer/a; echo $EVIL > $WORK/.devcontainer/a/devcontainer.json",
    "more folders than are looked into": "cd $WORK/.devcontainer; seq 5000 | xargs mkdir",
    "more files than are taken": "cd $WORK/.devcontainer; for i in $(seq 70); do mkdir $i; "
                                 "echo $EVIL > $i/devcontainer.json; done",
    "a merged file": "mkdir -p $WORK/.codespaces/shared; "
                     "echo $EVIL > $WORK/.codespaces/shared/merged_devcontainer.json",
    "no file": "rm $FILE",
    "no folder": "rm -r $WORK/.devcontainer",
    "another workspace": "mv $WORK $HOME/old; mkdir -p $WORK/.devcontainer; echo $EVIL > $FILE",
    "a link to a file": "echo $EVIL > $HOME/evil; ln -sf $HOME/evil $FILE",
    "a link to a folder": "mkdir $HOME/d; echo $EVIL > $HOME/d/devcontainer.json; "
                          "rm -r $WORK/.devcontainer; ln -s $HOME/d $WORK/.devcontainer",
    "a link to itself": "ln -sf devcontainer.json $FILE",
    "a link to what root keeps": "ln -sf /etc/shadow $FILE",
    "a link to what the daemon is": "ln -sf /proc/self/environ $FILE",
    "a link to the kernel's log": "ln -sf /proc/kmsg $FILE",
    "a link to the kernel's memory": "ln -sf /proc/kcore $FILE",
    "a link to zeros": "ln -sf /dev/zero $FILE",
    "a pipe": "rm $FILE; mkfifo $FILE",
    "a folder in its place": "rm $FILE; mkdir $FILE",
    "a huge file": "truncate -s 8G $FILE",
    "a deep file": "head -c 900000 /dev/zero | tr '\\0' '[' > $FILE",
    "half a file": "echo $EVIL | head -c 50 > $FILE",
    "nothing for anybody": "chmod 0 $WORK",
    "a mount in a namespace of its own":
        "echo $EVIL > $HOME/evil; unshare -rm sh -ec 'mount --bind $HOME/evil $FILE; cat $FILE'",
    "a lease on the file":  # whoever opens it would wait for 45 seconds
        "/usr/bin/python3 -Ic 'import fcntl, os, time; file = open(\"$FILE\", \"r+\"); "
        "fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK); print(os.getpid(), flush=True); time.sleep(600)' "
        "> $HOME/holds 2>&1 & while ! [ -s $HOME/holds ]; do sleep 0.01; done",
}


@pytest.mark.leak("L19", "L23")
def test_nothing_that_the_agent_does_to_its_files_counts(lab, container, workspace):
    probe = lab.prove_open(lambda: container.connect(EVIL_V4, 443), destination=EVIL_V4)
    workspace.write(devcontainer(ALLOWED))
    egressd = start(lab)
    for name, attack in ATTACKS.items():
        attack = attack.replace("$HOME", HOME).replace("$WORK", WORK).replace("$FILE", FILE)
        workspace.agent(f"EVIL='{devcontainer(EVIL)}'; umask 0; {attack}")
        egressd.kill9()
        egressd.start()
        assert allowed(egressd.status()) == {ALLOWED}, name
        assert container.resolve(EVIL).error == "EAI_NONAME", name
        container.run(["sh", "-ec", f"! [ -s {HOME}/holds ] || kill $(cat {HOME}/holds); "
                       f"chmod 755 {WORK}; rm -rf {HOME}/*"])
        Workspace(container).write(devcontainer(ALLOWED))
    probe.refused("ECONNREFUSED")


@pytest.mark.leak("L19")
@pytest.mark.parametrize("text", [f"{SECRET}:x:0:0\n", f'{{"customizations": "{SECRET}"}}',
                                  devcontainer(f"{SECRET}.test:0"), devcontainer(f"{SECRET}.test"),
                                  f'{{"customizations": {{"egressd": {{"{SECRET}": 1}}}}}}'],
                         ids=["text", "JSON", "entry", "policy", "key"])
def test_links_disclose_nothing(lab, container, workspace, text):
    """At its start the daemon may read any file. What it says of it, the agent may read."""
    container.write("/var/secret", text)
    container.run(["chmod", "600", "/var/secret"])
    workspace.agent(f"ln -s /var/secret {FILE}")
    egressd = start(lab, ready=False)
    assert egressd.wait_answer("wait").returncode == 78
    said = egressd.log() + json.dumps(egressd.status())
    assert SECRET not in said and "may not be read" in said
    assert SECRET not in container.run(["cat", "/var/lib/egressd/workspace.json"]).stdout
    assert container.run(["cat", "/var/lib/egressd/workspace.json"], uid=1000,
                         check=False).returncode
    container.run(["chmod", "644", "/var/secret"])
    workspace.write(devcontainer(EVIL))
    egressd.kill9()
    egressd.start(ready=False)
    assert egressd.wait_answer("wait").returncode == 78  # pinned as it was


@pytest.mark.leak("L19")
@pytest.mark.parametrize("broken", ['{"customizations": {"egressd": {"allow": ["no entry"]}}}',
                                    '{"customizations": ', None], ids=["entry", "JSON", "missing"])
def test_what_was_refused_at_first_is_not_adopted_at_a_restart(lab, container, workspace, broken):
    """Else the agent would only have to write another policy, and wait for the next start."""
    if broken is None:
        container.write("/etc/egressd/feature.json", json.dumps(
            {"workspacePolicy": "pin", "config": ".devcontainer/devcontainer.json"}))
    else:
        workspace.write(broken)
    egressd = start(lab, ready=False)
    assert egressd.wait_answer("wait").returncode == 78
    workspace.write(devcontainer(EVIL))
    egressd.kill9()
    egressd.start(ready=False)
    assert egressd.wait_answer("wait").returncode == 78
    assert egressd.ctl("reload", check=False).returncode == 78
    assert container.connect(EVIL_V4, 443).error == "ECONNREFUSED"
    egressd.ctl("apply")  # root may
    assert container.connect(EVIL, 443)


@pytest.mark.leak("L19", "L23")
@pytest.mark.parametrize("options", ["ro", "size=4k"], ids=["unwritable", "full"])
def test_without_room_for_the_pin_everything_stays_closed(lab, container, workspace, options):
    """Also at later starts, when there is room again: the agent has been there meanwhile."""
    workspace.write(devcontainer(ALLOWED))
    container.run(["mount", "-t", "tmpfs", "-o", f"uid=65053,gid=65053,mode=0755,{options}",
                   "tmpfs", "/var/lib/egressd"])
    if options != "ro":
        container.run(["sh", "-c", "cat /dev/zero > /var/lib/egressd/filler"], check=False)
    egressd = start(lab, ready=False)
    wait = egressd.wait_answer("wait")
    assert wait.returncode == 78 and "cannot be pinned" in wait.stderr
    egressd.kill9()
    container.run(["umount", "/var/lib/egressd"])
    workspace.write(devcontainer(EVIL))
    egressd.start(ready=False)
    assert egressd.wait_answer("wait").returncode == 78
    assert container.connect(EVIL_V4, 443).error == "ECONNREFUSED"
    egressd.ctl("apply")
    assert container.connect(EVIL, 443)


SWAPPER = """
import os, sys, time
texts, file, way = sys.argv[1:3], sys.argv[3], sys.argv[4]
print(flush=True)
turn = 0
while True:
    turn += 1
    time.sleep(0.002)
    if way == "rename":
        with open(file + ".new", "w") as new:
            new.write(texts[turn % 2])
        os.rename(file + ".new", file)
    else:
        with open(file, "w") as old:
            for at in range(0, len(texts[0]), 1000):
                old.write(texts[turn % 2][at:at + 1000])
                old.flush()
"""


def answer_in(egressd, runtime):
    return json.loads(egressd.wait_answer("--runtime-dir", runtime, "status", "--json").stdout)


@pytest.mark.leak("L19", "H54")
@pytest.mark.parametrize("way", ["rename", "overwrite"])
def test_a_race_with_the_first_read(lab, container, workspace, way):
    """It is one whole text or the other, or nothing at all; and what it was, it stays."""
    sets = [{f"{letter}{i}.test" for i in range(150)} for letter in "ab"]
    texts = [devcontainer(*sorted(names)) for names in sets]
    workspace.write(texts[0])
    swapper = subprocess.Popen(
        container.command(["/usr/bin/python3", "-Ic", SWAPPER, *texts, FILE, way], uid=1000),
        stdout=subprocess.PIPE)
    swapper.stdout.readline()
    for turn in range(STARTS):
        runtime = f"/run/turn{turn}"
        container.nft("flush", "ruleset")  # as in a container that starts for the first time
        egressd = start(lab, ready=False, state_dir=f"/var/lib/turn{turn}", runtime_dir=runtime)
        first = answer_in(egressd, runtime)
        egressd.kill9()
        egressd.start(ready=False)
        again = answer_in(egressd, runtime)
        egressd.kill9()
        assert allowed(first) in (*sets, set()), turn
        assert allowed(first) == allowed(again), turn
        assert allowed(first) or way == "overwrite" and first["state"] == "invalid-policy", first["reason"]
    swapper.kill()  # what it runs ends with the container, and holds the pipe until then
    swapper.wait()
    swapper.stdout.close()


@pytest.mark.leak("H51")
def test_ten_thousand_entries(lab, container, workspace):
    workspace.write(devcontainer(ALLOWED))
    egressd = start(lab)
    workspace.write(devcontainer(ALLOWED, *(f"host{i}.test" for i in range(9000))))
    pending = wait_until(lambda: egressd.status()["pending"], "the edit to be noticed")
    assert len(pending["added"]) == 1000 and pending["left_out"] == 8000
    assert "8940 more" in egressd.ctl("status").stdout
    assert container.connect(ALLOWED, 443)
    egressd.ctl("apply")
    assert len(allowed(egressd.status())) == 9001


STORM = """
import sys, time
texts, file = sys.argv[1:3], sys.argv[3]
for turn in range(400):
    with open(file, "w") as old:
        old.write(texts[turn % 2])
    time.sleep(0.01)
with open(file, "w") as old:
    old.write(texts[0])
"""


@pytest.mark.leak("H51", "L22")
def test_a_storm_of_writes_in_follow_mode(lab, container, workspace):
    """A hundred a second, every other one broken: bounded work, nobody held up, the last one wins."""
    container.write("/etc/egressd/feature.json", '{"workspacePolicy": "follow"}')
    workspace.write(devcontainer(ALLOWED))
    egressd = start(lab)
    hammer = container.agent(another="hammer")
    began = time.monotonic()
    hammer.begin_hammer((ALLOWED, 80), (EVIL_V4, 443))
    texts = [devcontainer(ALLOWED, "last.test"), '{"customizations": {"egressd": {"allow": ["']
    container.run(["/usr/bin/python3", "-Ic", STORM, *texts, FILE], uid=1000, timeout=600)
    wait_until(lambda: "last.test" in allowed(egressd.status()), "the last text")
    counts = hammer.end_hammer()
    assert set(counts[f"{ALLOWED}:80"]) == {"ok"}, counts
    assert set(counts[f"{EVIL_V4}:443"]) == {"ECONNREFUSED"}, counts
    assert egressd.status()["counters"]["reloads"] <= max(20, time.monotonic() - began)
    workspace.write(devcontainer(ALLOWED, EVIL))  # follow is for those who trust whoever writes
    wait_until(lambda: container.connect(EVIL, 443), "the edit in force")


@pytest.mark.leak("L19")
def test_ignored_it_is_not_even_opened(lab, container, workspace):
    container.write("/etc/egressd/feature.json", '{"workspacePolicy": "ignore"}')
    container.write("/etc/egressd/policy.json", json.dumps({"allow": [ALLOWED]}))
    container.run(["mount", "-t", "tmpfs", "-o", "strictatime,uid=1000", "tmpfs", WORK])
    workspace.write(devcontainer(EVIL))
    container.run(["touch", "-a", "-d", "2001-01-01", FILE])
    egressd = start(lab)
    workspace.write(devcontainer(EVIL, "more.test"))
    container.run(["touch", "-a", "-d", "2001-01-01", FILE])
    egressd.ctl("reload")
    assert egressd.ctl("apply").returncode == 0
    assert os.stat(container.path(FILE)).st_atime < 1e9 < os.stat(container.path(FILE)).st_mtime
    assert allowed(egressd.status()) == {ALLOWED} and egressd.status()["pending"] is None
