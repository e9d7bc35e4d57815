"""Questions per second: fresh names, each with a new address to grant, and names in the cache.

The server has one CPU for itself; the load and the upstream share the other.
"""

import pathlib

from kit.load import run, write_names
from kit.report import HIGHER, LOWER, Figure
from kit.servers import NAMES_MAX, Direct, Dnsmasq, DnsmasqNftset, Egressd, Unbound

TITLE = "Gate throughput on one core"
REPETITIONS = 5
SECONDS = 1.5
CACHED_NAMES = 1000
DIRECT_GATE = "egressd, gate asked directly"


def measure(place):
    fresh = write_names(place.tools, "fresh", NAMES_MAX)
    cached = write_names(place.tools, "cached", CACHED_NAMES)
    misses, costs, hits, hit_costs = {}, {}, {}, {}
    with place.responder(ttl=300):
        for turn in range(REPETITIONS):
            for kind in (Egressd, Dnsmasq, DnsmasqNftset, Unbound, Direct):
                with kind(place) as server:
                    rate, cost = measure_misses(server, fresh, is_checked=turn == 0)
                misses.setdefault(kind.name, []).append(rate)
                costs.setdefault(kind.name, []).append(cost)
            for kind in (Egressd, Unbound, Dnsmasq):
                with kind(place) as server:
                    run(server, cached, seconds=10, once=True)
                    before = cpu_ns(server)
                    rate, completed = run(server, cached, SECONDS)
                    cost = (cpu_ns(server) - before) / completed / 1000
                    hits.setdefault(kind.name, []).append(rate)
                    hit_costs.setdefault(kind.name, []).append(cost)
                    if kind is Egressd:
                        hits.setdefault(DIRECT_GATE, []).append(
                            run(server, cached, SECONDS, address="127.0.0.1",
                                port=server.gate_port())[0])
    del costs[Direct.name]
    return [
        figure("misses with a grant each", "1/s", HIGHER, misses, target=60000),
        figure("CPU time of the server a miss", "us", LOWER, costs),
        figure("cache hits", "1/s", HIGHER, hits, ratio_target=(Unbound.name, 1.0)),
        figure("CPU time of the server a hit", "us", LOWER, hit_costs),
    ]


def measure_misses(server, names, is_checked=False):
    """Questions per second, and CPU microseconds of the server for each. To check that each answer
    brought a grant takes as long as to measure."""
    before = cpu_ns(server)
    rate, completed = run(server, names, SECONDS, once=True)
    spent = cpu_ns(server) - before
    if is_checked and server.kernel_sets and server.grants() < completed:
        raise RuntimeError(f"{server.name} granted {server.grants()} of {completed} addresses")
    return rate, spent / completed / 1000


def cpu_ns(server):
    if isinstance(server, Direct):
        return 0
    total = 0
    for pid in server.machine.processes(server.process_name):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total


def figure(what, unit, better, values, **options):
    peers = {name: runs for name, runs in values.items() if name != Egressd.name}
    return Figure(what, unit, better, values[Egressd.name], peers, **options)
