"""The kernel's table of flows is full: by default of the whole machine its size is one for all network
namespaces, but each counts its own flows, so a process can fill that of its container."""

import pytest

from lab.lab import ALLOWED, ALLOWED_V4, EVIL, EVIL_V4, EVIL_V6, UPSTREAM
from lab.waiting import wait_until

SIZE_MAX = 400000  # a larger table takes too long to fill

# Flows over loopback that the kernel takes for real: both sides have spoken, and once more after two
# seconds. Such flows it does not give up for new ones.
FILL = """
import socket, struct
one, other = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
for end in one, other:
    end.bind(("0.0.0.0", 0))
    end.setblocking(False)
back = ("127.0.0.1", one.getsockname()[1])
there = other.getsockname()[1]
IP_PKTINFO = 8

def say(number):
    address = struct.pack("!I", 0x7f010000 + number)
    for end, to, source in (one, (socket.inet_ntoa(address), there), None), (other, back, address):
        info = [] if source is None else [
            (socket.IPPROTO_IP, IP_PKTINFO, struct.pack("I", 0) + source + b"\\0\\0\\0\\0")]
        try:
            end.sendmsg([b""], info, 0, to)
        except OSError:
            pass

print("filling", flush=True)
first = 0
while True:
    for _ in range(3):
        for number in range(first, first + 40000):
            say(number)
    first = (first + 40000) % 1200000
"""


def flows(container, which):
    return int(container.run(["cat", f"/proc/sys/net/netfilter/nf_conntrack_{which}"]).stdout)


@pytest.mark.leak("H52")
def test_new_flows_fail_closed_and_come_back(lab, container):
    size = flows(container, "max")
    if size > SIZE_MAX:
        pytest.skip(f"a table of {size} flows takes too long to fill")
    for target in (EVIL_V4, EVIL_V6, EVIL):
        lab.prove_open(lambda: container.connect(target, 443))
    egressd = lab.egressd(allow=[ALLOWED])
    egressd.wait_leased(ALLOWED_V4)
    # On a slow machine the first of them would be forgotten before the last is there.
    container.run(["sysctl", "-qw", "net.netfilter.nf_conntrack_udp_timeout_stream=3600"])
    lab.forget()
    with container.at_work(FILL) as filler:
        assert filler.stdout.readline() == "filling\n"
        wait_until(lambda: flows(container, "count") >= size * 0.99, "a full table", timeout=900)
        for _ in range(20):
            for target in (EVIL_V4, EVIL_V6, EVIL):
                assert not container.connect(target, 443, timeout=1)
            container.udp(EVIL_V4, 443, timeout=0.2)
            container.dig(EVIL, timeout=0.2)
            container.dig(EVIL, server=EVIL_V4, timeout=0.2)
        assert egressd.exit_code() is None
    assert not lab.strays([ALLOWED])
    container.run(["conntrack", "-F"])
    wait_until(lambda: container.connect(ALLOWED, 443), "the allowed name")
    assert not container.connect(EVIL_V4, 443)
    assert container.dig(ALLOWED, server=UPSTREAM).addresses == [ALLOWED_V4]
