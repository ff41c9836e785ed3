"""The routes ``/v1/datasets``, which list images by class, size or mistake, and send them."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import cv2
import numpy as np
from fastapi import APIRouter, Query
from starlette.responses import Response

from multibox.evaluation.test_set import pixels_of
from multibox.explain.browsing import Kind, LabelledDataset, Size
from multibox.image_file import image_format
from multibox.serve.refused import Refused

QUALITY = 92
"""JPEG quality of images that are sent at reduced size, from 0 to 100."""


def dataset_routes(datasets: Mapping[str, LabelledDataset]) -> APIRouter:
    """Create the routes of datasets.

    Args:
        datasets: Datasets that can be browsed, by ``NAME/SPLIT``.

    Returns:
        FastAPI router with the routes.
    """
    router = APIRouter(prefix="/v1/datasets", tags=["datasets"])

    @router.get("", summary="The datasets that can be browsed")
    def every() -> Response:
        return as_json([describe(name, dataset) for name, dataset in datasets.items()])

    @router.get("/images", summary="Images that show a class, a size or a mistake")
    def images(
        data: str,
        named: Annotated[str | None, Query(alias="class")] = None,
        size: Size | None = None,
        mistake: Kind | None = None,
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=200)] = 24,
    ) -> Response:
        dataset = dataset_of(datasets, data)
        chosen = dataset.choose(named, size, mistake)
        shown = [dataset.describe(position) for position in chosen[offset : offset + limit].tolist()]
        return as_json({"total": len(chosen), "images": shown})

    @router.get("/picture", summary="An image, as JPEG", response_class=Response)
    def picture(data: str, id: str, width: Annotated[int | None, Query(ge=16, le=4096)] = None) -> Response:
        record = dataset_of(datasets, data).record(id)
        if image_format(record.image) == "JPEG" and (width is None or width >= record.width):
            return Response(record.image, media_type="image/jpeg")
        return Response(encode_jpeg(pixels_of(record), width), media_type="image/jpeg")

    return router


def dataset_of(datasets: Mapping[str, LabelledDataset], name: str) -> LabelledDataset:
    """Find a dataset by its name.

    Raises:
        Refused: If no dataset of this name is served.
    """
    if name not in datasets:
        known = ", ".join(datasets) or "none; start the server with a dataset NAME/SPLIT"
        raise Refused(404, "no-dataset", f"data: there is no dataset {name[:100]!r}; available: {known}")
    return datasets[name]


def describe(name: str, dataset: LabelledDataset) -> dict[str, Any]:
    """Describe a dataset as a dictionary for JSON."""
    counts = dataset.store.meta.counts
    return {
        "name": name,
        "images": counts.images,
        "objects": counts.objects,
        "classes": list(dataset.classes),
        "mistakes": bool(dataset.mistakes),
    }


def encode_jpeg(image: np.ndarray, width: int | None = None) -> bytes:
    """Encode an image ``(H, W, 3)`` uint8 RGB as JPEG, reduced to a largest width in pixels."""
    height = image.shape[0]
    if width is not None and width < image.shape[1]:
        size = width, max(1, round(height * width / image.shape[1]))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def as_json(values: Any) -> Response:
    """Create an HTTP response with JSON content."""
    return Response(json.dumps(values), media_type="application/json")
