"""DNS messages for the scripted server: questions read, replies built from raw bytes.

Built by hand because it must be fast, and because a liar needs every byte in its power.
"""

import copy
import dataclasses
import ipaddress
import struct
import time

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28,
         "SRV": 33, "DNAME": 39, "OPT": 41, "SVCB": 64, "HTTPS": 65, "ANY": 255}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
RCODES = {"NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5}


def encode_name(name):
    wire = b""
    for label in name.rstrip(".").split("."):
        if label:
            wire += bytes([len(label)]) + label.encode("latin-1")
    return wire + b"\0"


@dataclasses.dataclass
class Question:
    """What somebody asked, exactly as it arrived."""

    name: str  # the case is kept
    type: str
    klass: int
    id: int
    transport: str  # "udp" or "tcp"
    source: tuple
    destination: str  # the resolver address that was asked
    wire: bytes
    edns_size: int = 0  # 0: no EDNS
    edns_options: tuple = ()  # (code, bytes) pairs
    extra_records: int = 0  # records other than OPT that came with the question
    at: float = dataclasses.field(default_factory=time.monotonic)

    @property
    def lower(self):
        return self.name.lower()


def read_question(wire, transport, source, destination):
    """The Question in wire; raises ValueError, IndexError or struct.error for what is none."""
    identity, flags, questions, answers, authorities, additionals = struct.unpack_from("!6H", wire)
    if flags & 0x8000 or questions != 1:
        raise ValueError("not a question")
    labels, at = _read_labels(wire, 12)
    kind, klass = struct.unpack_from("!HH", wire, at)
    question = Question(".".join(labels), TYPE_NAMES.get(kind, f"TYPE{kind}"), klass, identity,
                        transport, source, destination, wire)
    at += 4
    for _ in range(answers + authorities + additionals):
        _, at = _read_labels(wire, at)
        kind, size, _, length = struct.unpack_from("!HHIH", wire, at)
        data = wire[at + 10:at + 10 + length]
        at += 10 + length
        if kind == TYPES["OPT"]:
            question.edns_size = size
            question.edns_options = tuple(_read_options(data))
        else:
            question.extra_records += 1
    return question


def _read_labels(wire, at):
    labels = []
    while wire[at]:
        if wire[at] > 63:
            raise ValueError("compressed name in a question")
        labels.append(wire[at + 1:at + 1 + wire[at]].decode("latin-1"))
        at += 1 + wire[at]
    return labels, at + 1


def _read_options(data):
    at = 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from("!HH", data, at)
        yield code, data[at + 4:at + 4 + length]
        at += 4 + length


@dataclasses.dataclass
class Record:
    owner: str
    type: str
    ttl: int
    data: bytes

    def encode(self, asked):
        owner = b"\xc0\x0c" if self.owner == asked else encode_name(self.owner)
        return owner + struct.pack("!HHIH", TYPES[self.type], 1, self.ttl & 0xffffffff,
                                   len(self.data)) + self.data


def address_record(owner, address, ttl):
    packed = ipaddress.ip_address(address).packed
    return Record(owner, "A" if len(packed) == 4 else "AAAA", ttl, packed)


def name_record(owner, type, target, ttl):
    return Record(owner, type, ttl, encode_name(target))


def soa_record(owner):
    data = encode_name("ns.lab.test") * 2 + struct.pack("!5I", 1, 60, 60, 60, 1)
    return Record(owner, "SOA", 1, data)


@dataclasses.dataclass
class Reply:
    """An answer in the making. Twists change it, copy it, or put bytes in its place."""

    question: Question
    rcode: str = "NOERROR"
    answer: list = dataclasses.field(default_factory=list)
    authority: list = dataclasses.field(default_factory=list)
    additional: list = dataclasses.field(default_factory=list)
    id: int = None
    name: str = None  # the question's name as repeated in the reply
    type: str = None
    truncated: bool = False
    delay_s: float = 0
    from_port: int = 53
    echo_questions: int = 1

    def __post_init__(self):
        self.id = self.question.id
        self.name = self.question.name
        self.type = self.question.type

    def copy(self):
        twin = copy.copy(self)
        twin.answer, twin.authority, twin.additional = (
            list(self.answer), list(self.authority), list(self.additional))
        return twin

    def encode(self, limit=65535):
        flags = 0x8180 | RCODES[self.rcode] | (0x0200 if self.truncated else 0)
        kind = TYPES.get(self.type) or int(self.type[4:])
        echo = (encode_name(self.name) + struct.pack("!HH", kind, self.question.klass))
        sections = [self.answer, self.authority, self.additional]
        body = b"".join(record.encode(self.name) for part in sections for record in part)
        opt = b"\0\0\x29\x04\xd0\0\0\0\0\0\0" if self.question.edns_size else b""
        counts = [len(part) for part in sections]
        if 12 + len(echo) + len(body) + len(opt) > limit:
            flags |= 0x0200
            body, counts = b"", [0, 0, 0]
        header = struct.pack("!6H", self.id, flags, self.echo_questions, counts[0], counts[1],
                             counts[2] + bool(opt))
        return header + echo * self.echo_questions + body + opt
