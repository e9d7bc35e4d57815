"""Whatever is not on the list: reset or refused at once, and not one packet leaves."""

import struct

import pytest

from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL, EVIL_V4, EVIL_V6, GATEWAY_V4, GATEWAY_V6

SCTP, UDPLITE, GRE, IPIP = 132, 136, 47, 4


@pytest.mark.leak("L1", "L8", "L36", "H32", "H33", "H54")
@pytest.mark.parametrize("address", [EVIL_V4, EVIL_V6])
def test_tcp_is_reset_at_once(lab, container, address):
    probes = [lab.prove_open(lambda port=port: container.connect(address, port),
                             destination=address)
              for port in (22, 80, 443, 853, 8443)]
    lab.egressd(allow=[ALLOWED])
    for probe in probes:
        probe.refused("ECONNREFUSED", at_once=True)
    assert not lab.strays([ALLOWED])


@pytest.mark.leak("L1")
@pytest.mark.parametrize("host", [EVIL_V4, f"[{EVIL_V6}]"])
def test_curl_is_refused(lab, container, host):
    assert container.curl(f"http://{host}/")[0] == 0
    lab.egressd(allow=[ALLOWED])
    lab.forget()
    assert container.curl(f"http://{host}/")[0] == 7
    assert container.curl(f"http://{host}/", uid=0)[0] == 7
    assert not lab.strays([ALLOWED])


@pytest.mark.leak("L37", "H33", "H43")
@pytest.mark.parametrize("address", [EVIL_V4, EVIL_V6])
def test_udp_and_ping_are_refused(lab, container, address):
    probes = [lab.prove_open(lambda port=port: container.udp(address, port), destination=address)
              for port in (123, 443, 853)]
    ping = lab.prove_open(lambda: container.ping(address, size=900), destination=address)
    lab.egressd(allow=[ALLOWED])
    for probe in probes:
        probe.refused("EPERM", "EACCES", "EHOSTUNREACH", at_once=True)
    ping.refused()  # Linux tells an IPv6 ping socket nothing
    assert not lab.strays([ALLOWED])


@pytest.mark.leak("L9", "L37", "H43", "H44")
@pytest.mark.parametrize("address", [ALLOWED_V4, ALLOWED_V6])
def test_only_the_named_ports_of_an_allowed_address(lab, container, address):
    """allowed.test:443 opens no other port, no UDP, no ping on the same address."""
    tcp = [lab.prove_open(lambda port=port: container.connect(address, port), destination=address)
           for port in (22, 80, 8443)]
    udp = [lab.prove_open(lambda port=port: container.udp(address, port), destination=address)
           for port in (123, 443)]
    ping = lab.prove_open(lambda: container.ping(address), destination=address)
    egressd = lab.egressd(allow=[f"{ALLOWED}:443"])
    egressd.wait_leased(address)
    assert container.connect(address, 443)
    for probe in tcp:
        probe.refused("ECONNREFUSED", at_once=True)
    for probe in udp:
        probe.refused("EPERM", "EACCES", "EHOSTUNREACH", at_once=True)
    ping.refused()


@pytest.mark.leak("L37", "H33")
@pytest.mark.parametrize("address", [EVIL_V4, EVIL_V6, ALLOWED_V4, ALLOWED_V6])
def test_no_other_protocol_leaves(lab, container, address):
    """Not even for root, who may open raw sockets."""
    protocols = [SCTP, UDPLITE, GRE] if ":" in address else [SCTP, UDPLITE, GRE, IPIP]
    probes = [lab.prove_open(lambda number=number: container.root.send_raw(address, number),
                             destination=address) for number in protocols]
    lab.egressd(allow=[ALLOWED]).wait_leased(ALLOWED_V4, ALLOWED_V6)
    for probe in probes:
        probe.refused()


