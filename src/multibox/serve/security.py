"""ASGI middleware for every request: checks of host, origin, size, time and token, and security headers."""

import asyncio
import hmac
import logging
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from multibox.serve.refused import Refused, as_refused
from multibox.serve.settings import LOOPBACK, Settings

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Security headers of every response: browsers load nothing from other hosts, do not guess media types, and do not show
the page in frames."""

OPEN = ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/docs", "/openapi.json")
"""Paths that require no token, besides the page. Their responses reveal nothing about the model."""

BODIES = 16
"""Largest memory for the bodies of all requests together, as a multiple of the longest allowed body."""

log = logging.getLogger("uvicorn.error")


class Guard:
    """Middleware that refuses wrong hosts and long bodies, limits each request's time, and responds to errors.

    Args:
        app: ASGI application to protect.
        settings: Limits and addresses of the server.
        observe: Function called after each request with its ASGI scope, its HTTP status and its duration in seconds.
    """

    def __init__(self, app: ASGIApp, settings: Settings, observe: Callable[[Scope, int, float], Any]):
        self.app = app
        self.settings = settings
        self.held = 0
        self._observe = observe
        self._names = {*LOOPBACK, settings.host} if settings.local else set()
        self._origins = set(settings.origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request and pass it on to the application."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status, held = time.perf_counter(), 0, 0

        async def receive_some() -> Message:
            nonlocal held
            message = await receive()
            length = len(message.get("body", b""))
            held += length
            self.held += length
            if held > self.settings.max_bytes:
                raise too_long(self.settings)
            if self.held > BODIES * self.settings.max_bytes:
                raise Refused(503, "busy", "too many uploads at once; try again in 1 s", headers={"Retry-After": "1"})
            return message

        async def send_safely(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(raw=message["headers"])
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
                message["headers"] = headers.raw
            await send(message)

        try:
            async with asyncio.timeout(self.settings.timeout):
                self._refuse_strangers(Headers(scope=scope))
                await self.app(scope, receive_some, send_safely)
        except Exception as error:
            refused = as_refused(error)
            if refused.code == "failed":
                log.exception("%s %s failed", scope["method"], scope["path"])
            if status:  # the answer has begun: only closing the connection tells the client
                raise
            await refused.response(scope["path"])(scope, receive, send_safely)
        finally:
            self.held -= held
            self._observe(scope, status, time.perf_counter() - start)

    def _refuse_strangers(self, headers: Headers) -> None:
        """Refuse too long bodies and, on a server for this machine alone, other hosts and origins.

        Otherwise a web page of another origin could make its browser send requests, under a name that resolves to this
        machine.
        """
        declared = headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared[:20]) > self.settings.max_bytes:
            raise too_long(self.settings)
        if not self._names:
            return
        host = _name_of(headers.get("host", ""))
        if host not in self._names:
            raise Refused(421, "wrong-host", f"this server is not named {host[:100]!r}; use 127.0.0.1 or localhost")
        origin = headers.get("origin")
        if origin and origin not in self._origins and origin.partition("://")[2] != headers.get("host"):
            raise Refused(
                403,
                "other-origin",
                "pages of this origin may not send requests; allow it when starting the server",
            )


class TokenCheck:
    """Middleware that refuses requests without the server's token.

    Args:
        app: ASGI application to protect.
        token: Token that requests must carry.
        public: Paths that require no token.
    """

    def __init__(self, app: ASGIApp, token: str, public: frozenset[str]):
        self.app = app
        self._token = token.encode()
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request's token and pass the request on to the application."""
        if scope["type"] == "http" and scope["path"] not in self._public:
            given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
            scheme, _, shown = given.partition(b" ")
            if scheme.lower() != b"bearer" or not hmac.compare_digest(shown, self._token):
                refused = Refused(
                    401,
                    "no-token",
                    "the token is missing or wrong; send the header Authorization: Bearer TOKEN",
                    headers={"WWW-Authenticate": "Bearer"},
                )
                await refused.response(scope["path"])(scope, receive, send)
                return
        await self.app(scope, receive, send)


def too_long(settings: Settings) -> Refused:
    """The error for a request body that is too long."""
    text = f"the body is longer than {settings.max_bytes:,} bytes; send fewer or smaller images"
    return Refused(413, "too-many-bytes", text)


def _name_of(host: str) -> str:
    """The host name in a ``Host`` header, without the port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
