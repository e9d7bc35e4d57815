"""Connections in great number: the gate keeps few, and answers whoever asks."""

import pytest

from lab import dns_zone
from lab.lab import ALLOWED, ALLOWED_V4, UPSTREAM
from lab.process import Process
from lab.waiting import wait_until

CONNECTIONS_MAX = 64  # that the gate keeps at once
FILES_BESIDE = 64  # its own questions to the upstream, and whoever asks for status meanwhile

# Ten thousand connections, each with half a question or none; 500 of them are kept open.
MANY = """
import socket, sys
server, kept = sys.argv[1], []
for number in range(10000):
    try:
        client = socket.create_connection((server, 53), 2)
        client.send(b"\\0\\x20\\0"[:number % 4])
    except OSError:
        continue
    kept.append(client)
    if len(kept) > 500:
        kept.pop(0).close()
    if number == 1000:
        print("flooding", flush=True)
print("done", flush=True)
sys.stdin.read()
"""

# Connections that all wait for the answer about a name that nobody answers, and new ones for those
# that are closed.
WAITING = """
import select, socket, sys
server, wire = sys.argv[1], bytes.fromhex(sys.argv[2])
kept = []
while True:
    while len(kept) < 100:
        client = socket.create_connection((server, 53), 2)
        client.send(wire)
        kept.append(client)
        if len(kept) == 100:
            print("waiting", flush=True)
    for client in select.select(kept, [], [], 1)[0]:
        kept.remove(client)
        client.close()
"""


def wire_of(name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    message = b"\1\0\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"
    return (len(message).to_bytes(2, "big") + message).hex()


def flood(container, program, *arguments):
    return container.at_work(program, UPSTREAM, *arguments)


@pytest.mark.leak("H52")
def test_ten_thousand_connections(lab, container):
    egressd = lab.egressd(allow=[ALLOWED])
    egressd.wait_leased(ALLOWED_V4)
    daemon = max(map(Process, egressd.processes()), key=lambda one: len(one.descriptors()))
    before, most = len(daemon.descriptors()), 0
    with flood(container, MANY) as flooder:
        assert flooder.stdout.readline() == "flooding\n"
        for number in range(50):
            answer = container.dig(ALLOWED)
            assert answer.addresses == [ALLOWED_V4], (number, answer)
            most = max(most, len(daemon.descriptors()))
        assert flooder.stdout.readline() == "done\n"
        wait_until(lambda: container.dig(ALLOWED, tcp=True), "an answer by TCP")
        flooder.stdin.close()
    assert most <= before + CONNECTIONS_MAX + FILES_BESIDE
    wait_until(lambda: len(daemon.descriptors()) <= before + FILES_BESIDE, "end of the connections")


@pytest.mark.leak("H52")
def test_limit_streams_that_wait_keep_others_out(lab, container, zone):
    """Documented: who fills the gate's streams with names that nobody answers has them for himself.
    By UDP, which everybody asks by first, names are answered all the same."""
    zone.twist("silent.test", dns_zone.silence)
    egressd = lab.egressd(allow=["silent.test", ALLOWED])
    egressd.wait_leased(ALLOWED_V4)
    with flood(container, WAITING, wire_of("silent.test")) as flooder:
        assert flooder.stdout.readline() == "waiting\n"
        wait_until(lambda: not container.dig(ALLOWED, tcp=True, timeout=1),
                   "a stream for which there is no room")
        for number in range(20):
            answer = container.dig(ALLOWED)
            assert answer.addresses == [ALLOWED_V4], (number, answer)
    wait_until(lambda: container.dig(ALLOWED, tcp=True), "an answer by TCP")
