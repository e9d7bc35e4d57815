"""What the lab's resolver says: records, and the ways in which it can be slow, broken or lying.

    zone.host("allowed.test", "203.0.113.10", "2001:db8:a::10", ttl=60)
    zone.host("turning.test", Rotation("203.0.113.0/24"), ttl=0)
    zone.alias("www.test", "edge.cdn.test")
    zone.twist("liar.test", wrong_id)

All of it may be changed while a test runs. A twist is a function (question, reply) that changes the
reply, or returns what to send instead: None, bytes, a Reply, or a list of these.
"""

import ipaddress
import itertools

from .dns_wire import Record, Reply, address_record, name_record, soa_record

KEEP = object()


class Rotation:
    """Another address of the prefix for every question, with `each` of them in an answer."""

    def __init__(self, prefix, each=1, start=1):
        self._network = ipaddress.ip_network(prefix)
        self._counter = itertools.count(start)
        self._each = each
        self.given = []

    @property
    def version(self):
        return self._network.version

    def next(self):
        usable = self._network.num_addresses - 2
        fresh = [str(self._network[1 + (next(self._counter) - 1) % usable])
                 for _ in range(self._each)]
        self.given += fresh
        return fresh


class Node:
    def __init__(self):
        self.addresses, self.records, self.alias = [], [], None
        self.ttl = 60
        self.split_chain = False

    def fill(self, owner, type):
        version = {"A": 4, "AAAA": 6}.get(type)
        found = []
        for address in self.addresses if version else ():
            if isinstance(address, Rotation):
                given = address.next() if address.version == version else []
            else:
                given = [address] if (":" in address) == (version == 6) else []
            found += [address_record(owner, one, self.ttl) for one in given]
        return found + [Record(owner, record.type, record.ttl, record.data)
                        for record in self.records if type in (record.type, "ANY")]


class Zone:
    def __init__(self):
        self._nodes, self._twists = {}, {}

    def host(self, name, *addresses, ttl=60):
        """name has these addresses (text or Rotation) and no others."""
        node = Node()
        node.addresses, node.ttl = list(addresses), ttl
        self._nodes[name.lower()] = node

    def alias(self, name, target, ttl=60, split=False):
        """name is a CNAME of target; split: the answer stops at the CNAME."""
        node = Node()
        node.alias, node.ttl, node.split_chain = target, ttl, split
        self._nodes[name.lower()] = node

    def record(self, name, type, data, ttl=60):
        """Adds one record of any type, its data as wire bytes."""
        node = self._nodes.setdefault(name.lower(), Node())
        node.records.append(Record(name, type, ttl, data))

    def remove(self, name):
        self._nodes.pop(name.lower(), None)

    def twist(self, name, *twists):
        """Replaces the twists of a name ("*": of every question); none: honest again."""
        self._twists[name.lower()] = twists

    def answer(self, question):
        """The replies to send: a list of Reply and bytes."""
        replies = [self._honest_reply(question)]
        twists = self._twists.get(question.lower, ()) + self._twists.get("*", ())
        for twist in twists:
            replies = [out for reply in replies for out in _apply(twist, question, reply)]
        return replies

    def _find(self, name):
        node = self._nodes.get(name)
        while node is None and "." in name:
            name = name.partition(".")[2]
            node = self._nodes.get(f"*.{name}")
        return node

    def _honest_reply(self, question):
        reply = Reply(question)
        owner = question.name
        for _ in range(20):
            node = self._find(owner.lower())
            if node is None:
                reply.rcode = "NXDOMAIN"
                break
            if not node.alias or question.type == "CNAME":
                reply.answer += node.fill(owner, question.type)
                break
            reply.answer.append(name_record(owner, "CNAME", node.alias, node.ttl))
            if node.split_chain:
                return reply
            owner = node.alias
        if not reply.answer or reply.rcode == "NXDOMAIN":
            reply.authority.append(soa_record("test"))
        return reply


def _apply(twist, question, reply):
    if isinstance(reply, bytes):
        return [reply]
    result = twist(question, reply)
    if result is None:
        return [reply]
    return result if isinstance(result, list) else [result]


# Twists

def silence(question, reply):
    return []


def silent_at(*resolvers):
    """Silence at these of the resolver's addresses only."""
    return lambda question, reply: [] if question.destination in resolvers else None


def delay(seconds):
    def twist(question, reply):
        reply.delay_s += seconds
    return twist


def truncated(keep=0):
    """TC=1 over UDP, with the first `keep` records left in."""
    def twist(question, reply):
        if question.transport == "udp":
            reply.truncated = True
            reply.answer = reply.answer[:keep]
            reply.authority = []
    return twist


def no_tcp(question, reply):
    return [] if question.transport == "tcp" else None


def rcode(name, keep_data=False):
    def twist(question, reply):
        reply.rcode = name
        if not keep_data:
            reply.answer, reply.authority = [], []
    return twist


def rcode_at(resolver, name):
    broken = rcode(name)
    return lambda question, reply: (broken(question, reply)
                                    if question.destination == resolver else None)


def extra(section, *records):
    """Adds (owner, address, ttl) records to "answer", "authority" or "additional"."""
    def twist(question, reply):
        for owner, address, ttl in records:
            record = address_record(owner, address, ttl)
            if section != "answer" or record.type == question.type:
                getattr(reply, section).append(record)
    return twist


def _lying_first(change):
    """Over UDP a forged reply with an address of the attacker's, then the honest one."""
    def twist(question, reply):
        if question.transport == "tcp":
            return reply
        lie = reply.copy()
        forged = {"A": "203.0.113.66", "AAAA": "2001:db8:bad::66"}.get(question.type)
        lie.answer = [address_record(lie.name, forged, 60)] if forged else []
        change(lie)
        if lie.name != reply.name:
            for record in lie.answer:
                record.owner = lie.name
        return [lie, reply]
    return twist


def _set(**fields):
    return _lying_first(lambda lie: lie.__dict__.update(fields))


wrong_id = _lying_first(lambda lie: setattr(lie, "id", lie.id ^ 1))
wrong_question = _set(name="evil.test")
wrong_type = _set(type="TXT")
wrong_case = _lying_first(lambda lie: setattr(lie, "name", lie.name.swapcase()))
no_question = _set(echo_questions=0)
two_questions = _set(echo_questions=2)
wrong_port = _set(from_port=5353)


def malformed(build):
    """Sends the bytes of build(question, honest bytes) instead."""
    return lambda question, reply: build(question, reply.encode())
