#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""See it work: python3 example/app.py, in the container, and http://localhost:3000 on your machine.

A web app that calls two APIs, one that the sandbox allows and one that it does not, and shows what
came of it. Other URLs than the default ones are given as arguments, allowed first. It needs Python
and nothing else.
"""

import html
import http.server
import subprocess
import sys
import time
import urllib.parse
import urllib.request

PORT = 3000
ALLOWED = "https://nodejs.org/dist/index.json"  # in the group @npm
REFUSED = "https://example.com/"
TIMEOUT_S = 10
SHOWN = 160  # characters of an answer

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>What the sandbox lets out</title>
<style>
  body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem;
         color-scheme: light dark }}
  section {{ border-left: .4rem solid; padding: .1rem 1rem; margin: 1.5rem 0 }}
  .answered {{ border-color: #2a9d3f }}
  .refused {{ border-color: #c8452f }}
  code, pre {{ white-space: pre-wrap; overflow-wrap: anywhere }}
</style>
<h1>What the sandbox lets out</h1>
<p>This page was made in the container, which has just called two APIs.</p>
{sections}
<p><a href="/">Call them again</a></p>
</html>
"""

SECTION = """<section id="{id}" class="{state}">
  <h2>{url}</h2>
  <p><strong>{state}</strong> after {ms} ms: <code>{words}</code></p>
  <pre>{explanation}</pre>
</section>
"""


def call(url):
    """What a program in the container sees: whether somebody answered, and what."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
            return "answered", f"{answer.status} {answer.read(SHOWN).decode(errors='replace')}"
    except urllib.error.HTTPError as error:  # an answer all the same
        return "answered", str(error)
    except OSError as error:
        return "refused", str(getattr(error, "reason", error))


def explain(url):
    """What egressd says about it, if it can be asked from here."""
    target = urllib.parse.urlsplit(url)
    port = target.port or {"http": 80, "https": 443}[target.scheme]
    try:
        return subprocess.run(["egressctl", "explain", f"{target.hostname}:{port}"], text=True,
                              capture_output=True, timeout=TIMEOUT_S).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def section(name, url):
    start = time.monotonic()
    state, words = call(url)
    ms = round((time.monotonic() - start) * 1000)
    shown = {"url": url, "state": state, "words": words, "explanation": explain(url)}
    return SECTION.format(id=name, ms=ms, **{key: html.escape(text) for key, text in shown.items()})


def make_handler(urls):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            page = PAGE.format(sections="".join(section(*pair) for pair in urls.items())).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_):
            pass

    return Handler


def main():
    urls = dict(zip(("allowed", "refused"), sys.argv[1:] or (ALLOWED, REFUSED)))
    server = http.server.ThreadingHTTPServer(("0.0.0.0", PORT), make_handler(urls))
    print(f"On your machine: http://localhost:{PORT}/ (Ctrl+C ends it)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
