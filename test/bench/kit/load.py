"""DNS load with dnsperf."""

import re

from .place import LOAD_CPU, cpu_option
from .servers import ZONE

IN_FLIGHT = 50


def write_names(tools, prefix, count):
    """A file of that many names, to be asked for AAAA."""
    return tools.write(f"{prefix}.names",
                       "".join(f"{prefix}{n}.{ZONE} AAAA\n" for n in range(count)))


def run(server, names, seconds, once=False, port=53, address=None):
    """Questions per second; once: ends early when each name has been asked. Fails when answers
    were lost or wrong."""
    limit = ["-n", "1"] if once else []
    output = server.machine.run(
        [*cpu_option(LOAD_CPU), "dnsperf", "-s", address or server.address, "-p", str(port),
         "-d", names, "-q", str(IN_FLIGHT), "-l", str(seconds), "-t", "2", *limit],
        timeout=seconds + 30).stdout
    completed = int(_find(r"Queries completed:\s+(\d+)", output))
    good = int(_find(r"NOERROR (\d+)", output) or 0)
    lost = int(_find(r"Queries lost:\s+(\d+)", output))
    if good < completed or lost or not completed:
        raise RuntimeError(f"{server.name}: of {completed} answers {good} were good, "
                           f"{lost} lost:\n{output}")
    return float(_find(r"Queries per second:\s+([\d.]+)", output)), completed


def _find(pattern, text):
    found = re.search(pattern, text)
    return found and found.group(1)
