"""The routes below ``/v1/explain``. They explain detections, and show what training would learn from an image."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from multibox.data.record import Objects, Record
from multibox.detect.detector import Detector
from multibox.draw import encode_png
from multibox.evaluation.test_set import pixels_of
from multibox.explain.augmentation import Step, explain_augmentation
from multibox.explain.browsing import LabelledDataset
from multibox.explain.cells import Box, Cell, as_box, look_at_cell
from multibox.explain.matching import MatchedImage, explain_matching, labelled_objects, training_config
from multibox.explain.origin import ExplainedImage, explain_detections
from multibox.serve.batcher import Batcher
from multibox.serve.bodies import Form, only_image, read_form
from multibox.serve.images import read_image
from multibox.serve.requests import (
    AugmentationFields,
    LabelledBox,
    MatchingFields,
    ScoreField,
    Seed,
    form_with_image,
    from_fields,
)
from multibox.serve.routes.datasets import as_json, dataset_of
from multibox.serve.settings import Settings


@dataclass(frozen=True)
class ShownObject:
    """An object of an image, with its box relative to the image."""

    name: str
    box_rel: Box


@dataclass(frozen=True)
class ShownStep:
    """A step of augmentation. Images are PNG files as ``data:`` URLs. Objects are those after the step."""

    name: str
    title: str
    says: str
    before: str
    after: str
    objects: tuple[ShownObject, ...]
    did: bool


@dataclass(frozen=True)
class AugmentedImage:
    """The steps of an image's augmentation, in order."""

    seed: int
    steps: tuple[ShownStep, ...]


@dataclass(frozen=True, eq=False)
class Labelled:
    """An image with its objects, and the class names of their labels."""

    record: Record
    pixels: np.ndarray
    classes: Sequence[str]


def explanation_routes(batcher: Batcher, datasets: Mapping[str, LabelledDataset]) -> APIRouter:
    """Create the routes that explain detections, matching and augmentation.

    Args:
        batcher: Batcher that runs the detector.
        datasets: Datasets that can be browsed, by ``NAME/SPLIT``.

    Returns:
        FastAPI router with the routes.
    """
    router = APIRouter(prefix="/v1/explain", tags=["explanation"])
    detector, settings = batcher.detector, batcher.settings

    async def admitted(explain: Callable[[], Response]) -> Response:
        """Run an explanation in another thread. It counts as one image that is being processed."""
        async with batcher.admit(1):
            return await run_in_threadpool(explain)

    @router.post("/detections", response_model=ExplainedImage, openapi_extra=form_with_image(ScoreField))
    async def detections(request: Request) -> Response:
        """Explain each detection: its prior, the arithmetic of its box, and the boxes that it suppressed."""
        form = await read_form(request, settings)
        score = from_fields(ScoreField, form.fields).score

        def explain() -> Response:
            return as_json(asdict(explain_detections(detector, uploaded(form, settings)[1], score)))

        return await admitted(explain)

    @router.get("/cell", response_model=Cell)
    async def cell(index: Annotated[int, Query(alias="map")], row: int, column: int) -> Response:
        """List the priors of one cell of a feature map."""
        return as_json(asdict(look_at_cell(detector.schema, detector.priors_rel, index, row, column)))

    @router.get("/matching", response_model=MatchedImage)
    async def matching_of_dataset(data: str, id: str) -> Response:
        """Show which priors match the objects of a dataset's image, and what training learns from them."""
        dataset = dataset_of(datasets, data)
        return await admitted(lambda: match(detector, of_dataset(dataset, id)))

    @router.post("/matching", response_model=MatchedImage, openapi_extra=form_with_image(MatchingFields))
    async def matching(request: Request) -> Response:
        """Show which priors match the objects of an uploaded image, and what training learns from them."""
        form = await read_form(request, settings)
        return await admitted(lambda: match(detector, of_form(form, settings)))

    @router.get("/augmentation", response_model=AugmentedImage)
    async def augmentation_of_dataset(data: str, id: str, seed: Seed = 0) -> Response:
        """Augment a dataset's image as training does, step by step. The same seed gives the same images."""
        dataset = dataset_of(datasets, data)
        return await admitted(lambda: augment(detector, of_dataset(dataset, id), seed, dataset))

    @router.post("/augmentation", response_model=AugmentedImage, openapi_extra=form_with_image(AugmentationFields))
    async def augmentation(request: Request) -> Response:
        """Augment an uploaded image as training does, step by step. The same seed gives the same images."""
        form = await read_form(request, settings)
        seed = from_fields(AugmentationFields, form.fields).seed
        return await admitted(lambda: augment(detector, of_form(form, settings), seed))

    return router


