"""What could undo the protection is told, by doctor and by status, when it is true and only then."""

import json
import pathlib
import shutil
import subprocess

import pytest

from lab.daemon import CLIENT, binary
from lab.lab import ALLOWED

DOCKER = "-all,+net_admin,+net_raw,+setuid,+setgid,+dac_override,+chown,+setpcap"
OF_THE_LAB = {"weakness"}  # what this machine's kernel may lack


def doctor(container, *prefix, uid=None, expect=None):
    """Ids of what it found -> detail."""
    done = container.run([*prefix, CLIENT, "doctor", "--json"], uid=uid, check=False)
    reply = json.loads(done.stdout)
    found = {finding["id"]: finding["detail"] for finding in reply["findings"]}
    assert done.returncode == (1 if found else 0), done
    for finding in reply["findings"]:
        assert finding["what"] and (finding["remedy"] or finding["id"] == "weakness"), finding
    return {key: detail for key, detail in found.items() if key not in OF_THE_LAB}


def as_user(*options):
    return ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", *options]


@pytest.fixture
def egressd(lab):
    return lab.egressd(allow=[ALLOWED])


@pytest.mark.leak("L17", "H36")
def test_nothing_is_found_where_nothing_is(container, egressd):
    assert doctor(container, *as_user("--no-new-privs", f"--bounding-set={DOCKER}")) == {}
    done = container.run([*as_user("--no-new-privs", f"--bounding-set={DOCKER}"), CLIENT, "doctor"],
                         check=False)
    assert "weakness" in done.stdout or "nothing found" in done.stdout


@pytest.mark.leak("L17")
def test_capabilities_in_reach(container, egressd):
    bounding = f"--bounding-set={DOCKER}"
    found = doctor(container, *as_user(bounding, "--no-new-privs", "--inh-caps=+net_raw,+net_admin",
                                       "--ambient-caps=+net_raw,+net_admin"))
    assert found == {"capabilities": "NET_ADMIN, NET_RAW"}
    assert "root" in doctor(container, "setpriv", bounding)
    assert "root" not in doctor(container, "setpriv", "--bounding-set=-all")


@pytest.mark.leak("L17", "H36")
def test_setuid_programs(container, egressd):
    path = "PATH=/run/bin"
    container.run(["sh", "-ec", "mkdir -p /run/bin; cp /bin/true /run/bin/climb"])
    reach = as_user(f"--bounding-set={DOCKER}")
    assert doctor(container, "env", path, *absolute(container, reach)) == {}
    container.run(["chmod", "4755", "/run/bin/climb"])
    assert doctor(container, "env", path, *absolute(container, reach)) == {
        "setuid-programs": "climb"}
    assert doctor(container, "env", path, *absolute(container, as_user("--bounding-set=-all"))) == {}
    container.run(["sh", "-ec", "chmod 755 /run/bin/climb; mount -o remount,suid /run"])
    container.run(["setcap", "cap_net_raw+ep", "/run/bin/climb"])
    assert doctor(container, "env", path, *absolute(container, reach)) == {
        "setuid-programs": "climb"}
    assert doctor(container, "env", path, *absolute(container, reach), "--no-new-privs") == {}


def absolute(container, argv):
    """The same where PATH does not lead to it."""
    return [shutil.which(argv[0]), *argv[1:]]


@pytest.mark.leak("L30", "H36")
def test_engine_sockets(container, egressd):
    listen = ("import socket, sys, time; s = socket.socket(1); s.bind(sys.argv[1]); s.listen(); "
              "print(flush=True); time.sleep(60)")
    user = as_user("--no-new-privs", f"--bounding-set={DOCKER}")
    container.write("/run/docker.sock", "")  # no socket
    assert doctor(container, *user) == {}
    container.run(["rm", "/run/docker.sock"])
    server = subprocess.Popen(container.command(["/usr/bin/python3", "-Ic", listen,
                                                 "/run/docker.sock"]), stdout=subprocess.PIPE)
    server.stdout.readline()
    container.run(["chmod", "660", "/run/docker.sock"])
    assert doctor(container, *user) == {}  # root's alone
    container.run(["chmod", "666", "/run/docker.sock"])
    assert doctor(container, *user) == {"engine-socket": "/run/docker.sock"}
    egressd.restart()
    assert "engine-socket" in {finding["id"] for finding in egressd.status()["findings"]}
    assert any("/run/docker.sock" in text for text in egressd.status()["weaknesses"])
    assert "/run/docker.sock" in egressd.ctl("status").stdout
    server.kill()  # what it runs ends with the container, and holds the pipe until then
    server.wait()
    server.stdout.close()


