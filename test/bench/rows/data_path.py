"""New connections and bulk data through the ruleset with 10 k leases, against no rules at all.

Rates tell what a user gets; CPU time at the container's end is nearly free of what else the machine
does. Two tables show where it goes: one whose only rule looks at the connection's state, and one
that has a redirect of questions for names besides. No firewall that knows connections and no
redirect can do without these.
"""

import contextlib

from kit.load import run, write_names
from kit.place import FIXED_V6, SERVER_CPU, TRAFFIC_PORT, cpu_option
from kit.report import HIGHER, LOWER, Figure
from kit.servers import ZONE, Egressd, every_name

TITLE = "Data path with 10 k leases"
REPETITIONS = 16  # short turns: what else the machine does then hits all sides alike
SECONDS = 0.3
LEASES = 10000
OURS, NO_RULES = "egressd", "no rules"
STATE_CHAIN = "chain out { type filter hook output priority 0; ct state established accept; }"
DNS_CHAIN = "chain dns { type nat hook output priority -105; udp dport 53 redirect to :5353; }"
TABLES = {
    NO_RULES: "",
    "conntrack alone": f"table inet peer {{\n {STATE_CHAIN}\n }}\n",
    "conntrack, nat": f"table inet peer {{\n {STATE_CHAIN}\n {DNS_CHAIN}\n }}\n",
}
# Of traffic.c: rate and CPU time, with the size of their units.
KINDS = {
    "connect": (("new connections, a byte there and back", "1/s", 1), ("a connection", "us", 1e-6)),
    "send": (("bulk data out", "Gbit/s", 1e9), ("Gbit out", "ms", 1e-12)),
    "receive": (("bulk data in", "Gbit/s", 1e9), ("Gbit in", "ms", 1e-12)),
}


def measure(place):
    allow = [f"fixed.{ZONE}:{TRAFFIC_PORT}", every_name(TRAFFIC_PORT)]
    names = write_names(place.tools, "leased", LEASES)
    with contextlib.ExitStack() as stack:
        stack.enter_context(place.responder(ttl=3600))
        stack.enter_context(place.traffic_server())
        server = stack.enter_context(Egressd(place, allow))
        run(server, names, seconds=20, once=True)
        if server.grants() <= LEASES:
            raise RuntimeError(f"only {server.grants()} leases")
        sides = {OURS: server.machine}
        for side, table in TABLES.items():
            sides[side] = stack.enter_context(place.container())
            sides[side].run(["nft", "-f", "-"], stdin=table)
        rates, costs = ({kind: {side: [] for side in sides} for kind in KINDS} for _ in range(2))
        for turn in range(REPETITIONS):
            for kind in KINDS:
                for side in list(sides)[::1 if turn % 2 else -1]:
                    rate, cost = transfer(place, sides[side], kind)
                    rates[kind][side].append(rate)
                    costs[kind][side].append(cost)
    return ([rate_figure(kind, rates[kind]) for kind in KINDS]
            + [cost_figure(kind, costs[kind]) for kind in KINDS])


def transfer(place, machine, kind):
    output = machine.run([*cpu_option(SERVER_CPU), place.tools.traffic, kind, FIXED_V6,
                          str(TRAFFIC_PORT), str(SECONDS)]).stdout
    return [float(value) / size for value, (_, _, size) in zip(output.split(), KINDS[kind])]


def rate_figure(kind, runs):
    what, unit, _ = KINDS[kind][0]
    return Figure(what, unit, HIGHER, runs.pop(OURS), runs, ratio_target=(NO_RULES, 0.97))


def cost_figure(kind, runs):
    what, unit, _ = KINDS[kind][1]
    return Figure(f"CPU time of {what}", unit, LOWER, runs.pop(OURS), runs)
