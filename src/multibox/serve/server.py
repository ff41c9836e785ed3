"""Run the HTTP server. A stop lets running requests finish."""

import errno
import logging
import signal
import socket
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import uvicorn

from multibox.detect.detector import Detector
from multibox.errors import BadInput
from multibox.explain.browsing import LabelledDataset
from multibox.predict.frames import silence_opencv
from multibox.serve.app import create_app
from multibox.serve.settings import Settings

BACKLOG = 2048
"""Largest number of connections that the operating system queues before they are accepted."""


def serve(
    detector: Detector,
    settings: Settings,
    datasets: Mapping[str, LabelledDataset],
    announce: Callable[[str], Any] = print,
) -> None:
    """Serve a detector until a signal stops the server. Running requests are still answered.

    Args:
        detector: Detector to serve.
        settings: Limits and addresses of the server.
        datasets: Datasets that the page can browse, by ``NAME/SPLIT``.
        announce: Function called with the server's URL once requests are accepted.

    Raises:
        BadInput: If the port is in use, or the address does not belong to this machine.
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
    """Install signal handlers that let the server finish. uvicorn sends the signal again after it has stopped."""

    def stop(*_: Any) -> None:
        server.should_exit = True

    for kind in (signal.SIGTERM, signal.SIGINT):
        signal.signal(kind, stop)


def _leave_messages_to_answers() -> None:
    """Silence libraries that print problems of an upload. The response reports them to the client."""
    silence_opencv()
    warnings.filterwarnings("ignore", module="PIL")
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


def make_server(app: Any, settings: Settings) -> uvicorn.Server:
    """Create uvicorn's HTTP server for an application."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            access_log=False,
            log_level="warning",
            http="h11",  # it ends heads that are too long; httptools accepts any
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=int(settings.timeout) + 1,
            ws="none",
        )
    )


def listen(host: str, port: int) -> socket.socket:
    """Open the port that the server listens on.

    Raises:
        BadInput: If the port is in use, or the address does not belong to this machine.
    """
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((str(place[0]), int(place[1])), family=family, backlog=BACKLOG)
    except OSError as error:
        field, value = ("port", port) if error.errno == errno.EADDRINUSE else ("host", host)
        raise BadInput(field, f"{value}: cannot listen on this address: {error.strerror}; choose another") from None


def address(listening: socket.socket) -> str:
    """The URL of a server that listens on a port."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
