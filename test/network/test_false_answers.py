"""A process in here tries to speak to others in here in the gate's place, and to take the flows by
which their questions reach the gate. IP_PKTINFO lets it send from the address of the gate, if it has
the port of the gate at another address."""

import contextlib
import re

import pytest

from lab.dns_zone import silence
from lab.internet import CONTAINER_V4
from lab.lab import ALLOWED, ALLOWED_V4, EVIL_V4

VICTIM_UID, ID = 4242, 0x777

PRELUDE = """
import socket, struct, sys
gate = int(sys.argv[1])
liar = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
liar.bind(("127.0.0.2", gate))
sender = [(socket.IPPROTO_IP, 8, struct.pack("=I4s4s", 0, socket.inet_aton("127.0.0.1"), bytes(4)))]
def send(payload, address, port):
    try:
        return liar.sendmsg([payload], sender, 0, (address, port)) > 0
    except OSError:
        return False
"""
# Guesses the number of a question; from which port it is asked, everybody sees in /proc.
LIAR = PRELUDE + """
evil, victim = socket.inet_aton(sys.argv[2]), sys.argv[3]
print("ready", flush=True)
asking = []
while not asking:
    lines = [line.split() for line in open("/proc/net/udp").readlines()[1:]]
    asking = [line[1].split(":") for line in lines if line[7] == victim]
to = socket.inet_ntoa(bytes.fromhex(asking[0][0])[::-1]), int(asking[0][1], 16)
print(sum(send(struct.pack("!6H", guess, 0x8180, 1, 1, 0, 0) + b"\\7allowed\\4test\\0\\0\\1\\0\\1"
               + struct.pack("!3HIH", 0xc00c, 1, 1, 60, 4) + evil, *to)
          for guess in range(0x1000)), flush=True)
"""
# Begins a flow to each port from which somebody could ask; none is redirected.
THIEF = PRELUDE + """
print(sum(send(b"x", address, port) for address in sys.argv[2:] for port in range(1, 65536)
          if port != 53), flush=True)
"""
# Takes the place of a gate that is gone, and answers what it reads.
HEIR = """
import socket, sys
heir = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
heir.bind(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
wire, client = heir.recvfrom(4096)
try:
    print("answered", heir.sendto(wire, client), flush=True)
except OSError as error:
    print(error.strerror, flush=True)
"""
# Asks as everybody does.
VICTIM = """
import socket, struct, sys
asks = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asks.settimeout(float(sys.argv[2]))
asks.connect(("192.0.2.53", 53))
asks.send(struct.pack("!6H", int(sys.argv[1]), 0x100, 1, 0, 0, 0) + b"\\7allowed\\4test\\0\\0\\1\\0\\1")
print(socket.inet_ntoa(asks.recv(512)[-4:]))
"""


@contextlib.contextmanager
def at_work(container, program, *arguments):
    """Yields what the process says."""
    gate = re.search(r"nfproto ipv4 .*redirect to :(\d+)",
                     container.nft("list", "chain", "inet", "egressd", "dns"))[1]
    with container.at_work(program, gate, *arguments) as process:
        yield process.stdout


def ask(container, patience_s=10, check=True):
    return container.run(["/usr/bin/python3", "-I", "-c", VICTIM, str(ID), str(patience_s)],
                         uid=VICTIM_UID, check=check).stdout.strip()


@pytest.mark.leak("H27")
def test_nobody_answers_in_the_gates_place(lab, container):
    egressd = lab.egressd(allow=["other.test"])
    lab.zone.twist(ALLOWED, silence)  # so that there is time
    egressd.reload({"allow": [ALLOWED]})
    with at_work(container, LIAR, EVIL_V4, str(VICTIM_UID)) as said:
        assert said.readline() == "ready\n"
        assert ask(container) != EVIL_V4
        assert said.readline() == "0\n"
    assert EVIL_V4 not in egressd.leased()
    assert not container.connect(EVIL_V4, 80)
    assert not lab.servers.came()


@pytest.mark.leak("H27", "H50")
def test_nobody_answers_while_the_gate_is_gone(lab, container):
    lab.egressd(allow=[ALLOWED]).kill9()
    with at_work(container, HEIR) as said:
        assert said.readline() == "ready\n"
        assert ask(container, patience_s=1, check=False) == ""
        assert said.readline() == "Operation not permitted\n"


@pytest.mark.leak("H27", "H52")
def test_nobody_takes_the_flows_to_the_gate(lab, container):
    lab.egressd(allow=[ALLOWED]).wait_leased(ALLOWED_V4)
    with at_work(container, THIEF, "127.0.0.1", CONTAINER_V4) as said:
        assert said.readline() == "0\n"
        assert ask(container) == ALLOWED_V4
