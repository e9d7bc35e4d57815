"""The dashboard listens to this machine alone, tells what anybody may know, and has no power."""

import json
import signal

import pytest

from lab.daemon import CLIENT
from lab.dashboard import Dashboard
from lab.lab import ALLOWED
from lab.process import Process
from lab.waiting import wait_until

CLIENTS_MAX = 8
REQUEST_MAX = 16384


@pytest.fixture
def egressd(lab):
    return lab.egressd(allow=[ALLOWED])


@pytest.fixture
def dashboard(container, egressd):
    with Dashboard(container) as running:
        yield running


def test_what_it_serves(dashboard, egressd, container):
    assert container.connect(ALLOWED, 443)
    for path, kind in (("/", "text/html"), ("/style.css", "text/css"),
                       ("/script.js", "text/javascript"), ("/icon.svg", "image/svg+xml"),
                       ("/status.json", "application/json"), ("/log.json", "application/json"),
                       ("/?vscodeBrowserReqId=1", "text/html"),
                       ("/log.json?after=1", "application/json")):
        status, headers, body = dashboard.get(path)
        assert (status, headers["Content-Type"]) == (200, f"{kind}; charset=utf-8"), path
        assert int(headers["Content-Length"]) == len(body)
        assert headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert not [name for name in headers if name.startswith("Access-Control")]
    told, asked = json.loads(dashboard.get("/status.json")[2]), egressd.status()
    assert told["names"][0]["name"] == ALLOWED
    assert told["entries"] == asked["entries"] and told["pid"] == asked["pid"]


@pytest.mark.leak("L31")
def test_nothing_else_is_served(dashboard):
    for path in ("/index.html", "/status", "/reload", "/apply", "//", "/../etc/passwd", "/.",
                 "/STATUS.JSON", "/%2e", "/script.js/", "/log.json/after=1"):
        assert dashboard.get(path)[0] == 404, path
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "HEAD", "get"):
        status, headers, _ = dashboard.get("/status.json", method)
        assert (status, headers["Allow"]) == (405, "GET"), method


@pytest.mark.leak("L31")
def test_only_a_name_of_loopback_is_its_own(dashboard):
    """A page from elsewhere that has its name point to 127.0.0.1 is not answered."""
    for host in ("localhost", f"localhost:{dashboard.port}", "127.0.0.1:1", "[::1]:65535"):
        assert dashboard.get("/status.json", Host=host)[0] == 200, host
    for host in ("rebinding.test", f"rebinding.test:{dashboard.port}", "localhost.rebinding.test",
                 "127.0.0.1.rebinding.test", "0.0.0.0", "localhost:", ""):
        status, _, body = dashboard.get("/status.json", Host=host)
        assert status == 421 and b"names" not in body, host
    for head in (b"", b"Host: localhost\r\nHost: rebinding.test\r\n"):
        reply = dashboard.exchange(b"GET /status.json HTTP/1.1\r\n" + head + b"\r\n")
        assert reply.startswith(b"HTTP/1.1 400 ") and b"names" not in reply


def test_it_listens_on_loopback_alone(container, dashboard):
    listening = container.run(["ss", "-Hltn", f"sport = :{dashboard.port}"]).stdout.split()
    assert listening[3] == f"127.0.0.1:{dashboard.port}"
    taken = container.run([CLIENT, "dashboard", "--port", dashboard.port], check=False)
    assert taken.returncode == 1
    assert f"cannot listen on 127.0.0.1:{dashboard.port}" in taken.stderr
    assert "--port N" in taken.stderr
    for wrong in ("65536", "-1", "x", ""):
        assert container.run([CLIENT, "dashboard", "--port", wrong],
                             check=False).returncode == 64, wrong


@pytest.mark.leak("L31")
@pytest.mark.parametrize("uid", [0, 1000])
def test_it_has_no_power(container, egressd, uid):
    with Dashboard(container, uid=uid) as dashboard:
        process = Process(dashboard.pid)
        assert process.status("Uid").split() == [str(uid or 65534)] * 4
        assert process.status("Gid").split() == [str(uid or 65534)] * 4
        assert process.status("Groups") == ""
        for which in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert process.capabilities(which) == 0
        assert process.status("NoNewPrivs") == "1"
        assert dashboard.get("/status.json")[0] == 200
        process.inject_execve()
        wait_until(lambda: dashboard.exit_code() is not None, "its end")
        assert dashboard.exit_code() in (-signal.SIGSYS, 128 + signal.SIGSYS)


def test_a_daemon_that_is_not_there(container, egressd):
    with Dashboard(container) as dashboard:
        egressd.kill9()
        for path in ("/status.json", "/log.json"):
            status, _, body = dashboard.get(path)
            assert status == 503 and not json.loads(body)["ok"]
            assert "cannot be reached" in json.loads(body)["error"]
        assert dashboard.get("/")[0] == 200
        egressd.start()
        assert json.loads(dashboard.get("/status.json")[2])["state"] == "enforcing"


def test_a_frozen_daemon(dashboard, egressd):
    """It waits for a moment, not for ever."""
    egressd.freeze()
    assert dashboard.get("/status.json")[0] == 503
    egressd.thaw()
    assert dashboard.get("/status.json")[0] == 200


def test_silence_keeps_nobody_out(dashboard):
    """Many who say nothing, or half of it, or do not listen: it has places for few, and the page's
    reader always gets one."""
    silent = [dashboard.connect() for _ in range(100)]
    for client in silent[50:]:
        client.sendall(b"GET / HTTP/1.1\r\n")
    assert dashboard.get("/")[0] == 200
    descriptors = Process(dashboard.pid).descriptors()
    assert len(descriptors) <= CLIENTS_MAX + 5, descriptors
    deaf = [dashboard.connect() for _ in range(20)]
    for client in deaf:
        client.sendall(b"GET /script.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert dashboard.get("/")[0] == 200
    for client in silent + deaf:
        client.close()


def test_nonsense_is_refused(dashboard):
    for request in (b"\0", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/1.1\n\n",
                    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET http://evil.test/ HTTP/1.1\r\n",
                    b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", b"x" * REQUEST_MAX):
        assert dashboard.exchange(request).startswith(b"HTTP/1.1 400 Bad Request\r\n"), request
    assert dashboard.get("/")[0] == 200
