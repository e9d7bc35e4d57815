"""A process is held whatever it is and wherever in the container it runs: the network decides."""

import contextlib
import pathlib
import subprocess

import pytest

from lab.lab import ALLOWED, ALLOWED_V4, EVIL, EVIL_V4

KNOCK = pathlib.Path(__file__).resolve().parents[1] / "engine/knock.c"


@pytest.fixture
def knock(lab):
    """A static program that connects by name: it knows no environment and no libc but its own."""
    program = lab.folder / "knock"
    subprocess.run(["musl-gcc", "-static", "-O2", "-o", program, KNOCK], check=True)

    def come(host, start=()):
        return lab.container.run([*start, program, host, "80"], uid=1000,
                                 check=False).returncode == 0

    return come


@pytest.mark.leak("L36")
@pytest.mark.parametrize("start", [
    ["env", "-i"], ["setsid", "env", "-i"], ["env", "http_proxy=", "no_proxy=*"],
    ["unshare", "--user", "--map-root-user", "--pid", "--mount", "--fork"]],
    ids=["no environment", "new session", "no proxy", "namespaces"])
def test_a_static_program_from_anywhere(lab, knock, start):
    """As `docker exec` does, and a sandbox that keeps the network."""
    probe = lab.prove_open(lambda: knock(EVIL_V4, start), destination=EVIL_V4)
    named = lab.prove_open(lambda: knock(EVIL, start), destination=EVIL_V4)
    lab.egressd(allow=[ALLOWED])
    probe.refused()
    named.refused()
    assert not lab.strays([ALLOWED])
    assert knock(ALLOWED, start)


@contextlib.contextmanager
def own_network(container):
    """A network namespace of the agent's own, with a user-mode stack (as rootless engines have)
    that passes its packets on from here. How to enter it."""
    child = subprocess.Popen(
        container.command(["unshare", "--user", "--map-root-user", "--net", "sh", "-c",
                           "echo $$; exec sleep infinity"], uid=1000), stdout=subprocess.PIPE)
    pid = child.stdout.readline().decode().strip()
    stack = subprocess.Popen(
        container.command(["slirp4netns", "--configure", "--ready-fd=1", pid, "tap0"]),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert stack.stdout.read(1) == b"1", "slirp4netns did not start"
        yield ["nsenter", f"--target={pid}", "--user", "--net", "--preserve-credentials"]
    finally:
        for process in (stack, child):
            process.terminate()
            process.wait(60)
            process.stdout.close()


@pytest.mark.leak("L39")
def test_a_namespace_without_a_cable_reaches_nobody(lab, knock):
    lab.egressd(allow=[ALLOWED]).wait_leased(ALLOWED_V4)
    assert knock(ALLOWED_V4)
    for address in (EVIL_V4, ALLOWED_V4):
        assert not knock(address, ["unshare", "--user", "--map-root-user", "--net"])


@pytest.mark.leak("L39")
def test_a_network_of_ones_own_leads_through_this_one(lab, container, knock):
    with own_network(container) as enter:
        probe = lab.prove_open(lambda: knock(EVIL_V4, enter), destination=EVIL_V4)
        lab.egressd(allow=[ALLOWED]).wait_leased(ALLOWED_V4)
        probe.refused()
        # Its resolver, 10.0.2.3, asks from here.
        asked = container.run([*enter, "/usr/bin/python3", "-I", "-c", (
            "import socket, sys\n"
            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(60)\n"
            "name = sys.argv[1].encode()\n"
            "labels = b''.join(bytes([len(part)]) + part for part in name.split(b'.'))\n"
            "s.sendto(b'ab\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0' + labels + b'\\0\\0\\1\\0\\1',"
            " ('10.0.2.3', 53))\n"
            "print(s.recv(500)[3] & 15)\n"), EVIL], uid=1000)
        assert asked.stdout.strip() == "3"
        assert not lab.dns.questions(EVIL)
        assert not lab.strays([ALLOWED])
        assert knock(ALLOWED_V4, enter)
