"""``/v1/model`` and ``/v1/detect``: what the detector is, and what it finds in pictures."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from starlette.responses import Response

from multibox.detect.detections import Detections
from multibox.detect.detector import Detector
from multibox.detect.load import change_section
from multibox.explain.cells import maps_of
from multibox.serve.batcher import Batcher, Job, Wanted
from multibox.serve.pictures import read_picture
from multibox.serve.refused import Refused
from multibox.serve.settings import Settings
from multibox.serve.uploads import NAME, Upload, aside, decode_base64, parse_json, read_body, read_form


def detecting_routes(batcher: Batcher, datasets: Sequence[str]) -> APIRouter:
    """The routes of detection.

    Args:
        batcher: runs the detector.
        datasets: names of the datasets that can be looked at.

    Returns:
        the router.
    """
    router = APIRouter(prefix="/v1", tags=["detection"])
    detector, settings = batcher.detector, batcher.settings
    about = json.dumps(describe_model(detector, settings, datasets))

    @router.get("/model", summary="The model: its classes, thresholds, maps and priors")
    async def model() -> Response:
        return Response(about, media_type="application/json")

    @router.post("/detect", summary="Find the objects in pictures", openapi_extra=DETECT)
    async def detect(request: Request) -> Response:
        start = time.perf_counter()
        uploads, options = await _read_request(request, settings)
        wanted = make_wanted(detector, **options)
        async with batcher.admit(len(uploads)):
            jobs = await batcher.detect([partial(read_upload, upload, settings) for upload in uploads], wanted)
        return Response(_answer(settings.name, uploads, jobs, start), media_type="application/json")

    return router


def describe_model(detector: Detector, settings: Settings, datasets: Sequence[str]) -> dict[str, Any]:
    """What ``GET /v1/model`` answers."""
    schema = detector.schema
    return {
        "name": settings.name,
        "runtime": settings.runtime,
        "classes": list(schema.classes),
        "size": list(schema.network.size),
        "resize": schema.resize,
        "activation": schema.activation,
        "variances": list(schema.priors.variances),
        "show": detector.config.show,
        "thresholds": dict(zip(schema.classes, detector.shown.tolist(), strict=True)),
        "nms_iou": detector.config.nms_iou,
        "priors": len(detector.priors_rel),
        "maps": [asdict(fmap) for fmap in maps_of(schema)],
        "limits": {"bytes": settings.max_bytes, "pixels": settings.max_pixels, "images": settings.max_images},
        "datasets": list(datasets),
    }


def make_wanted(detector: Detector, score: float | None = None, nms_iou: float | None = None) -> Wanted:
    """What is to be found.

    Args:
        detector: gives what is not said.
        score: see :meth:`multibox.detect.detector.Detector.__call__`.
        nms_iou: likewise.

    Raises:
        BadInput: a value does not fit.
    """
    config = detector.config if nms_iou is None else change_section(detector.config, {"nms_iou": nms_iou})
    return Wanted(detector.thresholds(score), config)


def found_json(found: Detections) -> list[dict[str, Any]]:
    """Detections as JSON."""
    rows = zip(found.labels.tolist(), found.names, found.scores.tolist(), found.boxes.tolist(), strict=True)
    return [{"label": label, "name": name, "score": score, "box": box} for label, name, score, box in rows]


def read_upload(upload: Upload, settings: Settings) -> np.ndarray:
    """The pixels ``(H, W, 3)`` of an uploaded picture."""
    return read_picture(upload.content, settings)


def number(name: str, value: Any) -> float:
    """A number of a request.

    Raises:
        Refused: it is none.
    """
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise Refused(422, "bad-field", f"{name}: not a number; give one from 0 to 1") from None


async def _read_request(request: Request, settings: Settings) -> tuple[list[Upload], dict[str, float]]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        body = await read_body(request)
        values, uploads = await aside(lambda: _parse(body, settings), len(body))
    else:
        form = await read_form(request, settings)
        values, uploads = dict(form.fields), form.files.get("images", [])
    if not uploads:
        raise Refused(422, "no-images", "the request has no pictures; give at least one as images")
    if len(uploads) > settings.max_images:
        raise Refused(413, "too-many-images", f"the request has more than {settings.max_images} pictures; send fewer")
    return uploads, {name: number(name, values[name]) for name in ("score", "nms_iou") if name in values}


def _parse(body: bytes, settings: Settings) -> tuple[dict[str, Any], list[Upload]]:
    values = parse_json(body)
    return values, _uploads_of(values.get("images"), settings)


def _uploads_of(images: Any, settings: Settings) -> list[Upload]:
    if not isinstance(images, list) or not all(isinstance(image, dict) for image in images):
        raise Refused(422, "bad-field", 'images: give a list of objects, such as {"data": "... base64 ..."}')
    uploads = []
    for i, image in enumerate(images[: settings.max_images + 1]):
        try:
            uploads.append(Upload(str(image.get("name", f"image {i}"))[:NAME], decode_base64(image.get("data"))))
        except Refused as error:
            raise error.of_image(i) from None
    return uploads


def _answer(model: str, uploads: Sequence[Upload], jobs: Sequence[Job], start: float) -> str:
    results = []
    for upload, job in zip(uploads, jobs, strict=True):
        found = job.answer.result()
        height, width = found.image_size
        results.append({"name": upload.name, "width": width, "height": height, "detections": found_json(found)})
    spans = {
        "decode": _longest(jobs, "begun", "decoded"),
        "queue": _longest(jobs, "decoded", "taken"),
        "network": _longest(jobs, "taken", "run"),
        "total": time.perf_counter() - start,
    }
    timings = {name: round(1000 * seconds, 2) for name, seconds in spans.items()}
    return json.dumps({"model": model, "results": results, "timings_ms": timings})


def _longest(jobs: Sequence[Job], since: str, until: str) -> float:
    return max(job.times[until] - job.times[since] for job in jobs)


_FORM = {
    "type": "object",
    "required": ["images"],
    "properties": {
        "images": {"type": "array", "items": {"type": "string", "format": "binary"}, "description": "Pictures."},
        "score": {"type": "number", "description": "Detections exceed it; else as the model says."},
        "nms_iou": {"type": "number", "description": "How much two detections of a class may overlap."},
    },
}
_JSON = {
    **_FORM,
    "properties": {
        **_FORM["properties"],  # type: ignore[dict-item]
        "images": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["data"],
                "properties": {"data": {"type": "string", "format": "byte"}, "name": {"type": "string"}},
            },
        },
    },
}
DETECT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"multipart/form-data": {"schema": _FORM}, "application/json": {"schema": _JSON}},
    }
}
"""The body of ``POST /v1/detect`` as OpenAPI says it."""