@pytest.mark.leak("L2")
@pytest.mark.parametrize("address", [EVIL_V4, EVIL_V6, ALLOWED_V4])
def test_port_53_carries_nothing_but_questions(lab, container, address):
    """Bytes that are no DNS end at the gate, over UDP and TCP."""
    secret = b"not a question: " + bytes(range(64))
    lab.forget()
    container.udp(address, 53, secret, timeout=0.1)
    container.open(address, 53).send(struct.pack("!H", len(secret)) + secret)
    assert len(lab.witness.packets(destination=address, port=53)) >= 3
    lab.egressd(allow=[ALLOWED])
    lab.forget()
    container.udp(address, 53, secret, timeout=0.1)
    container.open(address, 53).send(struct.pack("!H", len(secret)) + secret)
    assert not lab.witness.packets(destination=address)
    assert not lab.strays([ALLOWED])


@pytest.mark.leak("L10", "L11")
@pytest.mark.parametrize("address", [GATEWAY_V4, GATEWAY_V6, "169.254.169.254", "168.63.129.16",
                                     "fd00:ec2::254", "10.1.2.3", "192.168.1.1"])
def test_the_neighbourhood_is_closed(lab, container, address):
    """The gateway, the host, the metadata service and private networks are nobody's friend."""
    probe = lab.prove_open(lambda: container.connect(address, 80), destination=address)
    lab.egressd(allow=[ALLOWED])
    probe.refused("ECONNREFUSED", at_once=True)


@pytest.mark.leak("L38")
def test_other_spellings_of_an_address(lab, container):
    """IPv4-mapped, NAT64 and 6to4 forms of a refused address and of an allowed one."""
    mapped = lab.prove_open(lambda: container.connect(f"::ffff:{EVIL_V4}", 443),
                            destination=EVIL_V4)
    others = [lab.prove_open(lambda form=form: container.connect(form, 443), destination=form)
              for form in ("64:ff9b::cb00:7142", "2002:cb00:7142::1", "64:ff9b::cb00:710a",
                           "2002:cb00:710a::1")]
    lab.egressd(allow=[ALLOWED]).wait_leased(ALLOWED_V4)
    for probe in (mapped, *others):
        probe.refused("ECONNREFUSED", at_once=True)


@pytest.mark.leak("L13", "L14", "H41")
def test_names_that_share_an_address_cannot_be_told_apart(lab, container, zone):
    """Documented: an address that an allowed name leads to is open, whoever else lives there."""
    zone.host("other.test", ALLOWED_V4)
    lab.egressd(allow=[ALLOWED]).wait_leased(ALLOWED_V4)
    assert container.resolve("other.test").error == "EAI_NONAME"
    code, body = container.curl("https://other.test/", "--resolve", f"other.test:443:{ALLOWED_V4}")
    assert code == 0 and "other.test" in body


@pytest.mark.leak("H37")
def test_the_hosts_file_opens_nothing(lab, container):
    container.write("/etc/hosts", f"{EVIL_V4} {ALLOWED}\n{EVIL_V6} {ALLOWED}\n")
    probe = lab.prove_open(lambda: container.connect(ALLOWED, 443))
    lab.egressd(allow=[ALLOWED])
    assert container.resolve(ALLOWED, 4).addresses == [EVIL_V4]
    probe.refused("ECONNREFUSED", at_once=True)
    assert not lab.witness.packets(destination=EVIL_V4)
    assert not lab.witness.packets(destination=EVIL_V6)


def test_loopback_stays_open(lab, container):
    """Servers that run in the container are nobody's business."""
    lab.egressd(allow=[ALLOWED])
    script = ("import socket\n"
              "for host, family in (('127.0.0.1', socket.AF_INET), ('::1', socket.AF_INET6)):\n"
              "    server = socket.create_server((host, 8080), family=family)\n"
              "    socket.create_connection((host, 8080), 2).close()\n"
              "    server.close()\n")
    container.run(["/usr/bin/python3", "-c", script], uid=1000)


def test_refused_names_that_resolve_nowhere_never_connect(lab, container):
    probe = lab.prove_open(lambda: container.connect(EVIL, 443))
    lab.egressd(allow=[ALLOWED])
    probe.refused("EAI_NONAME")
