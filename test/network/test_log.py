"""What was refused is in the log at once: by which name, whose, how often, and what would allow it."""

import re

import pytest

from lab.lab import (ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL, EVIL_V4, EVIL_V6, UPSTREAM,
                     UPSTREAM_V6)
from lab.waiting import wait_until

AGENT = 1000
PRIVATE, METADATA = "10.1.2.3", "169.254.169.254"


def entries(egressd, after=0, kind=None):
    found = egressd.ask("log", after=after)["entries"]
    return [entry for entry in found if kind in (None, entry["kind"])]


def wait_entry(egressd, **wanted):
    """The line that says all of this."""
    def look():
        found = [entry for entry in entries(egressd)
                 if all(entry[member] == value for member, value in wanted.items())]
        return found[0] if found else None

    try:
        return wait_until(look, f"a line with {wanted}")
    except TimeoutError as error:
        raise AssertionError(f"{error}; there is {entries(egressd)}") from None


@pytest.mark.parametrize("uid", [AGENT, 0])
def test_a_refused_name(lab, container, uid):
    egressd = lab.egressd(allow=[ALLOWED])
    assert container.curl(f"http://{EVIL}/", uid=uid)[0] == 6
    line = wait_entry(egressd, kind="question", name=EVIL)
    assert line["verdict"] == "refused"
    assert line["via"] == "out"
    assert line["reason"] == f"{EVIL} is not on the allowlist"
    assert line["suggestion"] == {"entry": EVIL, "note": None}
    assert line["address"] is None and line["port"] is None and line["protocol"] is None
    assert line["uid"] == uid and line["count"] >= 1


@pytest.mark.parametrize("server", [UPSTREAM, UPSTREAM_V6])
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_whose_question_it_was(lab, container, server, tcp):
    """Also when the socket that asked says no address, or is one for both families."""
    egressd = lab.egressd(allow=[ALLOWED])
    assert not container.dig(EVIL, server=server, tcp=tcp).addresses
    assert wait_entry(egressd, kind="question", name=EVIL)["uid"] == AGENT


@pytest.mark.parametrize("uid", [AGENT, 0])
@pytest.mark.parametrize("address", [EVIL_V4, EVIL_V6])
def test_a_literal_address(lab, container, address, uid):
    egressd = lab.egressd(allow=[ALLOWED])
    host = f"[{address}]" if ":" in address else address
    assert container.curl(f"http://{host}:8443/", uid=uid)[0] == 7
    line = wait_entry(egressd, kind="packet", address=address)
    assert (line["port"], line["protocol"], line["uid"]) == (8443, "tcp", uid)
    assert (line["name"], line["names_more"], line["via"]) == (None, 0, "out")
    assert line["user"] == ("root" if uid == 0 else line["user"])
    assert line["reason"] == "the address was never the answer to a name asked here"
    assert line["suggestion"]["entry"] == f"{host}:8443"


@pytest.mark.parametrize("address", [ALLOWED_V4, ALLOWED_V6])
def test_another_port_of_a_name(lab, container, address):
    """The packet says an address; the line says the name that led there."""
    egressd = lab.egressd(allow=[f"{ALLOWED}:443"])
    egressd.wait_leased(address)
    assert container.connect(address, 22).error == "ECONNREFUSED"
    line = wait_entry(egressd, kind="packet", address=address, port=22)
    assert (line["name"], line["uid"]) == (ALLOWED, AGENT)
    assert line["reason"] == f"port 22 is not among the ports of {ALLOWED}"
    assert line["suggestion"]["entry"] == f"{ALLOWED}:22"


@pytest.mark.parametrize("address", [EVIL_V4, EVIL_V6])
def test_udp(lab, container, address):
    egressd = lab.egressd(allow=[ALLOWED])
    assert not container.udp(address, 123)
    line = wait_entry(egressd, kind="packet", address=address)
    assert (line["port"], line["protocol"]) == (123, "udp")
    assert line["suggestion"]["entry"].endswith(":123/udp")


def test_a_ping_has_no_port_and_nothing_to_add(lab, container):
    egressd = lab.egressd(allow=[ALLOWED])
    container.ping(EVIL_V4)
    line = wait_entry(egressd, kind="packet", address=EVIL_V4)
    assert (line["port"], line["protocol"]) == (None, "icmp")
    assert line["suggestion"]["entry"] is None


@pytest.mark.parametrize("address", [EVIL_V4, EVIL_V6])
def test_a_container_inside(lab, address):
    inner = lab.nested()
    egressd = lab.egressd(allow=[ALLOWED])
    assert inner.connect(address, 8443).error == "ECONNREFUSED"
    line = wait_entry(egressd, kind="packet", address=address)
    assert (line["via"], line["uid"], line["port"]) == ("forward", None, 8443)
    assert not inner.dig(EVIL, timeout=1).addresses
    assert wait_entry(egressd, kind="question", name=EVIL)["via"] == "forward"


