"""Every form of an entry: opens what it says, and not the next port, address or name."""

import pytest

from lab.lab import ALLOWED, ALLOWED_V4, EVIL_V4

POOL_V4, POOL_V6 = "198.51.100.20", "2001:db8:20::20"


def refused(lab, container, host, port, udp=False):
    """Refused, and not a packet left."""
    lab.witness.forget()
    outcome = container.udp(host, port) if udp else container.connect(host, port)
    expected = ("EPERM", "EACCES", "EHOSTUNREACH") if udp else ("ECONNREFUSED",)
    assert outcome.error in expected, (host, port, outcome)
    assert not lab.witness.packets(destination=host, port=port, tells=True,
                                   protocol="udp" if udp else "tcp")
    return True


def test_a_name_alone_means_web_ports(lab, container):
    lab.egressd(allow=[ALLOWED]).wait_leased(ALLOWED_V4)
    assert container.connect(ALLOWED, 80) and container.connect(ALLOWED, 443)
    assert refused(lab, container, ALLOWED_V4, 22)
    assert refused(lab, container, ALLOWED_V4, 443, udp=True)


@pytest.mark.parametrize("range", ["8000-8100", "8000-8100/tcp"])
def test_port_ranges_of_a_name(lab, container, zone, range):
    zone.host("pool.test", POOL_V4, POOL_V6)
    lab.egressd(allow=[{"host": "pool.test", "ports": ["22", "443", range]}])
    for port in (22, 443, 8000, 8001, 8050, 8099, 8100):
        assert container.connect("pool.test", port, family=4), port
        assert container.connect("pool.test", port, family=6), port
    for address in (POOL_V4, POOL_V6):
        for port in (80, 8101, 8443):
            assert refused(lab, container, address, port)
        assert refused(lab, container, address, 8050, udp=True)


def test_all_ports_of_a_name(lab, container, zone):
    zone.host("pool.test", POOL_V4, POOL_V6)
    zone.host("tcp.test", "198.51.100.21")
    lab.egressd(allow=["pool.test:*", "tcp.test:*/tcp"])
    assert container.connect("tcp.test", 22)
    assert refused(lab, container, "198.51.100.21", 123, udp=True)
    for port in (22, 80, 9418):
        assert container.connect("pool.test", port)
    assert refused(lab, container, "198.51.100.22", 22)


def test_udp_ports(lab, container, zone):
    zone.host("pool.test", POOL_V4, POOL_V6)
    lab.egressd(allow=["pool.test:123/udp", "192.0.2.9:443/udp"])
    assert container.udp("pool.test", 123, family=4) and container.udp("pool.test", 123, family=6)
    assert container.udp("192.0.2.9", 443)
    assert refused(lab, container, POOL_V4, 443, udp=True)
    assert refused(lab, container, POOL_V4, 443)
    assert refused(lab, container, "192.0.2.9", 443)


@pytest.mark.leak("H33")
def test_prefixes_and_addresses(lab, container):
    lab.egressd(allow=["192.0.2.0/25:22", "[2001:db8::7]:8443", "2001:db8:40::/48", "198.51.100.9",
                       "203.0.113.128/25:8000-8100"])
    for address, port in (("192.0.2.1", 22), ("192.0.2.127", 22), ("2001:db8::7", 8443),
                          ("2001:db8:40:ffff::1", 443), ("198.51.100.9", 80),
                          ("203.0.113.200", 8050)):
        assert container.connect(address, port), (address, port)
    for address, port in (("192.0.2.128", 22), ("192.0.2.1", 443), ("2001:db8::8", 8443),
                          ("2001:db8::7", 443), ("2001:db8:41::1", 443), ("198.51.100.10", 80),
                          ("203.0.113.200", 8101), ("203.0.113.127", 8050)):
        assert refused(lab, container, address, port)


def test_overlapping_prefixes(lab, container):
    lab.egressd(allow=["192.0.2.0/24:22", "192.0.2.64/26:22", "192.0.2.70:22", "192.0.2.70:443",
                       "192.0.2.0/24:443", "192.0.2.255:22", "198.51.100.0/25:22",
                       "198.51.100.128/25:22"])
    for address in ("192.0.2.0", "192.0.2.70", "192.0.2.255", "198.51.100.127", "198.51.100.128"):
        assert container.connect(address, 22), address
    assert refused(lab, container, "192.0.3.0", 22)


