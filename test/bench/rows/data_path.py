"""New connections and bulk data through the ruleset with 10 k leases, against no rules at all."""

from kit.load import run, write_names
from kit.place import FIXED_V6, SERVER_CPU, TRAFFIC_PORT, cpu_option
from kit.report import HIGHER, Figure
from kit.servers import ZONE, Egressd

TITLE = "Data path with 10 k leases"
REPETITIONS = 9
SECONDS = 0.8
LEASES = 10000
NO_RULES = "no rules"
KINDS = {"connect": ("new connections, a byte there and back", "1/s", 1),
         "send": ("bulk data out", "Gbit/s", 1e9), "receive": ("bulk data in", "Gbit/s", 1e9)}


def measure(place):
    runs = {kind: ([], []) for kind in KINDS}
    allow = [f"fixed.{ZONE}:{TRAFFIC_PORT}", f"*.{ZONE}:{TRAFFIC_PORT}"]
    names = write_names(place.tools, "leased", LEASES)
    with place.responder(ttl=3600), place.traffic_server(), place.container() as bare:
        with Egressd(place, allow) as server:
            run(server, names, seconds=20, once=True)
            if server.grants() <= LEASES:
                raise RuntimeError(f"only {server.grants()} leases")
            for _ in range(REPETITIONS):
                for kind, (ours, theirs) in runs.items():
                    ours.append(transfer(place, server.machine, kind))
                    theirs.append(transfer(place, bare, kind))
    return [Figure(KINDS[kind][0], KINDS[kind][1], HIGHER, ours, {NO_RULES: theirs},
                   ratio_target=(NO_RULES, 0.97)) for kind, (ours, theirs) in runs.items()]


def transfer(place, machine, kind):
    output = machine.run([*cpu_option(SERVER_CPU), place.tools.traffic, kind, FIXED_V6,
                          str(TRAFFIC_PORT), str(SECONDS)]).stdout
    return float(output) / KINDS[kind][2]