@pytest.mark.parametrize("address, note", [(PRIVATE, "private"), (METADATA, "credentials")])
def test_special_addresses_are_not_suggested(lab, container, address, note):
    egressd = lab.egressd(allow=[ALLOWED])
    assert container.connect(address, 80).error == "ECONNREFUSED"
    line = wait_entry(egressd, kind="packet", address=address)
    assert line["suggestion"]["entry"] is None and note in line["suggestion"]["note"]


def test_a_denied_name_is_not_suggested(lab, container):
    egressd = lab.egressd(allow=[f"*.{ALLOWED}"], deny=[f"no.{ALLOWED}"])
    assert not container.resolve(f"no.{ALLOWED}")
    line = wait_entry(egressd, kind="question", name=f"no.{ALLOWED}")
    assert line["reason"] == f"no.{ALLOWED} is denied"
    assert line["suggestion"]["entry"] is None
    assert f'"no.{ALLOWED}" in deny' in line["suggestion"]["note"]


def test_what_is_allowed_by_now_is_not_suggested(lab, container):
    egressd = lab.egressd(allow=[ALLOWED])
    assert not container.resolve(EVIL)
    assert wait_entry(egressd, kind="question", name=EVIL)["suggestion"]["entry"] == EVIL
    egressd.reload({"allow": [ALLOWED, EVIL]})
    assert wait_entry(egressd, kind="question", name=EVIL)["suggestion"] is None


def test_an_allowed_name_is_a_grant(lab, container):
    egressd = lab.egressd(allow=[ALLOWED])
    assert container.connect(ALLOWED, 443)
    line = wait_entry(egressd, kind="grant", name=ALLOWED)
    assert (line["verdict"], line["suggestion"]) == ("granted", None)


def test_a_loop_is_one_line(lab, container):
    egressd = lab.egressd(allow=[ALLOWED])
    for _ in range(10):
        assert container.connect(EVIL_V4, 443).error == "ECONNREFUSED"
    wait_entry(egressd, kind="packet", address=EVIL_V4, count=10)
    assert len(entries(egressd, kind="packet")) == 1


def test_a_name_with_many_addresses_is_one_line(lab, container, zone):
    addresses = [f"198.51.100.{last}" for last in range(1, 9)]
    zone.host("cdn.test", *addresses)
    egressd = lab.egressd(allow=["cdn.test:443"])
    egressd.wait_leased(*addresses)
    for address in addresses:
        assert container.connect(address, 8443).error == "ECONNREFUSED"
    wait_entry(egressd, kind="packet", name="cdn.test", port=8443, count=len(addresses))
    assert len(entries(egressd, kind="packet")) == 1


@pytest.mark.parametrize("host, line", [
    (EVIL, rf" refused  {EVIL} .*\n.*\n(?: *by curl .*\n)? *add to \"allow\": \"{EVIL}\""),
    (EVIL_V4, rf" refused  {EVIL_V4}:80 .*\n.*\n(?: *by curl .*\n)? *add to \"allow\": \"{EVIL_V4}\"")])
def test_from_curl_to_its_line_within_a_second(lab, container, host, line):
    """As a person does it: the command fails, and egressctl log is asked until it shows it."""
    egressd = lab.egressd(allow=[ALLOWED])
    assert container.curl(f"http://{host}/")[0] in (6, 7)
    wait_until(lambda: re.search(line, egressd.ctl("log", uid=AGENT).stdout), f"{host} in the log",
               timeout=1)


def test_a_cursor_shows_only_what_is_new(lab, container):
    egressd = lab.egressd(allow=[ALLOWED])
    assert not container.resolve("one.test")
    wait_entry(egressd, name="one.test")
    before = egressd.ask("log")
    assert egressd.ask("log", after=before["next"])["entries"] == []
    assert not container.resolve("two.test")
    wait_entry(egressd, name="two.test")
    assert [entry["name"] for entry in entries(egressd, after=before["next"])] == ["two.test"]
    assert sum(before["hour"]) >= 1 and len(before["hour"]) == 60
    egressd.restart()
    assert not container.resolve("three.test")
    wait_entry(egressd, name="three.test")
    assert [entry["name"] for entry in entries(egressd, after=before["next"])] == ["three.test"]


def test_for_people(lab, container):
    egressd = lab.egressd(allow=[f"{ALLOWED}:443"])
    assert "nothing was refused" in egressd.ctl("log", uid=AGENT).stdout
    egressd.wait_leased(ALLOWED_V4)
    assert container.connect(ALLOWED_V4, 22).error == "ECONNREFUSED"
    assert not container.resolve(EVIL)
    wait_entry(egressd, kind="packet", port=22)
    text = egressd.ctl("log", uid=AGENT).stdout
    assert re.search(rf"^\d\d:\d\d:\d\d  refused  {ALLOWED}:22 .* 1$", text, re.M), text
    assert f'add to "allow": "{ALLOWED}:22"' in text
    assert f'add to "allow": "{EVIL}"' in text
    assert all(len(line) <= 80 for line in text.splitlines()), text
    assert "\033" not in text
