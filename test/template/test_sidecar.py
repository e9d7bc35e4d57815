"""The template agent-sandbox-sidecar: even root in the dev container is held."""

import json
import re

import pytest

from developer import hand_over, sandbox
from engine.container import COULD_NOT_CONNECT, COULD_NOT_RESOLVE
from lab.lab import ALLOWED, ALLOWED_V4, EVIL, EVIL_V4
from lab.waiting import wait_until
from probes import (assert_enforcing, assert_nothing_gets_out, assert_open, assert_reaches,
                    assert_refuses, assert_unseen)
from sidecar import DATABASE_PORT, RESOLVER, USER, Fire, make_project

NOT_PERMITTED = 77
NET_ADMIN, NET_RAW = 1 << 12, 1 << 13
POLICY = ".devcontainer/devcontainer.json"


@pytest.fixture(scope="module")
def project(world, new_project):
    project = make_project(world, new_project, "sidecar")
    project.must_up()
    return project


@pytest.fixture
def dev(project):
    return project.service("dev")


@pytest.fixture
def sidecar(project):
    return project.service("egressd")


@pytest.fixture(scope="module")
def bare(world, project):
    bare = world.bare("debian:12", f"--network={project.network}")
    yield bare
    bare.remove()


@pytest.mark.parametrize("user", ["root", USER])
def test_listed_hosts_work_and_others_are_refused(world, dev, bare, user):
    assert_enforcing(dev, user=user)
    assert_reaches(dev, ALLOWED, user=user)
    assert_refuses(world, dev, user=user)
    assert_open(world, bare)


def test_a_listed_neighbour_is_reached_by_name_and_nothing_else_of_it(project, dev):
    assert dev.curl(f"http://db:{DATABASE_PORT}/").body == "the database\n"
    project.service("db").run("httpd", "-p", "5433", "-h", "/tmp")
    assert dev.curl("http://db:5433/").code == COULD_NOT_CONNECT


def test_a_neighbour_that_is_not_listed_is_refused(world, project, dev):
    network = project.network.replace("_default", "_neighbours")
    cache = world.bare("busybox:musl", f"--network={network}", "--network-alias=cache")
    try:
        address = cache.details["NetworkSettings"]["Networks"][network]["IPAddress"]
        cache.run("httpd", "-p", "6379", "-h", "/tmp")
        assert project.service("db").knock("cache", 6379), "it is there"
        assert dev.curl("http://cache:6379/").code == COULD_NOT_RESOLVE
        assert dev.curl(f"http://{address}:6379/").code == COULD_NOT_CONNECT
    finally:
        cache.remove()


def test_the_neighbour_carries_nothing_out(world, project, bare):
    """It has no way out of its own: who takes it over has gained none."""
    world.forget()
    for host in (ALLOWED_V4, EVIL_V4, EVIL):
        assert not project.service("db").knock(host)
    assert_unseen(world)
    assert bare.curl(f"http://{EVIL_V4}/")


def test_only_the_sidecar_has_power_over_the_network(dev, sidecar):
    for container, holds in ((dev, False), (sidecar, True)):
        host = container.details["HostConfig"]
        assert not host["Privileged"] and not host["PidMode"]
        assert ("NET_ADMIN" in str(host["CapAdd"])) == holds
    bounding = int(re.search(r"CapBnd:\s(\w+)", dev.sh("cat /proc/1/status").stdout)[1], 16)
    assert not bounding & (NET_ADMIN | NET_RAW)
    host = sidecar.details["HostConfig"]
    assert host["CapDrop"] == ["ALL"] and set(host["CapAdd"]) == {"NET_ADMIN", "SETUID", "SETGID"}
    assert host["ReadonlyRootfs"] and host["SecurityOpt"] == ["no-new-privileges:true"]
    assert sidecar.engine.docker("exec", sidecar.name, "sh", check=False).returncode != 0


@pytest.mark.leak("L19", "L31")
@pytest.mark.parametrize("command", ["apply", "reload"])
def test_root_in_the_dev_container_gives_no_orders(dev, command):
    for user in ("root", USER, "65053"):
        refused = dev.ctl(command, user=user)
        assert refused.returncode == NOT_PERMITTED, refused
    assert "another container" in dev.ctl(command).stderr
    assert dev.run("sudo", "egressctl", command, user=USER, check=False).returncode == NOT_PERMITTED


