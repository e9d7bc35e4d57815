"""Kernels that lack what can be done without: it stays closed, and status says what is weaker.

What cannot be done without is in test_other_engines.py, the table's owner in test_tampering.py.
"""

import pytest

from lab import raw
from lab.lab import ALLOWED, ALLOWED_V4, ALLOWED_V6, EVIL_V4, EVIL_V6

FRAME = dict(do="frame", device="eth0", kind=0x88b5, body=b"<secret>".ljust(46))


def refuses(lab, container, *errors):
    for address in (EVIL_V4, EVIL_V6):
        timeout = 0.5 if "ETIMEDOUT" in errors else 10
        assert container.connect(address, 443, timeout=timeout).error in errors
        assert not container.udp(address, 9999, timeout=0.5)
    assert not lab.strays([ALLOWED])
    assert container.connect(ALLOWED_V4, 443) and container.connect(ALLOWED_V6, 443)


@pytest.mark.parametrize("lacks, says", [
    (["log"], ["cannot log"]), (["limit"], ["cannot log"]), (["counter"], ["cannot count"]),
    (["reject"], ["cannot reject"]),
    (["log", "reject", "owner"], ["cannot log", "cannot reject", "a table of its own"])],
    ids=["log", "limit", "counter", "reject", "log reject owner"])
def test_what_is_missing_is_said_and_stays_closed(lab, container, lacks, says):
    lab.prove_open(lambda: container.connect(EVIL_V4, 443), destination=EVIL_V4)
    egressd = lab.egressd(allow=[ALLOWED], lacks=lacks)
    egressd.wait_leased(ALLOWED_V4, ALLOWED_V6)
    lab.forget()
    weaknesses = egressd.weaknesses()
    assert egressd.status()["state"] == "enforcing" and len(weaknesses) == len(says), weaknesses
    assert all(any(what in text for text in weaknesses) for what in says), weaknesses
    refuses(lab, container, "ETIMEDOUT" if "reject" in lacks else "ECONNREFUSED")
    if "reject" not in lacks and "log" in lacks:
        egressd.reload({"allow": []})
        assert container.connect(ALLOWED_V4, 443).error == "ECONNREFUSED"


@pytest.mark.leak("H34")
@pytest.mark.parametrize("lacks", ["netdev", "egress", "rtclassid"])
def test_without_a_backstop_packet_sockets_are_a_limit(lab, container, lacks):
    """Documented, and said: everything else is as closed as ever."""
    egressd = lab.egressd(allow=[ALLOWED], lacks=[lacks])
    egressd.wait_leased(ALLOWED_V4, ALLOWED_V6)
    lab.forget()
    weakness, = egressd.weaknesses()
    assert "CAP_NET_RAW" in weakness
    refuses(lab, container, "ECONNREFUSED")
    assert not raw.send(container, [FRAME], uid=1000)[0], "an agent may not open one"
    assert raw.send(container, [FRAME])[0]
    egressd.reload({"allow": []})
    assert container.connect(ALLOWED_V4, 443).error == "ECONNREFUSED"