@pytest.mark.leak("L16", "H36")
def test_sudo_without_a_password(lab, container, tmp_path):
    """A stand-in for sudo: setuid root, and true to its rules file."""
    source = tmp_path / "sudo.c"
    source.write_text("""
        #include <string.h>
        #include <stdio.h>
        #include <unistd.h>
        int main(int count, char **arguments)
        {
            FILE *rules = fopen("/etc/sudoers", "r");
            char line[200];
            if (count < 3 || strcmp(arguments[1], "-n") != 0 || geteuid() != 0 || !rules)
                return 1;
            while (fgets(line, sizeof line, rules))
                if (line[0] != '#' && strstr(line, "NOPASSWD"))
                    return strcmp(arguments[2], "-l") == 0 ? puts("(ALL) NOPASSWD: ALL") < 0 : 0;
            return 1;
        }""")
    subprocess.run(["cc", "-o", tmp_path / "sudo", source], check=True)
    container.install(tmp_path / "sudo", "/usr/local/bin/sudo")
    container.run(["chmod", "4755", "/usr/local/bin/sudo"])
    container.write("/etc/sudoers", "dev ALL=(ALL) ALL\n# dev ALL=(ALL) NOPASSWD: ALL\n")
    container.run(["chmod", "440", "/etc/sudoers"])
    egressd = lab.egressd(allow=[ALLOWED])
    user = as_user(f"--bounding-set={DOCKER}")
    assert "sudo" not in doctor(container, *user)
    assert "sudo" not in {finding["id"] for finding in egressd.status()["findings"]}
    container.write("/etc/sudoers.d/dev", "dev ALL=(ALL) NOPASSWD: ALL\n")
    container.write("/etc/sudoers", "dev ALL=(ALL) NOPASSWD: ALL\n")
    assert doctor(container, *user)["sudo"] == "sudo"
    assert "sudo" not in doctor(container, *user, "--no-new-privs")
    egressd.restart()
    assert "sudo" in {finding["id"] for finding in egressd.status()["findings"]}
    assert "no-new-privileges" in egressd.ctl("status").stdout


@pytest.mark.leak("H36")
def test_the_state_of_the_daemon_and_its_files(lab, container, egressd):
    user = as_user("--no-new-privs", f"--bounding-set={DOCKER}")
    container.run(["chmod", "666", "/etc/resolv.conf"])
    assert doctor(container, *user) == {"resolv-conf": None}
    container.run(["chmod", "644", "/etc/resolv.conf"])
    container.run(["chmod", "777", "/etc/egressd"])
    assert doctor(container, *user) == {"writable-files": "/etc/egressd"}
    container.run(["chmod", "755", "/etc/egressd"])
    egressd.stop()
    assert set(doctor(container, *user)) == {"not-running"}
    broken = lab.egressd(policy="{", ready=False)
    assert broken.wait_answer("wait").returncode == 78
    assert set(doctor(container, *user)) == {"not-enforcing"}


@pytest.mark.leak("H36", "L39")
def test_privileged_and_shared_namespaces(container, egressd):
    """The lab's container has every capability, and namespaces of its own."""
    assert "privileged" in {finding["id"] for finding in egressd.status()["findings"]}
    assert "privileged" in doctor(container, *as_user("--no-new-privs"))
    found = {finding["id"] for finding in egressd.status()["findings"]}
    assert not found & {"host-network", "host-processes"}
    client = binary().with_name("egressctl")  # seen from the machine itself
    done = subprocess.run([client, "--runtime-dir", "/run/nowhere", "doctor", "--json"],
                          capture_output=True, text=True, check=False)
    found = {finding["id"] for finding in json.loads(done.stdout)["findings"]}
    kernel_thread = pathlib.Path("/proc/2/comm")
    assert ("host-network" in found) == pathlib.Path("/proc/sys/net/core/dev_weight").exists()
    assert ("host-processes" in found) == (kernel_thread.exists()
                                           and kernel_thread.read_text() == "kthreadd\n")
