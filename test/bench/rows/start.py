"""How long a container stands open at its start, and when its user may go on."""

import shlex

from kit.place import LOAD_CPU, PROBED_V4, SERVER_CPU, TRAFFIC_PORT, cpu_option
from kit.report import LOWER, Figure
from kit.servers import ZONE, egressd_command, prepare_egressd

TITLE = "Start to default deny, start to ready: 20 names, an upstream that takes 20 ms"
REPETITIONS = 10
ANCESTOR_REPETITIONS = 7
NAMES = [f"name{n}.{ZONE}" for n in range(20)]
DELAY_MS = 20
ANCESTOR = "serial script"


def measure(place):
    runs = {"egressd": [], ANCESTOR: []}
    with place.responder(delay_ms=DELAY_MS), place.traffic_server():
        for turn in range(REPETITIONS):
            runs["egressd"].append(start_egressd(place))
            if turn < ANCESTOR_REPETITIONS:
                runs[ANCESTOR].append(start_ancestor(place))
    figures = []
    for index, (what, target) in enumerate((("start to default deny", 10), ("start to ready", 50))):
        ours, theirs = ([pair[index] for pair in runs[name]] for name in ("egressd", ANCESTOR))
        figures.append(Figure(what, "ms", LOWER, ours, {ANCESTOR: theirs}, target=target))
    return figures


def start_egressd(place):
    with place.container() as machine:
        prepare_egressd(machine, place.tools, [f"{name}:443" for name in NAMES])
        return stopwatch(place, machine,
                         shlex.join(egressd_command(machine)) + " && egressctl wait")


def start_ancestor(place):
    with place.container() as machine:
        return stopwatch(place, machine, shlex.join([str(place.tools.ancestor), *NAMES]))


def stopwatch(place, machine, command):
    """Milliseconds until connections are refused, and until the command ends."""
    started = [*cpu_option(SERVER_CPU), "sh", "-c", f"{{ {command}; }} >/run/log 2>&1"]
    output = machine.run([*cpu_option(LOAD_CPU), place.tools.stopwatch, PROBED_V4,
                          str(TRAFFIC_PORT), *started], timeout=60).stdout
    denied, ended, status = map(int, output.split())
    if status or denied < 0:
        log = machine.path("/run/log").read_text()
        raise RuntimeError(f"{command}: status {status}, denied after {denied} ns: {log}")
    return denied / 1e6, ended / 1e6
