"""Questions in great number: whoever floods one name makes nobody else wait."""

import subprocess

import pytest

from lab import dns_zone
from lab.lab import ALLOWED, ALLOWED_V4, UPSTREAM
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
    flood = container.command(["/usr/bin/python3", "-I", "-c", KEEP_ASKING, UPSTREAM, *silent],
                              uid=1000)
    with subprocess.Popen(flood, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as flooder:
        try:
            flooder.stdout.readline()
            wait_until(lambda: egressd.status()["counters"]["questions"] > 6000, "flood",
                       timeout=30)
            for number in range(20):
                answer = container.dig(f"g{number}.good.test", tcp=bool(number % 2))
                assert answer.addresses == ["198.51.100.7"], (number, answer)
                assert answer.elapsed < 2, answer
            assert container.dig(ALLOWED).addresses == [ALLOWED_V4]
        finally:
            flooder.kill()
