"""Chromium without a screen inside the container, by WebDriver: what a person would see and press.

It runs as the agent, in the container's network, and calls nobody by itself.
"""

import base64
import http.client
import json
import os
import pathlib
import subprocess

from .dashboard import AGENT, connect
from .waiting import wait_until

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver's name for a reference to one
TAB, ENTER = "\ue004", "\ue007"
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--disable-background-networking", "--disable-component-update", "--no-proxy-server",
             "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
             "--hide-scrollbars", "--window-size=1000,900"]


class Browser:
    PORT = 9515

    def __init__(self, container, folder):
        self._container = container
        home = pathlib.Path(folder) / "browser"
        home.mkdir()
        os.chown(home, AGENT, AGENT)
        self._driver = subprocess.Popen(
            container.command(["env", f"HOME={home}", "chromedriver", f"--port={self.PORT}"],
                              AGENT),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._connection = None
        wait_until(self._is_there, "chromedriver", timeout=180, pause=0.1)
        self._session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
            "goog:chromeOptions": {"args": [*ARGUMENTS, f"--user-data-dir={home}/profile"]},
        }}})["sessionId"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._call("DELETE", f"/session/{self._session}")
        for pid in self._container.processes("chromedriver"):
            os.kill(pid, 15)
        self._driver.wait(60)
        self._connection.close()

    def _is_there(self):
        self._connection = http.client.HTTPConnection("localhost", self.PORT)
        try:
            self._connection.sock = connect(self._container, self.PORT)
        except OSError:
            return False
        self._connection.sock.settimeout(180)
        return True

    def _call(self, method, path, body=None):
        self._connection.request(method, path, None if body is None else json.dumps(body))
        value = json.loads(self._connection.getresponse().read())["value"]
        if isinstance(value, dict) and "error" in value:
            raise RuntimeError(f"{path}: {value['error']}: {value['message']}")
        return value

    def _say(self, path, **body):
        return self._call("POST", f"/session/{self._session}/{path}", body)

    def _ask(self, path):
        return self._call("GET", f"/session/{self._session}/{path}")

    # What a person does

    def open(self, url):
        self._say("url", url=url)

    def find(self, selector):
        """Of CSS; the ids of all elements that match."""
        found = self._say("elements", using="css selector", value=selector)
        return [element[ELEMENT] for element in found]

    def click(self, element):
        self._say(f"element/{element}/click")

    def press(self, *keys):
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._say("actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    # What a person sees, or hears from a screen reader

    def run(self, script, *arguments):
        """What a function with this body returns; it may be async."""
        return self._say("execute/sync", script=script, args=list(arguments))

    def text(self, selector="body"):
        return self.run("return document.querySelector(arguments[0]).innerText", selector)

    def role_and_label(self, element):
        return (self._ask(f"element/{element}/computedrole"),
                self._ask(f"element/{element}/computedlabel"))

    def clipboard(self):
        self._say("permissions", descriptor={"name": "clipboard-read"}, state="granted")
        return self.run("return navigator.clipboard.readText()")

    def screenshot(self):
        return base64.b64decode(self._ask("screenshot"))

    # Around it

    def emulate(self, command, **parameters):
        """A command of Chromium's Emulation domain: another screen, another taste."""
        self._say("goog/cdp/execute", cmd=f"Emulation.{command}", params=parameters)

    def complaints(self):
        """Errors of the console since asked last: those of scripts, and of the page's rules."""
        return [line["message"] for line in self._say("se/log", type="browser")
                if line["level"] == "SEVERE"]

    def requests(self):
        """Addresses of all that pages have asked for since asked last, but for what the browser
        carries itself (its own first page) and what is no request of anybody."""
        events = [json.loads(line["message"])["message"]
                  for line in self._say("se/log", type="performance")]
        urls = [event["params"]["request"]["url"] for event in events
                if event["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith(("chrome:", "data:"))]
