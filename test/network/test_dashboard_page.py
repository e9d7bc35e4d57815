"""The dashboard's page, as a person has it before them: in a real browser, of a real daemon."""

import json
import shutil
import socket
import threading

import pytest

from lab.browser import ENTER, TAB, Browser
from lab.daemon import install
from lab.dashboard import Dashboard
from lab.lab import ALLOWED, EVIL, EVIL_V4
from lab.waiting import wait_until

pytestmark = pytest.mark.skipif(not shutil.which("chromedriver"), reason="needs chromium-driver")

PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}


@pytest.fixture
def browser(lab, container):
    with Browser(container, lab.folder) as running:
        yield running


def wait_text(browser, text, selector="body"):
    wait_until(lambda: text in browser.text(selector), f"'{text}' on the page", pause=0.2)


def refused(browser, target):
    """The number of the refusal's place in the list, once it is there."""
    script = """return [...document.querySelectorAll("#refused > li")].findIndex(
                item => item.querySelector(".host").innerText.startsWith(arguments[0])) + 1"""
    return wait_until(lambda: browser.run(script, target), f"{target} refused", pause=0.2)


def test_a_refusal_its_line_and_nothing_from_elsewhere(lab, container, browser):
    egressd = lab.egressd(allow=[ALLOWED, "*.cdn.test:443"], deny=["gist.cdn.test"])
    assert container.connect(ALLOWED, 443)
    lab.forget()
    with Dashboard(container) as dashboard:
        browser.open(dashboard.url)
        wait_text(browser, "enforcing", "#state")
        wait_text(browser, ALLOWED, "#names")
        assert browser.text("#refused-none") == "Nothing in the last hour."
        assert container.resolve(EVIL).error == "EAI_NONAME"
        place = refused(browser, EVIL)
        assert container.connect(EVIL_V4, 8443).error == "ECONNREFUSED"
        assert "never" in browser.text(f"#refused > li:nth-child({refused(browser, EVIL_V4)})")

        place = refused(browser, EVIL)
        entry = browser.text(f"#refused > li:nth-child({place}) .fix code")
        (button,) = browser.find(f"#refused > li:nth-child({place}) button")
        assert browser.role_and_label(button) == ("button", f"Copy the line that allows {EVIL}")
        browser.click(button)
        wait_text(browser, "Copied", f"#refused > li:nth-child({place}) button")
        assert browser.clipboard() == entry == f'"{EVIL}",'
        assert lab.strays([ALLOWED]) == [], "neither of the container nor of its browser"
        egressd.reload(json.dumps({"allow": [ALLOWED]})[:-2] + f", {entry}]}}")
        assert container.connect(EVIL, 443), "the line that was copied allows it"

        assert [url for url in browser.requests() if not url.startswith(dashboard.url)] == []
        assert browser.complaints() == []


def test_with_the_keyboard_and_a_screen_reader(lab, container, browser):
    lab.egressd(allow=[ALLOWED])
    assert container.resolve(EVIL).error == "EAI_NONAME"
    with Dashboard(container) as dashboard:
        browser.open(dashboard.url)
        refused(browser, EVIL)
        (chart,) = browser.find("#hour")
        role, label = browser.role_and_label(chart)
        assert role in ("image", "img") and "in the last hour" in label
        focused = "return document.activeElement.innerText"
        for _ in range(10):
            browser.press(TAB)
            if browser.run(focused) == "Copy":
                break
        assert browser.run(focused) == "Copy"
        assert container.connect(EVIL_V4, 80).error == "ECONNREFUSED"
        refused(browser, EVIL_V4)  # a line came before the one that has the focus
        wait_text(browser, f"Refused: {EVIL_V4}:80", "#news")
        browser.press(ENTER)
        wait_until(lambda: browser.clipboard() == f'"{EVIL}",', "the line that was copied")
        names = browser.run("return [...document.querySelectorAll('section')].map("
                            "s => document.getElementById(s.getAttribute('aria-labelledby')).innerText)")
        assert names == ["The last hour", "Refused", "Allowed", "Open now"]