def test_what_is_useful_inside_works(dev):
    dev.curl(f"http://{EVIL}/")
    assert EVIL in dev.ctl("log", user=USER).stdout
    assert EVIL in dev.ctl("suggest", user=USER).stdout
    assert dev.ctl("explain", EVIL, user=USER).returncode == 1
    assert dev.ctl("test", ALLOWED, user=USER).returncode == 0
    assert POLICY in dev.ctl("status", user=USER).stdout


WRITES = [
    "echo '{}' > /workspace/.devcontainer/devcontainer.json",
    "echo >> /workspace/.devcontainer/docker-compose.yml", "rm -rf /workspace/.devcontainer",
    "mv /workspace/.devcontainer /workspace/other", "umount /workspace/.devcontainer",
    "mount -o remount,rw /workspace/.devcontainer", "mount --bind /tmp /workspace/.devcontainer",
    "rm /run/egressd/control.sock", "echo > /run/egressd/policy.outline",
    "mount -o remount,rw /run/egressd", "umount /run/egressd", "mount -t tmpfs tmpfs /run/egressd",
    "echo 1 > /proc/sys/net/ipv4/ip_forward", "mount -t proc proc /mnt", "ip link set eth0 down",
    "ip addr add 192.0.2.99/24 dev eth0", "ip route add default dev lo", "unshare --net true",
    "unshare --user --map-root-user --net true", "nsenter --net=/proc/1/ns/net true",
    "mknod /tmp/tap c 10 200 && python3 -c \"import fcntl; fcntl.ioctl(open('/tmp/tap', 'rb+', 0),"
    " 0x400454ca, b't0' + bytes(14) + b'\\x01\\x10' + bytes(22))\"",
]


@pytest.mark.leak("L19", "H35")
def test_root_in_the_dev_container_changes_nothing_of_it(project, dev):
    before = (project.folder / POLICY).read_text()
    for script in WRITES:
        assert dev.sh(script, check=False).returncode != 0, f"{script} worked"
    assert (project.folder / POLICY).read_text() == before
    assert dev.ctl("wait", "--timeout", "60").returncode == 0


@pytest.mark.leak("H27", "L3")
def test_root_in_the_dev_container_is_nobodys_resolver(world, dev, sidecar):
    """resolv.conf and loopback are shared, and root writes and binds what it wants there."""
    docker = dev.engine.docker
    dev.run("cp", "/etc/resolv.conf", "/tmp/resolv.conf")
    docker("exec", "--detach", dev.name, "sh", "-c", 'exec python3 -c "$1" "$2" > /tmp/liar', "sh",
           RESOLVER, EVIL_V4)
    wait_until(lambda: dev.sh("cat /tmp/liar", check=False).stdout, "the liar")
    try:
        world.forget()
        docker("exec", sidecar.name, "egressctl", "reload")  # reads the servers again
        for name in ("one.wide.test", "two.wide.test", "three.wide.test"):
            world.zone.host(name, ALLOWED_V4)
            assert dev.sh(f"getent ahostsv4 {name}").stdout.startswith(ALLOWED_V4)
        upstreams = json.loads(dev.ctl("status", "--json").stdout)["upstreams"]
        assert [server["address"] for server in upstreams] == ["192.0.2.53"]
        assert_refuses(world, dev)
    finally:
        dev.sh("kill $(cat /tmp/liar); cat /tmp/resolv.conf > /etc/resolv.conf")


@pytest.mark.leak("L1", "L2", "L3", "L4", "L5", "L7", "L8", "L9", "L10", "L11", "L17", "L19",
                  "L29", "L31", "L32", "L36", "L37", "L38", "L39", "H20", "H27", "H28", "H31",
                  "H32", "H33", "H34", "H35", "H36", "H37", "H43", "H44", "H53")
@pytest.mark.parametrize("user", [USER, "root"])
def test_nothing_gets_out(world, dev, bare, user):
    assert_nothing_gets_out(world, dev, bare, "--sidecar", user=user)


# --- restarts, while root in the dev container knocks all the time -----------------------------


