"""The routes ``/v1/model``, which describes the detector, and ``/v1/detect``, which detects objects in images."""

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
from multibox.serve.bodies import NAME, Upload, aside, read_body, read_form
from multibox.serve.images import read_image
from multibox.serve.refused import Refused
from multibox.serve.requests import DetectForm, DetectRequest, Options, from_fields, from_json, request_body
from multibox.serve.settings import Settings
from multibox.tracking.places import Line, Zone

BODY = request_body(form=DetectForm, json=DetectRequest)


def detection_routes(batcher: Batcher, datasets: Sequence[str]) -> APIRouter:
    """Create the routes of the model and of detection.

    Args:
        batcher: Batcher that runs the detector.
        datasets: Names of the datasets that can be browsed, as ``NAME/SPLIT``.

    Returns:
        FastAPI router with the routes.
    """
    router = APIRouter(prefix="/v1", tags=["detection"])
    detector, settings = batcher.detector, batcher.settings
    about = json.dumps(describe_model(detector, settings, datasets))

    @router.get("/model", summary="The model: its classes, thresholds, feature maps and priors")
    async def model() -> Response:
        return Response(about, media_type="application/json")

    @router.post(
        "/detect",
        summary="Detect the objects in images",
        openapi_extra=BODY,
    )
    async def detect(request: Request) -> Response:
        start = time.perf_counter()
        uploads, options = await _read_request(request, settings)
        wanted = make_wanted(detector, options.score, options.nms_iou)
        async with batcher.admit(len(uploads)):
            jobs = await batcher.detect([partial(read_upload, upload, settings) for upload in uploads], wanted)
        return Response(_answer(settings.name, uploads, jobs, start), media_type="application/json")

    return router


def describe_model(detector: Detector, settings: Settings, datasets: Sequence[str]) -> dict[str, Any]:
    """The JSON response of ``GET /v1/model``."""
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
        "places": [_place_json(place) for place in settings.places],
    }


def make_wanted(detector: Detector, score: float | None = None, nms_iou: float | None = None) -> Wanted:
    """Combine a request's settings with the detector's.

    Args:
        detector: Detector whose settings are used where the request gives none.
        score: Score that detections must exceed, in [0, 1]. None takes the detector's thresholds for display.
        nms_iou: IoU above which the lower-scored of two detections of one class is suppressed, in [0, 1]. None takes
            the detector's setting.

    Returns:
        Score thresholds and NMS settings of the request.

    Raises:
        BadInput: If a value is outside its range.
    """
    config = detector.config if nms_iou is None else change_section(detector.config, {"nms_iou": nms_iou})
    return Wanted(detector.thresholds(score), config)


def found_json(found: Detections) -> list[dict[str, Any]]:
    """Detections as a dictionary for JSON."""
    rows = zip(found.labels.tolist(), found.names, found.scores.tolist(), found.boxes.tolist(), strict=True)
    return [{"label": label, "name": name, "score": score, "box": box} for label, name, score, box in rows]


def read_upload(upload: Upload, settings: Settings) -> np.ndarray:
    """Decode an uploaded image to ``(H, W, 3)`` uint8 RGB pixels."""
    return read_image(upload.content, settings)


async def _read_request(request: Request, settings: Settings) -> tuple[list[Upload], Options]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        body = await read_body(request)
        asked = await aside(lambda: from_json(DetectRequest, body), len(body))
        named = enumerate(asked.images)
        uploads = [
            Upload((f"image {i}" if image.name is None else image.name)[:NAME], image.data) for i, image in named
        ]
        options: Options = asked
    else:
        form = await read_form(request, settings)
        uploads, options = form.files.get("images", []), from_fields(Options, form.fields)
    if not uploads:
        raise Refused(422, "no-images", "images: the request has no image; send at least one")
    if len(uploads) > settings.max_images:
        raise Refused(
            413, "too-many-images", f"images: the request has more than {settings.max_images} images; send fewer"
        )
    return uploads, options


def _place_json(place: Line | Zone) -> dict[str, Any]:
    points = place.points
    kind = "line" if isinstance(place, Line) else "zone"
    return {"kind": kind, "name": place.name, "points": points.values, "in_parts": points.in_parts}


def _answer(model: str, uploads: Sequence[Upload], jobs: Sequence[Job], start: float) -> str:
    results = [result_json(upload, job.answer.result()) for upload, job in zip(uploads, jobs, strict=True)]
    return json.dumps({"model": model, "results": results, "timings_ms": timings_json(jobs, start)})


def result_json(upload: Upload, found: Detections) -> dict[str, Any]:
    """The detections of an uploaded image as a dictionary for JSON."""
    height, width = found.image_size
    return {"name": upload.name, "width": width, "height": height, "detections": found_json(found)}


def timings_json(jobs: Sequence[Job], start: float) -> dict[str, float]:
    """The milliseconds of each stage of a request, which began at ``start``."""
    spans = {
        "decode": _longest(jobs, "begun", "decoded"),
        "queue": _longest(jobs, "decoded", "taken"),
        "network": _longest(jobs, "taken", "run"),
        "total": time.perf_counter() - start,
    }
    return {name: round(1000 * seconds, 2) for name, seconds in spans.items()}


def _longest(jobs: Sequence[Job], since: str, until: str) -> float:
    return max(job.times[until] - job.times[since] for job in jobs)
