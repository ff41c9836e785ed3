"""Exports a site that detects in the browser: static files with the page, a model and the runtime, for any web host."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Final

from multibox.explain.cells import maps_of
from multibox.export.web_runtime import WASM, WEBGPU, read_runtime
from multibox.models.schema import Schema
from multibox.page.files import site_page
from multibox.page.service_worker import service_worker
from multibox.writing import Kind

SITE: Final = Kind("site")
"""The folder of a site, for the rule of :mod:`multibox.writing`."""

MODEL: Final = "model/model.onnx"
"""Path of the network's file in a site."""


@dataclass(frozen=True)
class Site:
    """Content of a site besides its model.

    Attributes:
        name: Name of the model, as the page shows it.
        webgpu: Whether the site can run its model on the GPU too.
        runtime: Contents of the runtime's files, by name.
    """

    name: str
    webgpu: bool = False
    runtime: dict[str, bytes] = field(repr=False, default_factory=dict)


def prepare_site(name: str, package: str | os.PathLike[str] | None, *, webgpu: bool) -> Site:
    """Prepare the content of a site besides its model.

    Args:
        name: Name of the model, as the page shows it.
        package: File of the npm package ``onnxruntime-web``. None uses the file in the cache, or fetches the package
            with npm.
        webgpu: Whether the site can run its model on the GPU too, which adds 27 MB to it.

    Returns:
        The site without its model.

    Raises:
        BadInput: The package is not the required version, or cannot be obtained.
        RunFailed: The package could not be fetched with npm.
    """
    return Site(
        name, webgpu, read_runtime(None if package is None else Path(package), (*WASM, *(WEBGPU if webgpu else ())))
    )


def write_site(folder: Path, site: Site, schema: Schema, model: bytes) -> None:
    """Write the files of a site.

    Args:
        folder: Empty folder to write into.
        site: The site without its model.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        model: Content of the network's ONNX file, which gives logits and deltas.
    """
    content = {
        **site_page(),
        **dict(_model_files(schema, site, model)),
        **{f"runtime/{name}": held for name, held in site.runtime.items()},
        **dict(_licenses()),
    }
    for name, held in {**content, "sw.js": service_worker(content)}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(held)


def _model_files(schema: Schema, site: Site, model: bytes) -> Iterator[tuple[str, bytes]]:
    about = {
        "name": site.name,
        "schema": schema.model_dump(mode="json"),
        "maps": [asdict(fmap) for fmap in maps_of(schema)],
        "webgpu": site.webgpu,
    }
    yield MODEL, model
    yield "model/model.json", json.dumps(about, indent=1).encode()
    yield "model/priors.bin", schema.make_priors().astype("<f4").tobytes()


def _licenses() -> Iterator[tuple[str, bytes]]:
    """The licence of ONNX Runtime and of what is in it, from the Python package: the npm package holds neither."""
    for name in ("LICENSE", "ThirdPartyNotices.txt"):
        yield f"runtime/{name}", files("onnxruntime").joinpath(name).read_bytes()
