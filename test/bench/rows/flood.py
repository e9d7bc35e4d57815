"""A flood of refusals, 100 000 packets and 10 000 names, each to somewhere else: what others get
meanwhile, and what it leaves in memory.
"""

import contextlib
import statistics
import subprocess

from kit.place import FIXED_V6, LOAD_CPU, SERVER_CPU, TRAFFIC_PORT, cpu_option
from kit.report import HIGHER, LOWER, Figure
from kit.servers import ZONE, Egressd, every_name

TITLE = "A flood of refusals: 100 000 packets, 10 000 names"
REPETITIONS = 2
QUIET_TURNS = 4
PACKETS, NAMES = 100_000, 10_000
TURN_S, QUESTIONS = 0.3, 200

FLOOD = """
import contextlib, socket, struct, sys
server, packets, names = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sender, asker = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
asker.connect((server, 53))
asker.settimeout(5)
print("ready", flush=True)
for number in range(packets):
    with contextlib.suppress(OSError):
        sender.sendto(b"x", (f"198.18.{number % 250}.1", 1024 + number // 250))
    if number % (packets // names) == 0:
        label = b"n%07d" % number
        asker.send(struct.pack("!6H", number & 65535, 256, 1, 0, 0, 0) + bytes([len(label)]) + label
                   + b"\\x09elsewhere\\4test\\0\\0\\34\\0\\1")
        asker.recv(512)
"""


def measure(place):
    rates, times = {"egressd": [], "quiet": []}, {"egressd": [], "quiet": []}
    memory = {"before": [], "one": [], "two": []}
    with place.responder(ttl=3600), place.traffic_server():
        for _ in range(REPETITIONS):
            with Egressd(place) as server:
                weigh(server, memory)
            with Egressd(place, [f"fixed.{ZONE}:{TRAFFIC_PORT}", every_name(TRAFFIC_PORT)]) as server:
                for number in range(QUIET_TURNS):
                    collect(place, server, f"quiet{number}-", rates["quiet"], times["quiet"])
                with flood(server) as flooder:
                    collect_while(place, server, flooder, rates["egressd"], times["egressd"])
    return [
        Figure("allowed connections meanwhile", "1/s", HIGHER, rates.pop("egressd"), rates),
        Figure("first answers meanwhile, p50", "us", LOWER, times.pop("egressd"), times),
        Figure("memory after two of them", "MiB", LOWER, memory.pop("two"), memory),
    ]


def weigh(server, memory):
    memory["before"].append(server.memory() / 1024)
    for when in ("one", "two"):
        with flood(server) as flooder:
            flooder.wait()
        memory[when].append(server.memory() / 1024)


@contextlib.contextmanager
def flood(server):
    command = server.machine.command([*cpu_option(LOAD_CPU), "/usr/bin/python3", "-I", "-c", FLOOD,
                                      server.address, str(PACKETS), str(NAMES)], uid=1000)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as flooder:
        try:
            if flooder.stdout.readline() != "ready\n":
                raise RuntimeError("the flood does not begin")
            yield flooder
            if flooder.wait() != 0:
                raise RuntimeError("a refused question got no answer")
        finally:
            flooder.kill()


def collect_while(place, server, flooder, rates, times):
    """What was not over before the flood was is left out."""
    number = 0
    while flooder.poll() is None:
        own_rates, own_times = [], []
        collect(place, server, f"flood{number}-", own_rates, own_times)
        number += 1
        if flooder.poll() is None:
            rates += own_rates
            times += own_times


def collect(place, server, prefix, rates, times):
    """Connections to an allowed host, and first answers of allowed names with their grants."""
    machine, pinned = server.machine, cpu_option(SERVER_CPU)
    output = machine.run([*pinned, place.tools.asker, server.address, prefix, str(QUESTIONS), "1"],
                         timeout=60).stdout
    times.append(statistics.median(int(line) / 1000 for line in output.split()))
    output = machine.run([*pinned, place.tools.traffic, "connect", FIXED_V6, str(TRAFFIC_PORT),
                          str(TURN_S)]).stdout
    rates.append(float(output.split()[0]))