def match(detector: Detector, labelled: Labelled) -> Response:
    """The JSON response that explains which priors match an image's objects."""
    return as_json(asdict(explain_matching(detector, labelled.pixels, labelled.record.objects, labelled.classes)))


def augment(detector: Detector, labelled: Labelled, seed: int, dataset: LabelledDataset | None = None) -> Response:
    """The JSON response that explains augmentation. Other images of the dataset may be mixed in."""
    another = None if dataset is None else lambda rng: dataset.store[int(rng.integers(len(dataset.store)))]
    steps = explain_augmentation(labelled.record, training_config(detector.schema), seed, another)
    return as_json(asdict(AugmentedImage(seed, show_steps(steps, labelled.classes))))


def of_dataset(dataset: LabelledDataset, record_id: str) -> Labelled:
    """Read an image of a dataset, with its objects.

    Raises:
        BadInput: If the dataset has no image with this id.
    """
    record = dataset.record(record_id)
    return Labelled(record, pixels_of(record), dataset.classes)


def of_form(form: Form, settings: Settings) -> Labelled:
    """Read an uploaded image, with the objects that the form lists.

    Raises:
        Refused: If a part of the form is missing or wrong.
        BadInput: If a box has no area.
    """
    names, objects = objects_of(form.fields)
    content, pixels = uploaded(form, settings)
    height, width = pixels.shape[:2]
    return Labelled(Record("picture", content, width, height, objects), pixels, names)


def uploaded(form: Form, settings: Settings) -> tuple[bytes, np.ndarray]:
    """The bytes and the decoded pixels of the one uploaded image.

    Raises:
        Refused: If the form has not exactly one image file, or the file is not an image.
    """
    content = only_image(form).content
    return content, read_image(content, settings)


def objects_of(fields: dict[str, str]) -> tuple[list[str], Objects]:
    """Read the labelled objects of a form.

    Args:
        fields: Text fields of the form. ``objects`` is JSON: ``[{"name": "dog", "box": [x0, y0, x1, y1]}, ...]``.

    Returns:
        Class names, and the objects, whose labels are positions among these names.

    Raises:
        Refused: If the field ``objects`` is not JSON of this form.
        BadInput: If a box has no area.
    """
    listed: list[LabelledBox] = from_fields(MatchingFields, fields).objects
    names = list(dict.fromkeys(one.name for one in listed))
    return names, labelled_objects([names.index(one.name) for one in listed], [one.box for one in listed])


def show_steps(steps: Sequence[Step], classes: Sequence[str]) -> tuple[ShownStep, ...]:
    """Steps of augmentation with their images as PNG ``data:`` URLs. Each image is encoded once."""
    urls: dict[int, str] = {}

    def url_of(image: np.ndarray) -> str:
        if id(image) not in urls:
            urls[id(image)] = "data:image/png;base64," + base64.b64encode(encode_png(image)).decode()
        return urls[id(image)]

    shown = []
    for step in steps:
        (before, _), (after, objects) = step.before, step.after
        seen = tuple(
            ShownObject(classes[label], as_box(box_rel))
            for label, box_rel in zip(objects.labels.tolist(), objects.boxes, strict=True)
        )
        shown.append(ShownStep(step.name, step.title, step.says, url_of(before), url_of(after), seen, step.did))
    return tuple(shown)
