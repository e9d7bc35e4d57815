"""The agent: runs inside a machine as an unprivileged user and tries what it is told.

One JSON request a line on stdin, one JSON result a line on stdout. Standard library only.
"""

import errno
import json
import os
import select
import socket
import struct
import sys
import threading
import time

EAI = {value: name for name, value in vars(socket).items() if name.startswith("EAI_")}
FAMILIES = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}
flows = {}


def error_name(error):
    if isinstance(error, socket.gaierror):
        return EAI.get(error.errno, str(error.errno))
    if isinstance(error, TimeoutError):
        return "ETIMEDOUT"
    return errno.errorcode.get(error.errno, str(error))


def timed(function, *arguments):
    """What function returns, with ok, error and the time it took."""
    start = time.monotonic()
    try:
        result = {"ok": True, "error": None, **(function(*arguments) or {})}
    except OSError as error:
        result = {"ok": False, "error": error_name(error), **getattr(error, "details", {})}
    return {**result, "elapsed": time.monotonic() - start}


def lookup(name, family):
    found = socket.getaddrinfo(name, None, FAMILIES[family], socket.SOCK_STREAM)
    return [entry[4][0] for entry in found]


def new_socket(address, kind, protocol=0):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.socket(family, kind, protocol)


def dial(host, port, timeout, family=None, kind=socket.SOCK_STREAM):
    """A connected socket to the first address of host that lets us in."""
    last = None
    for address in lookup(host, family):
        client = new_socket(address, kind)
        client.settimeout(timeout)
        try:
            client.connect((address, port))
            return client, address
        except OSError as error:
            client.close()
            error.details = {"address": address}
            last = error
    raise last


def resolve(name, family=None):
    return {"addresses": lookup(name, family)}


def connect(host, port, timeout, family=None):
    client, address = dial(host, port, timeout, family)
    client.close()
    return {"address": address}


def open_flow(host, port, timeout=10, family=None, udp=False):
    kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
    client, address = dial(host, port, timeout, family, kind)
    flows[client.fileno()] = client
    return {"flow": client.fileno(), "address": address, "port": client.getsockname()[1]}


def use_flow(flow, payload, timeout, reply=True):
    client = flows[flow]
    client.settimeout(timeout)
    client.sendall(bytes.fromhex(payload))
    if not reply:
        return {}
    received = client.recv(65535)
    if not received:
        raise ConnectionResetError(errno.ECONNRESET, "closed by the other side")
    return {"reply": received.hex()}


def close_flow(flow):
    flows.pop(flow).close()


def udp(host, port, payload, timeout, family=None, bind=None):
    address = lookup(host, family)[0]
    with new_socket(address, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        if bind:
            client.bind(tuple(bind))
        client.sendto(bytes.fromhex(payload), (address, port))
        return {"reply": client.recv(65535).hex()}


def ping(address, timeout, size=56):
    v6 = ":" in address
    protocol = socket.getprotobyname("ipv6-icmp" if v6 else "icmp")
    with new_socket(address, socket.SOCK_DGRAM, protocol) as client:
        client.settimeout(timeout)
        client.sendto(struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, 0, 1) + b"x" * size,
                      (address, 0))
        client.recv(65535)


def send_raw(address, protocol, payload):
    """One packet of any IP protocol; needs CAP_NET_RAW."""
    with new_socket(address, socket.SOCK_RAW, protocol) as client:
        client.sendto(bytes.fromhex(payload), (address, 0))


def read_exactly(stream, size):
    data = b""
    while len(data) < size:
        part = stream.recv(size - len(data))
        if not part:
            raise ConnectionResetError(errno.ECONNRESET, "closed by the other side")
        data += part
    return data


def ask(wire, server, port, timeout, tcp=False):
    """Sends bytes to a DNS server and returns the bytes it answers."""
    question = bytes.fromhex(wire)
    with new_socket(server, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.connect((server, port))
        if not tcp:
            client.send(question)
            return {"reply": client.recv(65535).hex()}
        client.sendall(struct.pack("!H", len(question)) + question)
        size, = struct.unpack("!H", read_exactly(client, 2))
        return {"reply": read_exactly(client, size).hex()}


def wait_served(client, port):
    """Whoever connects again and again waits for the lab's web server: its queue of connections that
    nobody has taken yet is finite, and on a busy machine what fails would be that."""
    if port == 80:
        client.sendall(b"\r\n\r\n")
        while client.recv(4096):
            pass


def attempts(name, port, count, family, timeout):
    """Connects count times by name, each to the first address that the name gives."""
    failures, addresses, slowest = [], set(), 0.0
    for turn in range(count):
        start = time.monotonic()
        address = None
        try:
            address = lookup(name.replace("{}", str(turn)), family)[0]
            addresses.add(address)
            with new_socket(address, socket.SOCK_STREAM) as client:
                client.settimeout(timeout)
                client.connect((address, port))
                wait_served(client, port)
        except OSError as error:
            failures.append([turn, address, error_name(error)])
        slowest = max(slowest, time.monotonic() - start)
    return failures, addresses, slowest


def many(name, port, count, family=None, timeout=10, clients=1):
    """count connections by name, shared out to that many clients at work at once."""
    results = []
    share = count // clients
    threads = [threading.Thread(target=lambda: results.append(
        attempts(name, port, share, family, timeout))) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failures = [failure for result in results for failure in result[0]]
    return {"done": share * clients - len(failures), "failed": len(failures),
            "failures": failures[:20], "slowest": max(result[2] for result in results),
            "addresses": len(set().union(*(result[1] for result in results)))}


def burst(name, port, clients, family=None, timeout=10):
    """Clients that ask for one name at the same instant and connect as soon as they know."""
    gate = threading.Barrier(clients)
    results = []

    def client():
        gate.wait()
        results.append(attempts(name, port, 1, family, timeout))

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failures = [failure for result in results for failure in result[0]]
    return {"done": clients - len(failures), "failures": failures[:20],
            "slowest": max(result[2] for result in results)}


def knock(host, port, timeout, udp=False):
    client, _ = dial(host, port, timeout, kind=socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
    with client:
        if udp:
            client.send(b"knock")
        else:
            wait_served(client, port)


def hammer(targets, timeout=10, pause=0):
    """Knocks at [host, port] or [host, port, "udp"] targets in turn until the next request comes.

    What came of it is counted by target; gaps: the longest time in which none worked.
    """
    counts, gaps, worked = {}, {}, {}
    while not select.select([sys.stdin], [], [], pause)[0]:
        for host, port, *udp in targets:
            outcome = timed(knock, host, port, timeout, bool(udp))
            target = ":".join([host, str(port), *udp])
            tally = counts.setdefault(target, {})
            what = "ok" if outcome["ok"] else outcome["error"]
            tally[what] = tally.get(what, 0) + 1
            now = time.monotonic()
            if outcome["ok"]:
                gaps[target] = max(gaps.get(target, 0), now - worked.get(target, now))
                worked[target] = now
    return {"counts": counts, "gaps": gaps}


WORK = {function.__name__: function for function in (
    resolve, connect, open_flow, use_flow, close_flow, udp, ping, send_raw, ask, many, burst,
    hammer)}


def main():
    waiting = b""
    while True:
        while b"\n" not in waiting:
            more = os.read(0, 65536)  # not sys.stdin: what it buffers, hammer() would not see
            if not more:
                return
            waiting += more
        line, _, waiting = waiting.partition(b"\n")
        request = json.loads(line)
        work = WORK.get(request.pop("do"))
        if work:
            print(json.dumps(timed(lambda: work(**request))), flush=True)


main()
