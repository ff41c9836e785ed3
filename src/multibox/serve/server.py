"""A server: a model, a port, and a stop that lets running requests finish."""

import logging
import signal
import socket
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import uvicorn

from multibox.detect.detector import Detector
from multibox.errors import BadInput
from multibox.explain.browsing import Dataset
from multibox.predict.frames import silence_opencv
from multibox.serve.app import create_app
from multibox.serve.settings import Settings

BACKLOG = 2048
"""Connections that the system keeps until they are looked at."""


def serve(
    detector: Detector,
    settings: Settings,
    datasets: Mapping[str, Dataset],
    announce: Callable[[str], Any] = print,
) -> None:
    """Serve a detector until a signal says to stop; requests that run are answered before.

    Args:
        detector: the detector.
        settings: what is allowed.
        datasets: see :func:`~multibox.serve.app.create_app`.
        announce: told the address once requests are taken.

    Raises:
        BadInput: the port is in use, or the address is not of this machine.
    """
    _leave_messages_to_answers()
    app = create_app(detector, settings, datasets)
    try:
        with listen(settings.host, settings.port) as listening:
            server = make_server(app, settings)
            _stop_without_error(server)
            announce(address(listening))
            server.run([listening])
    finally:
        app.state.batcher.close()


def _stop_without_error(server: uvicorn.Server) -> None:
    """What is left of a signal once uvicorn, whose own handlers stop it, has passed it on: nothing."""

    def stop(*_: Any) -> None:
        server.should_exit = True

    for kind in (signal.SIGTERM, signal.SIGINT):
        signal.signal(kind, stop)


def _leave_messages_to_answers() -> None:
    """What is wrong with an upload its sender is told; on the server's error stream it would only be noise."""
    silence_opencv()
    warnings.filterwarnings("ignore", module="PIL")
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


def make_server(app: Any, settings: Settings) -> uvicorn.Server:
    """The HTTP server of an app."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            access_log=False,
            log_level="warning",
            http="h11",  # it ends heads that are too long; httptools, where it is installed, takes any
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=int(settings.timeout) + 1,
            ws="none",
        )
    )


def listen(host: str, port: int) -> socket.socket:
    """Open a port.

    Raises:
        BadInput: it is in use, or the address is not of this machine.
    """
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((str(place[0]), int(place[1])), family=family, backlog=BACKLOG)
    except OSError as error:
        raise BadInput(
            "host", f"{host} --port {port}: cannot listen there: {error.strerror}; give another, or --port 0 for any"
        ) from None


def address(listening: socket.socket) -> str:
    """Where a browser finds a server that listens."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
