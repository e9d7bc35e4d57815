"""Questions in great number: whoever floods one name makes nobody else wait."""

import subprocess

import pytest

from lab import dns_zone
from lab.daemon import ROOT
from lab.lab import ALLOWED, ALLOWED_V4, EVIL, EVIL_V4, UPSTREAM
from lab.process import Process
from lab.waiting import wait_until

# Many questions at once for names that nobody answers, over and over.
KEEP_ASKING = """
import socket, struct, sys, time
server, names = sys.argv[1], sys.argv[2:]
wires = [b"\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0" + b"".join(bytes([len(label)]) + label.encode()
         for label in name.split(".")) + b"\\0\\0\\1\\0\\1" for name in names]
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.connect((server, 53))
client.setblocking(False)
number = 0
print("asking", flush=True)
while True:
    for _ in range(30):
        number += 1
        try:
            client.send(struct.pack("!H", number & 65535) + wires[number % len(wires)])
        except OSError:
            pass
    time.sleep(0.01)  # three thousand a second: more than enough, and none of the others is lost
"""


@pytest.mark.leak("H52")
@pytest.mark.parametrize("names", [1, 40])
def test_questions_that_nobody_answers_leave_room_for_others(lab, container, zone, names):
    """They wait for seconds, and only so many can wait: not all of them for one entry's names."""
    silent = [f"n{number}.silent.test" for number in range(names)]
    for name in silent:
        zone.twist(name, dns_zone.silence)
    zone.host("*.good.test", "198.51.100.7")
    egressd = lab.egressd(allow=["*.silent.test", "*.good.test", ALLOWED])
    egressd.wait_leased(ALLOWED_V4)
    # Not before the daemon's turn: how much it can take is not the question here.
    flood = container.command(["nice", "-n", "19", "/usr/bin/python3", "-I", "-c", KEEP_ASKING, UPSTREAM, *silent],
                              uid=1000)
    with subprocess.Popen(flood, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as flooder:
        try:
            flooder.stdout.readline()
            wait_until(lambda: egressd.status()["counters"]["questions"] > 6000, "flood")
            for number in range(20):
                answer = container.dig(f"g{number}.good.test", tcp=bool(number % 2))
                assert answer.addresses == ["198.51.100.7"], (number, answer)
            assert container.dig(ALLOWED).addresses == [ALLOWED_V4]
        finally:
            flooder.kill()


# As fast as one process can, from several ports: names that are refused, each another one, and now
# and then an allowed one.
AT_FULL_SPEED = """
import socket, struct, sys, time
server, count, allowed = sys.argv[1], int(sys.argv[2]), sys.argv[3]

def wire(name):
    return b"\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0" + b"".join(
        bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\\0\\0\\1\\0\\1"

clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(8)]
for client in clients:
    client.connect((server, 53))
    client.setblocking(False)
before, good, after = b"\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\x08", wire(allowed), wire("evil.test")[10:]
begun, sent = time.monotonic(), 0
for number in range(count):
    head = struct.pack("!H", number & 65535)
    message = head + (good if number % 64 == 0 else before + b"%08d" % number + after)
    try:
        clients[number % 8].send(message)
        sent += 1
    except OSError:
        pass
print(sent, int(sent / (time.monotonic() - begun)), flush=True)
"""


@pytest.mark.leak("H52")
def test_half_a_million_questions_at_full_speed(lab, container, monkeypatch):
    """More than 50 000 a second where a processor is free: most are lost, as UDP may, nothing gets
    out, memory stays small, and then all is as before. Of the binary that is shipped, as sanitizers
    need memory of their own."""
    if not (ROOT / "build/release/egressd").exists():
        pytest.skip("needs build/release")
    monkeypatch.setenv("EGRESSD_BUILD", "build/release")
    lab.prove_open(lambda: container.connect(EVIL_V4, 443))
    egressd = lab.egressd(allow=[ALLOWED])
    egressd.wait_leased(ALLOWED_V4)
    daemon = max(map(Process, egressd.processes()), key=lambda one: len(one.descriptors()))
    lab.forget()
    done = container.run(["/usr/bin/python3", "-I", "-c", AT_FULL_SPEED, UPSTREAM, "500000", ALLOWED],
                         uid=1000, timeout=900)
    sent, per_second = map(int, done.stdout.split())
    print(f"{sent} questions sent, {per_second} a second")
    assert sent > 250000
    wait_until(lambda: container.dig(ALLOWED, timeout=1), "the end of what waits")
    for _ in range(20):
        assert container.dig(ALLOWED).addresses == [ALLOWED_V4]
    assert container.dig(EVIL).rcode == "NXDOMAIN"
    assert not container.connect(EVIL_V4, 443)
    assert egressd.status()["counters"]["questions"] > 10000
    assert not lab.strays([ALLOWED])
    assert container.connect(ALLOWED, 443)
    assert daemon.most_memory_kib() < 32 * 1024
