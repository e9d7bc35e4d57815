"""Resident memory of all processes, without and with leases, and what is shipped."""

import pathlib
import shutil

from kit.load import run, write_names
from kit.report import LOWER, Figure
from kit.servers import DnsmasqDefaultCache, DnsmasqNftset, Egressd

TITLE = "Memory and size"
REPETITIONS = 3
LEASES = 10000


def measure(place):
    names = write_names(place.tools, "leased", LEASES)
    idle, full = {}, {}
    with place.responder(ttl=300):
        for _ in range(REPETITIONS):
            for kind in (Egressd, DnsmasqNftset, DnsmasqDefaultCache):
                with kind(place) as server:
                    idle.setdefault(kind.name, []).append(server.memory() / 1024)
                    run(server, names, seconds=20, once=True)
                    if server.grants() < LEASES:
                        raise RuntimeError(f"{kind.name} holds {server.grants()} grants")
                    full.setdefault(kind.name, []).append(server.memory() / 1024)
    sizes = [pathlib.Path(file).stat().st_size / 2**20
             for file in (place.tools.egressd, shutil.which("dnsmasq"))]
    return [
        Figure("memory idle", "MiB", LOWER, idle.pop(Egressd.name), idle, target=4),
        Figure("memory with 10 k leases", "MiB", LOWER, full.pop(Egressd.name), full, target=16),
        Figure("binary (static; the peer's is dynamic)", "MiB", LOWER, sizes[:1],
               {"dnsmasq": sizes[1:]}, target=2),
    ]
