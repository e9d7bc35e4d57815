"""A hundred thousand refused packets and ten thousand refused names: bounded, counted, and nobody
else is held up."""

import pathlib
import re
import subprocess

from lab.lab import ALLOWED, ALLOWED_V4, UPSTREAM
from lab.waiting import wait_until

PACKETS, NAMES = 100_000, 10_000
LINES_MAX = 2000
GROWTH_MAX_KIB = 32 * 1024  # of a build with sanitizers, which keep what is freed for a while

# Each packet has another destination, each question another name; each refusal is an error of the
# next call, which is thrown away.
FLOOD = """
import contextlib, socket, struct, sys
server, packets, names = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asker.connect((server, 53))
print("flooding", flush=True)
for number in range(packets):
    with contextlib.suppress(OSError):
        sender.sendto(b"x", (f"198.51.100.{number % 250 + 1}", 1024 + number // 250 % 60000))
    if number % (packets // names) == 0:
        label = b"n%07d" % number
        asker.send(struct.pack("!6H", number & 65535, 256, 1, 0, 0, 0) + bytes([len(label)]) + label
                   + b"\\5flood\\4test\\0\\0\\1\\0\\1")
        asker.recv(512)
print("done", flush=True)
"""


def resident_kib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.M)[1])


def refused(egressd, kind):
    text = egressd.ctl("metrics").stdout
    return int(re.search(rf'refusals_total{{kind="{kind}",verdict="refused"}} (\d+)', text)[1])


def test_a_flood_is_counted_and_holds_nobody_up(lab, container):
    egressd = lab.egressd(allow=[ALLOWED])
    egressd.wait_leased(ALLOWED_V4)
    assert container.connect("198.51.100.9", 9999).error == "ECONNREFUSED"
    wait_until(lambda: refused(egressd, "packet"), "the first one told")
    before = {pid: resident_kib(pid) for pid in egressd.processes()}
    command = container.command(["/usr/bin/python3", "-I", "-c", FLOOD, UPSTREAM, str(PACKETS),
                                 str(NAMES)], uid=1000)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as flooder:
        assert flooder.stdout.readline() == "flooding\n", flooder.stderr.read()
        passed = 0
        while flooder.poll() is None and passed < 200:
            assert container.connect(ALLOWED_V4, 443) and container.resolve(ALLOWED)
            passed += 1
        assert flooder.stdout.readline() == "done\n", flooder.stderr.read()
    assert passed > 0
    assert refused(egressd, "question") == NAMES
    log = egressd.ask("log")
    told = refused(egressd, "packet")
    assert told > 1 and told + egressd.ask("log")["untold"] >= PACKETS + 1
    assert len(log["entries"]) < LINES_MAX and log["forgotten"] > 0
    for pid, size in before.items():
        assert resident_kib(pid) < size + GROWTH_MAX_KIB
    assert container.connect("198.51.100.9", 9998).error == "ECONNREFUSED"
    wait_until(lambda: [entry for entry in egressd.ask("log")["entries"] if entry["port"] == 9998],
               "what comes after it told")
