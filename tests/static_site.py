"""A folder over HTTP at a free port, and a browser that reaches nothing else."""

import threading
import time
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import sync_playwright

CHROMIUM = Path("/usr/bin/chromium")

BLOCKED = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
"""Chromium's option with which no name of a host has an address."""


class _Quiet(SimpleHTTPRequestHandler):
    headers_of_host = ()

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path.endswith("?slow"):
            time.sleep(2)
        super().do_GET()

    def end_headers(self):
        for name, value in self.headers_of_host:
            self.send_header(name, value)
        super().end_headers()


@contextmanager
def serve_folder(folder, headers=()):
    """Serve a folder as `python -m http.server` does, with further headers, and slowly what is asked for with `?slow`.

    Gives its address. Behind the block nothing answers there.
    """
    handler = type("Handler", (_Quiet,), {"headers_of_host": headers})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(20)


@contextmanager
def blocked_browser(*options):
    """Debian's Chromium without a network."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", BLOCKED, *options]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


class Visit:
    """A page with its own storage. Notes what it asks for, and what it complains about."""

    def __init__(self, browser, **options):
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.requests, self.complaints = [], []
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on("console", lambda line: self.complaints.append(line.text) if _is_complaint(line) else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, url):
        """Load the page and wait until it can detect."""
        self.page.goto(url)
        self.page.wait_for_selector("body[data-ready]")

    def wait_until_kept(self):
        """Wait until the service worker has every file."""
        self.page.evaluate(_within_a_minute("navigator.serviceWorker.ready.then(() => undefined)"))

    def wait_until_newer(self):
        """Wait until the service worker of a newer export is there. It takes over at the next load."""
        self.wait_for("navigator.serviceWorker.getRegistration().then((found) => Boolean(found.waiting))")

    def wait_for(self, expression):
        """Wait until a promise gives true. Playwright's `wait_for_function` takes any promise for true."""
        end = time.monotonic() + 60
        while not self.page.evaluate(_within_a_minute(expression)):
            assert time.monotonic() < end, expression
            time.sleep(0.05)

    def close(self):
        self.context.close()


def _within_a_minute(promise):
    """A promise that fails after a minute, as Playwright waits for any promise without end."""
    return f"Promise.race([{promise}, new Promise((_, fail) => setTimeout(() => fail(Error('a minute')), 60000))])"


def _is_complaint(line):
    """Whether the console shows an error, other than that the host ended before the service worker was fetched."""
    return line.type == "error" and line.text != "An unknown error occurred when fetching the script."
