"""What a policy means, as `egressd check` prints it: said a second time, in the plainest way that there
is, to hold the daemon against it. Ports are asked about one by one; nothing is compiled."""

import ipaddress
import re

DEFAULTS = {"every port": "*,*/udp", "every TCP port": "*", "every UDP port": "*/udp"}
PRIVATE = [ipaddress.ip_network(prefix) for prefix in ("10.0.0.0/8", "fc00::/7")]


def is_private(address):
    return any(ipaddress.ip_address(address) in prefix for prefix in PRIVATE)


class Rule:
    """One line: allow|deny HOST PORTS private|- SOURCE."""

    def __init__(self, line):
        self.list, rest = line.split(maxsplit=1)
        self.host, ports, private, _ = re.split(r"\s{2,}", rest, maxsplit=3)
        self.private = private == "private"
        ports = DEFAULTS.get(ports, ports.removesuffix(" (default)"))
        self.ranges = [self._range(text) for text in ports.split(",")]
        text = re.sub(r"[\[\]]", "", self.host)
        self.prefix = None
        if re.fullmatch(r"[0-9.]+(/\d+)?|[0-9a-f:.]+:[0-9a-f:.]*(/\d+)?", text):
            self.prefix = ipaddress.ip_network(text)

    @staticmethod
    def _range(text):
        number, _, protocol = text.partition("/")
        first, _, last = number.replace("*", "1-65535").partition("-")
        return protocol or "tcp", int(first), int(last or first)

    def has_port(self, protocol, port):
        return any(protocol == p and first <= port <= last for p, first, last in self.ranges)

    def is_about_name(self, name):
        if self.prefix:
            return False
        if self.host.startswith("*."):
            return name.endswith(self.host[1:]) and name != self.host[2:]
        return name == self.host

    def is_about_address(self, address):
        return self.prefix is not None and ipaddress.ip_address(address) in self.prefix


class Model:
    def __init__(self, printed, addresses):
        """printed: by `egressd check`; addresses: name -> those that it has, each its own."""
        self.rules = [Rule(line) for line in printed.splitlines() if re.match("(allow|deny) ", line)]
        self._addresses = addresses
        borders = {(protocol, port) for rule in self.rules for protocol, first, last in rule.ranges
                   for port in (first - 1, first, last, last + 1)}
        self._ports = sorted(pair for pair in borders if 1 <= pair[1] <= 65535)

    def _any(self, list, matches, protocol, port, private=False):
        return any(rule.list == list and matches(rule) and rule.has_port(protocol, port)
                   and (rule.private or not private) for rule in self.rules)

    def name_allows(self, name, protocol, port, private=False):
        def matches(rule):
            return rule.is_about_name(name)
        return (self._any("allow", matches, protocol, port, private)
                and not self._any("deny", matches, protocol, port))

    def net_allows(self, address, protocol, port):
        return self._any("allow", lambda rule: rule.is_about_address(address), protocol, port)

    def net_denies(self, address, protocol, port):
        return self._any("deny", lambda rule: rule.is_about_address(address), protocol, port)

    def is_answered(self, name):
        """Not refused by the gate: there is a port at which it may be reached."""
        return any(self.name_allows(name, *pair) for pair in self._ports)

    def lease_allows(self, name, address, protocol, port):
        return (self.name_allows(name, protocol, port)
                and (not is_private(address) or self.name_allows(name, protocol, port, private=True)
                     or self.net_allows(address, protocol, port))
                and not self.net_denies(address, protocol, port))

    def is_leased(self, name, address):
        return any(self.lease_allows(name, address, *pair) for pair in self._ports)

    def address_open(self, address, protocol, port):
        """Now that each of the names has been asked for."""
        leased = any(self.lease_allows(name, address, protocol, port)
                     for name, addresses in self._addresses.items() if address in addresses)
        return (leased or self.net_allows(address, protocol, port)) and not self.net_denies(
            address, protocol, port)
