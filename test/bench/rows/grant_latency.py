"""What a server adds to the first answer of a name, the kernel grant for its addresses included.

Measured in two layouts. "one CPU": client, server and upstream share it, so that a hop is a context
switch and what is left is the work. "two CPUs": the server has one, client and upstream the other,
so that each hop wakes a sleeping CPU, which on a virtual machine takes longer than the work.
"""

import statistics

from kit.place import LOAD_CPU, SERVER_CPU, cpu_option
from kit.report import LOWER, Figure
from kit.servers import Direct, Dnsmasq, DnsmasqNftset, Egressd

TITLE = "Added latency of a first answer, grant included"
REPETITIONS = 9
QUESTIONS = 1000
SERVERS = (Egressd, Dnsmasq, DnsmasqNftset)
# Where the client and the upstream are; where the client is when there is no server between.
LAYOUTS = {"one CPU": (SERVER_CPU, SERVER_CPU), "two CPUs": (LOAD_CPU, SERVER_CPU)}
PERCENTILES = {"p50": 50, "p99": 1000}  # and their targets


def measure(place):
    added = {}
    for _ in range(REPETITIONS):
        for addresses in (1, 4):
            for layout, (cpu, direct_cpu) in LAYOUTS.items():
                with place.responder(cpu, addresses=addresses):
                    own_time = statistics.median(ask(place, Direct, addresses, direct_cpu))
                    for server in SERVERS:
                        times = ask(place, server, addresses, cpu)
                        for percentile, value in percentiles(times).items():
                            runs = added.setdefault((addresses, layout, percentile), {})
                            runs.setdefault(server.name, []).append(value - own_time)
    return [as_figure(*case, runs) for case, runs in added.items()]


def ask(place, kind, addresses, cpu):
    """Microseconds of each answer, from a server that has just started."""
    with kind(place) as server:
        output = server.machine.run(
            [*cpu_option(cpu), place.tools.asker, server.address, "fresh", str(QUESTIONS),
             str(addresses)], timeout=60).stdout
        if server.kernel_sets and server.grants() < QUESTIONS * addresses:
            raise RuntimeError(f"{server.name} granted {server.grants()} addresses, not all")
    return [int(line) / 1000 for line in output.split()]


def percentiles(times):
    return {"p50": statistics.median(times), "p99": statistics.quantiles(times, n=100)[98]}


def as_figure(addresses, layout, percentile, runs):
    count = "1 address" if addresses == 1 else f"{addresses} addresses"
    peers = {name: values for name, values in runs.items() if name != Egressd.name}
    return Figure(f"{count}, {layout}, {percentile}", "us", LOWER, runs[Egressd.name], peers,
                  target=PERCENTILES[percentile])
