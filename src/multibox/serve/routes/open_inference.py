"""The Open Inference Protocol, version 2, with binary tensors: the protocol of KServe's and Triton's clients.

The input ``image`` is either pixels, UINT8 ``[B, H, W, 3]`` RGB of any size, or encoded images, BYTES ``[B]`` (base64
in JSON). The outputs are those of a model exported with NMS inside, with boxes in pixels of each image: ``boxes`` FP32
``[B, K, 4]``, ``scores`` FP32 ``[B, K]``, ``labels`` INT32 ``[B, K]`` and ``count`` INT32 ``[B]``. The parameters
``score`` and ``nms_iou`` are those of ``/v1/detect``, but without ``score`` all detections are returned.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from starlette.responses import Response

from multibox._version import __version__
from multibox.detect.detections import Detections
from multibox.serve.batcher import Batcher
from multibox.serve.bodies import aside, read_body
from multibox.serve.images import read_image
from multibox.serve.refused import Refused, documented
from multibox.serve.requests import InferRequest, request_body
from multibox.serve.routes.detection import make_wanted
from multibox.serve.settings import Settings
from multibox.serve.tensors import HEADER, read_request, write_response

VERSION = "1"
"""Version of the model in the protocol. A server has a single version."""

INPUTS = [{"name": "image", "datatype": "UINT8", "shape": [-1, -1, -1, 3]}]


BODY = request_body(json=InferRequest)


def open_inference_routes(batcher: Batcher) -> APIRouter:
    """Create the routes of the Open Inference Protocol."""
    errors = documented({"type": "string"})
    router = APIRouter(prefix="/v2", tags=["Open Inference Protocol"], responses=errors)
    settings, most = batcher.settings, batcher.detector.config.per_image

    def find(name: str, version: str = VERSION) -> None:
        if name != settings.name or version != VERSION:
            raise Refused(404, "no-such-model", f"there is no such model; the server has {settings.name!r}, version 1")

    @router.get("", summary="The server and its extensions")
    async def server() -> dict[str, Any]:
        return {"name": "multibox", "version": __version__, "extensions": ["binary_tensor_data"]}

    @router.get("/health/live", summary="Whether the server is alive")
    async def live() -> dict[str, bool]:
        return {"live": True}

    @router.get("/health/ready", summary="Whether the server is ready")
    async def ready() -> dict[str, bool]:
        batcher.require_ready()
        return {"ready": True}

    @router.get("/models/{name}", summary="The model's inputs and outputs")
    @router.get("/models/{name}/versions/{version}", include_in_schema=False)
    async def model(name: str, version: str = VERSION) -> dict[str, Any]:
        find(name, version)
        return {
            "name": name,
            "versions": [VERSION],
            "platform": f"multibox_{settings.runtime}",
            "inputs": INPUTS,
            "outputs": outputs_of(most),
        }

    @router.get("/models/{name}/ready", summary="Whether the model is ready")
    @router.get("/models/{name}/versions/{version}/ready", include_in_schema=False)
    async def model_ready(name: str, version: str = VERSION) -> dict[str, Any]:
        find(name, version)
        await ready()
        return {"name": name, "ready": True}

    @router.post("/models/{name}/infer", summary="Detect the objects in images", openapi_extra=BODY)
    @router.post("/models/{name}/versions/{version}/infer", include_in_schema=False)
    async def infer(request: Request, name: str, version: str = VERSION) -> Response:
        find(name, version)
        body = await read_body(request)
        asked = await aside(lambda: read_request(body, request.headers.get(HEADER)), len(body))
        reads = _images_of(asked.inputs, settings)
        wanted = make_wanted(batcher.detector, asked.options.score, asked.options.nms_iou)
        if asked.options.score is None:
            wanted = wanted.as_for_evaluation()
        async with batcher.admit(len(reads)):
            jobs = await batcher.detect(reads, wanted)
        tensors = _tensors([job.answer.result() for job in jobs], most)
        return write_response({"model_name": name, "model_version": VERSION}, tensors, asked)

    return router


def outputs_of(most: int) -> list[dict[str, Any]]:
    """Describe the model's output tensors. ``most`` is the largest number of detections of an image."""
    return [
        {"name": "boxes", "datatype": "FP32", "shape": [-1, most, 4]},
        {"name": "scores", "datatype": "FP32", "shape": [-1, most]},
        {"name": "labels", "datatype": "INT32", "shape": [-1, most]},
        {"name": "count", "datatype": "INT32", "shape": [-1]},
    ]


def _images_of(inputs: dict[str, np.ndarray], settings: Settings) -> list[Callable[[], np.ndarray]]:
    """Functions that each return the pixels of one image of a request."""
    if set(inputs) != {"image"}:
        raise Refused(
            400, "bad-input", f"inputs: the request has {', '.join(sorted(inputs))[:200]}; give only the input image"
        )
    images = inputs["image"]
    if not 0 < len(images) <= settings.max_images:
        raise Refused(
            413, "too-many-images", f"image: the request has {len(images)} images; give 1 to {settings.max_images}"
        )
    if images.dtype == object:
        if images.ndim != 1:
            raise Refused(
                400, "bad-input", f"image: the shape {list(images.shape)} is not [B]; give a list of encoded images"
            )
        return [partial(read_image, encoded, settings) for encoded in images]
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8 or not images.size:
        shape = list(images.shape)
        raise Refused(400, "bad-input", f"image: {images.dtype} {shape} is not UINT8 [B, H, W, 3]; give RGB pixels")
    if images.shape[1] * images.shape[2] > settings.max_pixels:
        raise Refused(
            413, "too-many-pixels", f"image: an image has more than {settings.max_pixels:,} pixels; send smaller images"
        )
    return [partial(np.ascontiguousarray, image) for image in images]


def _tensors(found: Sequence[Detections], most: int) -> dict[str, np.ndarray]:
    """Detections as output tensors. Unused rows have zeros and the label -1."""
    boxes, scores = np.zeros((len(found), most, 4), np.float32), np.zeros((len(found), most), np.float32)
    labels = np.full((len(found), most), -1, np.int32)
    count = np.array([min(len(one), most) for one in found], np.int32)
    for i, (one, rows) in enumerate(zip(found, count, strict=True)):
        boxes[i, :rows], scores[i, :rows], labels[i, :rows] = one.boxes[:rows], one.scores[:rows], one.labels[:rows]
    return {"boxes": boxes, "scores": scores, "labels": labels, "count": count}