@pytest.mark.leak("L24", "H50")
def test_the_daemon_dies(world, project, dev, sidecar):
    """It starts itself again: if its container ended, so would the network."""
    world.forget()
    fire = Fire(dev)
    *_, daemon = sorted(int(line) for line in sidecar.engine.docker(
        "top", sidecar.name, "-o", "pid").stdout.splitlines()[1:])
    sidecar.engine.run(["kill", "-9", daemon])
    wait_until(lambda: dev.ctl("wait", "--timeout", "1").returncode == 0, "the next daemon")
    fire.goes_on()
    assert sidecar.is_running
    assert_unseen(world)
    assert_reaches(dev, ALLOWED)


@pytest.mark.leak("L24", "H50")
@pytest.mark.parametrize("how", [["restart", "--time", "3"], ["kill"], ["stop", "--time", "3"]],
                         ids=["restart", "kill", "stop"])
def test_the_sidecar_ends(world, dev, sidecar, how):
    """The dev container stays, with a network that leads nowhere, and comes back with it."""
    docker = sidecar.engine.docker
    world.forget()
    fire = Fire(dev)
    docker(*how, sidecar.name)
    fire.goes_on()
    assert dev.is_running
    assert not dev.curl(f"http://{ALLOWED_V4}/") and not dev.curl(f"http://{EVIL_V4}/")
    if how[0] != "restart":
        again = docker("restart", "--time", "1", dev.name, check=False)
        assert again.returncode != 0 and "network" in again.stderr, "not without the sidecar"
        docker("start", sidecar.name)
    docker("restart", "--time", "1", dev.name)
    Fire(dev)
    assert_unseen(world)
    assert_enforcing(dev)
    assert_reaches(dev, ALLOWED)
    assert_refuses(world, dev)


@pytest.mark.leak("L24")
@pytest.mark.parametrize("how", ["restart", "kill"])
def test_the_dev_container_ends(world, dev, how):
    world.forget()
    Fire(dev)
    dev.engine.docker(how, dev.name)
    if how == "kill":
        dev.engine.docker("start", dev.name)
    Fire(dev).goes_on()
    assert_unseen(world)
    assert_reaches(dev, ALLOWED)
    assert_refuses(world, dev)


@pytest.mark.leak("L24")
def test_all_are_stopped_and_brought_up_again(world, project):
    """As an editor does it whose window was closed, or a machine that was switched off."""
    for container in project.containers():
        container.engine.docker("stop", "--time", "1", container.name)
    world.forget()
    dev = project.must_up()
    Fire(dev)
    assert_unseen(world)
    assert_enforcing(dev, user=USER)
    assert_reaches(dev, ALLOWED)


# --- last, for it makes other containers --------------------------------------------------------


@pytest.mark.leak("L20")
def test_an_edit_counts_after_a_rebuild_and_is_shown_before_and_after(world, project):
    """By a person, outside: from inside there is none (above)."""
    edited = (project.folder / POLICY).read_text().replace('"*.wide.test"', f'"{EVIL}"')
    project.write(POLICY, edited)
    dev = project.service("dev")
    wait_until(lambda: f"+ allow {EVIL}" in dev.ctl("status").stdout, "pending")
    project.service("egressd").engine.docker("restart", "--time", "3",
                                             project.service("egressd").name)
    dev.engine.docker("restart", "--time", "1", dev.name)
    assert_refuses(world, dev)
    assert f"+ allow {EVIL}" in dev.ctl("status").stdout
    rebuilt = project.up("--remove-existing-container")
    assert rebuilt.ok, rebuilt.end
    shown = rebuilt.output[rebuilt.output.index("Running the postStartCommand"):]
    assert f"+ allow {EVIL} 80 443" in shown and "- allow *.wide.test 80 443" in shown
    assert_reaches(project.service("dev"), EVIL)


def test_the_script_brings_it_up_and_stops_it(world, new_project):
    project = make_project(world, new_project, "scripted")
    hand_over(project)
    came = sandbox(world, project, "shell", "id", "-un")
    assert (came.returncode, came.stdout) == (0, f"{USER}\n"), came.stderr
    assert sandbox(world, project, "stop").returncode == 0
    assert not [container for container in project.containers() if container.is_running]
    again = sandbox(world, project, "shell", "egressctl", "status")
    assert again.returncode == 0 and "enforcing" in again.stdout, again.stderr
    assert_refuses(world, project.service("dev"), user=USER)