@pytest.mark.leak("H26", "L33")
def test_wildcards(lab, container, zone):
    """One or more labels below, not the name itself, and nothing that merely looks alike."""
    for name in ("a.cdn.test", "a.b.c.cdn.test", "cdn.test", "evilcdn.test", "a.cdn.test.evil.test",
                 "cdn.test.evil.test"):
        zone.host(name, POOL_V4, POOL_V6)
    lab.egressd(allow=["*.CDN.test.:443"])
    lab.forget()
    for name in ("cdn.test", "evilcdn.test", "a.cdn.test.evil.test", "cdn.test.evil.test",
                 "test", "xn--cdn.test"):
        assert not container.resolve(name), name
    assert not lab.strays()
    assert refused(lab, container, POOL_V4, 443)
    for name in ("a.cdn.test", "A.CDN.TEST", "a.b.c.cdn.test."):
        assert container.connect(name, 443), name
    assert refused(lab, container, POOL_V4, 80)


@pytest.mark.leak("H25")
@pytest.mark.parametrize("entry", ["Allowed.TEST", "allowed.test.", "ALLOWED.TEST.:443"])
def test_case_and_final_dot(lab, container, entry):
    lab.egressd(allow=[entry])
    for name in (ALLOWED, "ALLOWED.test", "allowed.test."):
        assert container.connect(name, 443), name


@pytest.mark.leak("H25")
def test_names_in_other_scripts(lab, container, zone):
    zone.host("xn--bcher-kva.test", POOL_V4)
    lab.egressd(allow=["xn--bcher-kva.test"])
    assert container.connect("xn--bcher-kva.test", 443)


def test_denied_names_win(lab, container, zone):
    zone.host("*.cdn.test", POOL_V4)
    zone.host("bad.cdn.test", "198.51.100.66")
    lab.egressd(allow=["*.cdn.test", "bad.cdn.test", "a.deep.cdn.test"],
                deny=["bad.cdn.test", "*.deep.cdn.test"])
    assert container.connect("good.cdn.test", 443)
    lab.forget()
    for name in ("bad.cdn.test", "BAD.cdn.test.", "a.deep.cdn.test"):
        assert container.resolve(name).error == "EAI_NONAME"
    assert not lab.strays([])
    assert refused(lab, container, "198.51.100.66", 443)


def test_denied_addresses_win(lab, container, zone):
    """Over prefixes, and over what an allowed name leads to."""
    zone.host("moved.test", EVIL_V4, POOL_V4)
    egressd = lab.egressd(
        allow=["203.0.113.0/24:443", "203.0.113.0/24:80", "moved.test", "192.0.2.0/24:*"],
        deny=[EVIL_V4, "203.0.113.128/25:80", "192.0.2.7:22"])
    assert container.connect("203.0.113.1", 443) and container.connect("203.0.113.200", 443)
    assert container.connect("192.0.2.7", 80) and container.connect("192.0.2.8", 22)
    assert container.resolve("moved.test")
    egressd.wait_leased(POOL_V4)
    for address, port in ((EVIL_V4, 443), (EVIL_V4, 80), ("203.0.113.200", 80), ("192.0.2.7", 22)):
        assert refused(lab, container, address, port)
    assert container.connect(POOL_V4, 443)


def test_ports_denied_of_an_allowed_name(lab, container):
    lab.egressd(allow=[f"{ALLOWED}:*"], deny=[f"{ALLOWED}:22"])
    assert container.connect(ALLOWED, 443) and container.connect(ALLOWED, 5432)
    assert refused(lab, container, ALLOWED_V4, 22)


@pytest.mark.leak("L34")
def test_explain_agrees_with_what_happens(lab, container, zone):
    """For names and addresses, allowed and refused: the exit code is the truth."""
    zone.host("a.cdn.test", POOL_V4)
    egressd = lab.egressd(allow=[ALLOWED, "*.cdn.test:443", "192.0.2.0/24:22", "[2001:db8::7]:443"],
                          deny=["bad.cdn.test", "192.0.2.9"])
    for host, port in ((ALLOWED, 443), (ALLOWED, 22), ("a.cdn.test", 443), ("a.cdn.test", 80),
                       ("bad.cdn.test", 443), ("cdn.test", 443), ("192.0.2.1", 22),
                       ("192.0.2.1", 443), ("192.0.2.9", 22), ("2001:db8::7", 443),
                       ("2001:db8::8", 443)):
        written = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        done = egressd.ctl("explain", written, check=False, uid=1000)
        assert done.returncode in (0, 1), done
        assert bool(container.connect(host, port)) == (done.returncode == 0), (written, done)
