"""A web server on this machine that misbehaves as servers and networks do."""

import hashlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Site:
    """What the server has, and how it behaves.

    Attributes:
        url: where it is.
        files: content by path.
        moved: new paths by old ones.
        most: bytes that one connection gives before it breaks; None: all.
        reset: whether it breaks with a reset, not with an end.
        silence: seconds that it says nothing for before it breaks.
        knows_ranges, honours_if_range: what it can do.
        sends_length: whether it says how long a file is.
        claims: bytes that it claims a file to have; None: the truth.
        codes: HTTP codes that the next requests are answered with.
        validator: which headers tell one content from another: ``etag``, ``weak``, ``date`` or ``none``.
        ranges, conditions: the Range and If-Range headers of each request so far.
        sent: bytes given so far.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    most: int | None = None
    reset: bool = False
    silence: float = 0.0
    knows_ranges: bool = True
    honours_if_range: bool = True
    sends_length: bool = True
    claims: int | None = None
    codes: list[int] = field(default_factory=list)
    validator: str = "etag"
    ranges: list[str | None] = field(default_factory=list)
    conditions: list[str | None] = field(default_factory=list)
    sent: int = 0

    def facts(self, content: bytes) -> dict[str, str]:
        digest = hashlib.md5(content).hexdigest()
        date = f"Mon, 01 Jan 2024 00:00:{int(digest, 16) % 60:02} GMT"
        tags = {"etag": f'"{digest}"', "weak": f'W/"{digest}"'}
        tag = {"ETag": tags[self.validator]} if self.validator in tags else {}
        return tag | ({"Last-Modified": date} if self.validator in ("weak", "date") else {})


class Handler(BaseHTTPRequestHandler):
    site: Site

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        site = self.site
        site.ranges.append(self.headers["Range"])
        site.conditions.append(self.headers["If-Range"])
        if site.codes:
            return self._answer(site.codes.pop(0), {"Content-Length": "0"}, b"")
        if self.path in site.moved:
            return self._answer(302, {"Location": site.moved[self.path], "Content-Length": "0"}, b"")
        if self.path not in site.files:
            return self._answer(404, {"Content-Length": "0"}, b"")
        content = site.files[self.path]
        facts = site.facts(content)
        asked, condition = self.headers["Range"], self.headers["If-Range"]
        is_same = condition is None or condition in facts.values() or not site.honours_if_range
        if asked and site.knows_ranges and is_same:
            first = int(asked.removeprefix("bytes=").removesuffix("-"))
            if first >= len(content):
                return self._answer(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"}, b"")
            facts["Content-Range"] = f"bytes {first}-{len(content) - 1}/{site.claims or len(content)}"
            return self._answer(206, facts, content[first:])
        return self._answer(200, facts, content)

    def _answer(self, code: int, headers: dict[str, str], content: bytes) -> None:
        site = self.site
        self.send_response(code)
        if site.sends_length:
            headers = {"Content-Length": str(site.claims or len(content))} | headers
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        piece = content if site.most is None else content[: site.most]
        site.sent += len(piece)
        self.wfile.write(piece)
        if len(piece) < len(content):
            time.sleep(site.silence)
        if len(piece) < len(content) and site.reset:
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("SiteHandler", (Handler,), {"site": site}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield site
    server.shutdown()
    server.server_close()
