"""A server: a model, a port, and a stop that lets running requests finish."""

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
"""Number of connections that the system queues."""


def serve(
    detector: Detector,
    settings: Settings,
    datasets: Mapping[str, LabelledDataset],
    announce: Callable[[str], Any] = print,
) -> None:
    """Serve a detector until a signal stops the server. Running requests are answered first.

    Args:
        detector: The detector.
        settings: Limits and addresses of the server.
        datasets: Datasets to browse, by ``NAME/SPLIT``.
        announce: Function called with the address once requests are accepted.

    Raises:
        BadInput: If the port is in use, or the address is not one of this machine.
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
    """Handle a signal that uvicorn passes on after its own handlers have stopped the server: end without an error."""

    def stop(*_: Any) -> None:
        server.should_exit = True

    for kind in (signal.SIGTERM, signal.SIGINT):
        signal.signal(kind, stop)


def _leave_messages_to_answers() -> None:
    """Silence libraries that print what is wrong with an upload. The sender is told, and the log stays readable."""
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
            http="h11",  # it ends heads that are too long; httptools accepts any
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=int(settings.timeout) + 1,
            ws="none",
        )
    )


def listen(host: str, port: int) -> socket.socket:
    """Open a port.

    Raises:
        BadInput: If the port is in use, or the address is not one of this machine.
    """
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((str(place[0]), int(place[1])), family=family, backlog=BACKLOG)
    except OSError as error:
        field, value = ("port", port) if error.errno == errno.EADDRINUSE else ("host", host)
        raise BadInput(field, f"{value}: cannot listen there: {error.strerror}; choose another") from None


def address(listening: socket.socket) -> str:
    """The URL of a listening server."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
