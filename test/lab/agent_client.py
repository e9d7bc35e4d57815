"""Our end of the agent: one method for each thing it can try."""

import contextlib
import json
import pathlib
import select
import subprocess

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype


class Outcome:
    """What came of an attempt: ok, error (ECONNREFUSED, EAI_NONAME, ...), elapsed, and more."""

    address, addresses, reply = None, (), ""  # unless it worked

    def __init__(self, fields):
        self.__dict__.update(fields)

    def __bool__(self):
        return self.ok

    def __repr__(self):
        return f"Outcome({', '.join(f'{k}={v!r}' for k, v in self.__dict__.items())})"


class Flow:
    """A connection that stays open inside the machine; the other side echoes."""

    def __init__(self, agent, fields):
        self._agent = agent
        self._id = fields.flow
        self.address = fields.address
        self.port = fields.port

    def echo(self, payload=b"still here", timeout=10):
        return self._agent.call("use_flow", flow=self._id, payload=payload.hex(), timeout=timeout)

    def send(self, payload):
        return self._agent.call("use_flow", flow=self._id, payload=payload.hex(), timeout=10,
                                reply=False)

    def close(self):
        self._agent.call("close_flow", flow=self._id)


class Agent:
    # The source is handed over: the user inside may not be able to read the tree.
    ARGV = ["/usr/bin/python3", "-I", "-c",
            pathlib.Path(__file__).with_name("agent.py").read_text()]

    def __init__(self, command):
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         start_new_session=True)

    def close(self):
        """Lets it end by itself: nsenter buries it, which nobody else here would do at once."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def begin(self, do, **arguments):
        line = json.dumps({"do": do, **arguments}) + "\n"
        self._process.stdin.write(line.encode())
        self._process.stdin.flush()

    def finish(self, limit=600):
        if not select.select([self._process.stdout], [], [], limit)[0]:
            raise TimeoutError(f"the agent did not answer within {limit} s")
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the agent died")
        return Outcome(json.loads(line))

    def call(self, do, **arguments):
        self.begin(do, **arguments)
        return self.finish()

    def resolve(self, name, family=None):
        return self.call("resolve", name=name, family=family)

    def connect(self, host, port, timeout=10, family=None):
        return self.call("connect", host=host, port=port, timeout=timeout, family=family)

    def open(self, host, port, udp=False, family=None):
        outcome = self.call("open_flow", host=host, port=port, udp=udp, family=family)
        assert outcome, f"no flow to {host}:{port}: {outcome}"
        return Flow(self, outcome)

    def udp(self, host, port, payload=b"knock", timeout=5, family=None, bind=None):
        return self.call("udp", host=host, port=port, payload=payload.hex(), timeout=timeout,
                         family=family, bind=bind)

    def ping(self, address, timeout=5, size=56):
        return self.call("ping", address=address, timeout=timeout, size=size)

    def send_raw(self, address, protocol, payload=b"knock knock"):
        return self.call("send_raw", address=address, protocol=protocol, payload=payload.hex())

    def many(self, name, port, count, family=None, clients=1):
        return self.call("many", name=name, port=port, count=count, family=family, clients=clients)

    def burst(self, name, port, clients, family=None):
        return self.call("burst", name=name, port=port, clients=clients, family=family)

    def begin_hammer(self, *targets, pause=0):
        """Knocks at (host, port[, "udp"]) targets until end_hammer(), which tells what came."""
        self.begin("hammer", targets=targets, pause=pause)

    def end_hammer(self):
        return self.end_hammer_with_gaps()[0]

    def end_hammer_with_gaps(self):
        """How often what came, by target; and the longest time in which a target failed."""
        self.begin("rest")
        outcome = self.finish()
        return outcome.counts, outcome.gaps

    def dig(self, name, type="A", server="192.0.2.53", port=53, tcp=False, edns=None,
            edns_options=(), klass="IN", wire=None, timeout=6):
        """Asks a server; wire replaces the question's bytes. edns=0 for a plain OPT."""
        if wire is None:
            query = dns.message.make_query(
                name, dns.rdatatype.from_text(type), dns.rdataclass.from_text(klass),
                use_edns=edns, options=list(edns_options) or None)
            wire = query.to_wire()
        outcome = self.call("ask", wire=wire.hex(), server=server, port=port, tcp=tcp,
                            timeout=timeout)
        return Answer(outcome)


class Answer(Outcome):
    """An Outcome with the message read: rcode, addresses, ttl, records, truncated, ede."""

    def __init__(self, outcome):
        super().__init__(outcome.__dict__)
        self.rcode, self.addresses, self.ede, self.records = None, [], None, []
        if not outcome.ok:
            return
        self.wire = bytes.fromhex(outcome.reply)
        self.message = message = dns.message.from_wire(self.wire, ignore_trailing=True,
                                                       raise_on_truncation=False)
        self.rcode = dns.rcode.to_text(message.rcode())
        self.truncated = bool(message.flags & dns.flags.TC)
        self.records = [(str(rrset.name).rstrip("."), dns.rdatatype.to_text(rrset.rdtype),
                         rrset.ttl, record.to_text())
                        for rrset in message.answer for record in rrset]
        self.addresses = [text for _, kind, _, text in self.records if kind in ("A", "AAAA")]
        self.ttl = min((rrset.ttl for rrset in message.answer), default=None)
        self.ede = next((option.code for option in message.options
                         if option.otype == dns.edns.OptionType.EDE), None)
