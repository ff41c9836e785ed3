"""From what a person names to a server that runs."""

import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from multibox.detect.load import load
from multibox.errors import BadInput
from multibox.runtimes.runtime import require_package
from multibox.serve.settings import Settings

PACKAGES = (
    ("fastapi", "FastAPI"),
    ("uvicorn", "uvicorn"),
    ("python_multipart", "python-multipart"),
    ("prometheus_client", "prometheus-client"),
    ("PIL", "Pillow"),
)
"""What a server needs beyond detection."""


def open_and_serve(
    model: str,
    names: Sequence[str] = (),
    detections: str | None = None,
    announce: Callable[[str], Any] = print,
    **options: Any,
) -> None:
    """Load a model, open datasets, and serve them until a signal says to stop.

    Args:
        model: a model file.
        names: of datasets, ``NAME/SPLIT``.
        detections: COCO results of an evaluation on them, whose mistakes are shown.
        announce: told where the server is, a line.
        options: fields of :class:`~multibox.serve.settings.Settings`, and what
            :func:`multibox.detect.load.load` takes.

    Raises:
        BadInput: a package is missing, the model or a dataset cannot be opened, or the port.
    """
    for module, title in PACKAGES:
        require_package(module, "serve", title, "serve")
    known = {field.name for field in fields(Settings)}
    given = {name: options.pop(name) for name in list(options) if name in known and name != "runtime"}
    _refuse_bad_token(given.get("token"))
    _refuse_bad_origins(given.get("origins", ()))
    detector = load(model, **options)
    settings = Settings(name=Path(model).stem, runtime=runtime_of(detector), **given)
    if detections is not None and not names:
        raise BadInput("detections", "give --data NAME/SPLIT, too: what they were found in")
    from multibox.explain.browsing import open_datasets
    from multibox.serve.server import serve

    datasets = open_datasets(names, detections, dict(zip(detector.classes, detector.shown.tolist(), strict=True)))
    detector(np.zeros((*detector.schema.network.size, 3), np.uint8))  # the first run takes longer than a request should

    def tell(address: str) -> None:
        announce(f"{settings.name} is served at {address}")
        if not settings.local and settings.token is None:
            announce("whoever reaches this machine may ask; give --token to let in only who knows it")

    serve(detector, settings, datasets, tell)


def runtime_of(detector: Any) -> str:
    """The name of what runs a detector, such as ``onnx``."""
    from multibox.runtimes.kinds import RUNTIMES

    name = type(detector.runtime).__name__.removesuffix("Runtime").lower()
    return next((known for known in RUNTIMES if known.replace("-", "") == name), name)


def _refuse_bad_token(token: str | None) -> None:
    if token is not None and not re.fullmatch(r"[!-~]+", token):
        raise BadInput("token", "give visible ASCII signs without spaces, as a header carries no others")


def _refuse_bad_origins(origins: Sequence[str]) -> None:
    for origin in origins:
        if not re.fullmatch(r"https?://[^/\s*]+", origin):
            raise BadInput("cors_origin", f"{origin}: give it without a path, such as https://example.org")