def test_on_a_phone_and_in_the_dark(lab, container, browser):
    lab.egressd(allow=[ALLOWED, "a-name-that-is-rather-long." * 4 + "test"])
    assert container.resolve("another-name-that-is-rather-long." * 5 + "test").error
    with Dashboard(container) as dashboard:
        browser.emulate("setDeviceMetricsOverride", **PHONE)
        browser.open(dashboard.url)
        refused(browser, "another")
        assert browser.run("return document.documentElement.scrollWidth") <= PHONE["width"]
        colour = "return getComputedStyle(document.body).backgroundColor"
        shades = []
        for taste in ("light", "dark"):
            browser.emulate("setEmulatedMedia",
                            features=[{"name": "prefers-color-scheme", "value": taste}])
            shades.append(int(browser.run(colour).strip("rgb()").split(",")[0]))
        assert shades[0] > 200 and shades[1] < 50


def test_a_daemon_that_ends_and_comes_back(lab, container, browser):
    egressd = lab.egressd(allow=[ALLOWED])
    assert container.resolve(EVIL).error == "EAI_NONAME"
    with Dashboard(container) as dashboard:
        browser.open(dashboard.url)
        refused(browser, EVIL)
        egressd.kill9()
        wait_text(browser, "no answer", "#state")
        wait_text(browser, "cannot be reached", "#notices")
        egressd.start()
        wait_text(browser, "enforcing", "#state")
        wait_until(lambda: not browser.find("#refused > li"), "an empty list")
    wait_text(browser, "The dashboard has ended")


# A daemon that says what it likes: everything in it is as hostile as its outside may make it.

MARKUP = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"
BIDI = "\u202egnp.live\u202c"


def hostile_replies():
    text = MARKUP + BIDI
    line = {"id": 1, "kind": "packet", "verdict": "refused", "name": text, "names_more": 1,
            "address": text, "port": 1, "protocol": text, "uid": 1, "user": text, "process": text,
            "command": text, "via": "out", "reason": text,
            "suggestion": {"entry": text + '"\n', "note": text},
            "first": text, "last": text, "first_ago_s": 1, "last_ago_s": 1, "count": 1}
    entry = {"list": "allow", "host": text, "ports": [text], "file": text, "line": 1, "group": text}
    name = {"name": text, "state": text, "last_error": text, "addresses": [
        {"address": text, "ports": [], "left_s": 1}]}
    return {
        "status": {"ok": True, "state": text, "mode": text, "since": text, "since_s": 1, "pid": 1,
                   "version": text, "reason": text, "reload_error": text, "weaknesses": [text],
                   "kernel": {"tampering": {"what": text}}, "entries": [entry], "names": [name],
                   "policy": {"devcontainer": text}},
        "log": {"ok": True, "next": 1, "mode": "enforce", "hour": [1] * 60, "entries": [line]},
    }


@pytest.fixture
def liar(container):
    """The folder of a control socket that answers so."""
    folder = "/run/liar"
    container.run(["mkdir", "-m", "755", folder])
    replies = hostile_replies()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(container.path(f"{folder}/control.sock")))
        container.run(["chmod", "666", f"{folder}/control.sock"])
        listener.listen()

        def serve():
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    request = json.loads(client.recv(65536))
                    client.sendall(json.dumps(replies[request["command"]]).encode() + b"\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield folder
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.leak("L32")
def test_what_comes_from_outside_is_text(container, browser, liar):
    install(container)
    with Dashboard(container, runtime_dir=liar) as dashboard:
        browser.open(dashboard.url)
        wait_until(lambda: browser.find("#refused > li"), "the line")
        shown = browser.text()
        assert shown.count(MARKUP) > 15
        assert browser.run("return document.title") == "egressd"
        assert len(browser.find("img")) == 1 and len(browser.find("script")) == 1
        (button,) = browser.find("#refused button")
        browser.click(button)
        wait_text(browser, "Copied", "#refused button")
        copied = browser.clipboard()
        assert copied == json.dumps(MARKUP + BIDI + '"\n', ensure_ascii=False) + ","
        assert "\n" not in copied
        assert [url for url in browser.requests() if not url.startswith(dashboard.url)] == []
        assert browser.complaints() == []
