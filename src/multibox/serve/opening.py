"""Open a model and datasets by their names, and serve them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from multibox.detect.load import load
from multibox.errors import BadInput
from multibox.runtimes.choose import FASTEST
from multibox.runtimes.packages import require_package
from multibox.serve.settings import Settings
from multibox.tracking.places import parse_line, parse_zone
from multibox.tracking.track import refuse_same_names

PACKAGES = (
    ("fastapi", "FastAPI"),
    ("uvicorn", "uvicorn"),
    ("python_multipart", "python-multipart"),
    ("prometheus_client", "prometheus-client"),
    ("PIL", "Pillow"),
    ("scipy", "SciPy"),
)
"""Import names of the packages that a server requires beyond detection, each with its title."""


def open_and_serve(
    model: str,
    names: Sequence[str] = (),
    detections: str | None = None,
    announce: Callable[[str], Any] = print,
    *,
    lines: Sequence[str] = (),
    zones: Sequence[str] = (),
    **options: Any,
) -> None:
    """Load a model, open datasets, and serve them until a signal stops the server.

    Args:
        model: Path of a model file.
        names: Names of the datasets that the page can browse, as ``NAME/SPLIT``.
        detections: Path of detections in these datasets, in COCO's results format. The page can browse their mistakes.
        announce: Function called with lines of text about the server, such as its address.
        lines: Lines at which tracked objects are counted, as ``NAME:x0,y0,x1,y1``.
        zones: Polygons in which tracked objects are counted, as ``NAME:x0,y0,x1,y1,x2,y2`` and so on.
        options: Fields of :class:`~multibox.serve.settings.Settings`, and options of
            :func:`multibox.detect.load.load`.

    Raises:
        BadInput: If a package is missing, a line or zone is wrong, or the model, a dataset or the port cannot be
            opened.
    """
    for module, title in PACKAGES:
        require_package(module, "serve", title, "serve")
    known = {field.name for field in fields(Settings)}
    given = {name: options.pop(name) for name in list(options) if name in known and name != "runtime"}
    _refuse_bad_token(given.get("token"))
    _refuse_bad_origins(given.get("origins", ()))
    given["places"] = (*map(parse_line, lines), *map(parse_zone, zones))
    refuse_same_names(given["places"])
    detector = load(model, **options | {"runtime": options.get("runtime") or FASTEST})
    settings = Settings(name=Path(model).stem, runtime=detector.runtime.name, **given)
    if detections is not None and not names:
        raise BadInput("detections", "needs the dataset that the detections belong to; give data=NAME/SPLIT too")
    from multibox.explain.browsing import open_datasets
    from multibox.serve.server import serve

    datasets = open_datasets(names, detections, dict(zip(detector.classes, detector.shown.tolist(), strict=True)))
    detector(np.zeros((*detector.schema.network.size, 3), np.uint8))  # the first run takes longer than a request should

    def tell(address: str) -> None:
        announce(f"{settings.name} is served at {address}")
        if not settings.local and settings.token is None:
            announce(
                "Any machine that can reach this one can send requests; set token=SECRET to require authentication"
            )

    serve(detector, settings, datasets, tell)


def _refuse_bad_token(token: str | None) -> None:
    if token is not None and not re.fullmatch(r"[!-~]+", token):
        raise BadInput(
            "token", "contains characters that a header cannot carry; use visible ASCII characters without spaces"
        )


def _refuse_bad_origins(origins: Sequence[str]) -> None:
    for origin in origins:
        if not re.fullmatch(r"https?://[^/\s*]+", origin):
            raise BadInput("cors_origin", f"{origin}: give it without a path, such as https://example.org")
