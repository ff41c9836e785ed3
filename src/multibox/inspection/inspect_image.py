"""Inspect one image: runs the checks of a build and further checks, and computes the image's hash."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from os.path import isfile
from typing import Final

import numpy as np

from multibox.annotations.annotation import Annotation, Item
from multibox.annotations.problem import object_name
from multibox.config import Config
from multibox.data.build import check_item
from multibox.data.check import BadImageError, check_image
from multibox.data.look_alikes import look_of
from multibox.data.object_kinds import ObjectKinds, kinds_of
from multibox.data.record import Objects, Record
from multibox.image_file import color_mode
from multibox.inspection.finding import Finding
from multibox.models.maps import feature_maps
from multibox.overlaps import overlapping
from multibox.prepare.tiles import tiles_of
from multibox.prepare.tiling import tiling_of
from multibox.prepare.window import Window, letterbox, snap, to_window, whole

SAME_IOU: Final = 0.95
"""Smallest IoU at which two boxes of one class count as the same object annotated twice."""


@dataclass(frozen=True)
class InspectedImage:
    """The result of inspecting an image.

    Attributes:
        file: Path of the image.
        findings: Findings about the image.
        objects: Objects that training would see, with boxes in pixels. None if the image is left out.
        boxes_rel: ``(N, 4)`` corners x0, y0, x1, y1 of ``objects``, relative to the network's input. None if the image
            is left out.
        digest: Digest of the image file's bytes, to find identical files. Empty if the image is left out.
        look: Perceptual hash and thumbnail, to find look-alikes. None if the image is left out.
        kinds: Number of objects by kind (such as crowds), without objects of unknown classes.
    """

    file: str
    findings: tuple[Finding, ...]
    objects: Objects | None = None
    boxes_rel: np.ndarray | None = None
    digest: bytes = b""
    look: tuple[int, np.ndarray] | None = None
    kinds: ObjectKinds = field(default_factory=ObjectKinds)


def inspect_item(item: Item, classes: Sequence[str], config: Config) -> InspectedImage:
    """Inspect an image of a dataset that has not been built yet, with the checks of a build and further checks.

    Args:
        item: The image and its annotation.
        classes: Names of the classes. An object with another name is a finding.
        config: Configuration of the run that the dataset is for.

    Returns:
        Findings about the image, with its objects, digest and perceptual hash for checks that compare images.
    """
    annotation = item.annotation
    names = annotation.names if isinstance(annotation, Annotation) else ()
    known = len(classes)
    labels = {name: label for label, name in enumerate(dict.fromkeys([*classes, *names]))}
    checked = check_item(item, labels)
    findings = [Finding.of_problem(problem) for problem in checked.problems]
    if checked.record is None or not isinstance(annotation, Annotation):
        return InspectedImage(str(item.image), tuple(findings))
    called = [annotation.object_name(i) for i in checked.kept]
    for i in np.flatnonzero(checked.record.objects.labels >= known).tolist():
        action = "the build stops; add the class or correct the name"
        findings.append(Finding("label", annotation.file, called[i], "has an unknown class", action, stops=True))
    for i in checked.clipped:
        name = annotation.object_name(i)
        findings.append(Finding("clipped", annotation.file, name, "reaches beyond the image", "cut off at its edge"))
    findings += _without_labels(item, annotation)
    return _inspect_further(checked.record, annotation.file, called, findings, config, known)


def inspect_record(record: Record, classes: Sequence[str], config: Config) -> InspectedImage:
    """Inspect an image of a built dataset. Its annotation is not verified again, because the build has verified it.

    Args:
        record: The image and its objects.
        classes: Names of the classes.
        config: Configuration of the run that the dataset is for.

    Returns:
        Findings about the image, with its objects, digest and perceptual hash for checks that compare images.
    """
    file = record.source or record.id
    try:
        check_image(record.image)
    except BadImageError as error:
        damaged = Finding("image", file, "", str(error), "training would fail; build the dataset again", stops=True)
        return InspectedImage(file, (damaged,))
    count = len(record.objects)
    called = [object_name(i, count, classes[label]) for i, label in enumerate(record.objects.labels.tolist())]
    return _inspect_further(record, file, called, [], config, len(classes))


def _inspect_further(
    record: Record, file: str, called: Sequence[str], findings: Sequence[Finding], config: Config, known: int
) -> InspectedImage:
    """Run the checks that a build does not run.

    Args:
        record: Image that can be decoded, with the objects that passed the checks of a build.
        file: Path of the file with the annotation.
        called: Name of each object for messages.
        findings: Findings from the checks of a build. They come first in the result.
        config: Configuration of the run that the dataset is for.
        known: Number of known classes. Objects with this label or a higher one have an unknown class.
    """
    boxes_rel = boxes_in_network(record, config)
    image = str(record.source or record.id)
    more = [
        *_annotated_twice(record.objects, file, called),
        *_tiny(boxes_rel, file, called, config),
        *_uncommon_colors(record.image, image),
    ]
    is_known = record.objects.labels < known
    trained = is_known & ~record.objects.crowd
    if config.data.difficult == "drop":
        trained &= ~record.objects.difficult
    return InspectedImage(
        image,
        (*findings, *more),
        record.objects.keep(trained),
        boxes_rel[trained],
        hashlib.sha256(record.image).digest(),
        look_of(record.image),
        kinds_of(record.objects.keep(is_known)),
    )


def boxes_in_network(record: Record, config: Config) -> np.ndarray:
    """The boxes of a record in the network's input, after the resize that detection uses.

    With tiles, each box is in a tile around it, or in the whole image if it is larger than a tile.

    Args:
        record: Image, of which only the size is used, and its objects.
        config: Configuration of the network.

    Returns:
        ``(N, 4)`` corners x0, y0, x1, y1 of the N objects, relative to the network's input.
    """
    image_size, boxes = (record.height, record.width), record.objects.boxes
    tiles = tiles_of(config.data.tiles)
    if tiles is None or not len(boxes):
        return _in_input(boxes, whole(image_size), image_size, config)
    tiling = tiling_of(image_size, tiles)
    return np.concatenate([_in_input(row[None], tiling.around(row), image_size, config) for row in boxes])


def _in_input(boxes: np.ndarray, window: Window, image_size: tuple[int, int], config: Config) -> np.ndarray:
    size = config.network.size
    window = letterbox(window, size) if config.data.resize == "letterbox" else window
    return to_window(boxes, snap(window, image_size, size))


def _without_labels(item: Item, annotation: Annotation) -> list[Finding]:
    """Find the missing text file of an image in YOLO format, which is read as an image without objects."""
    if not annotation.file.endswith(".txt") or isfile(annotation.file):
        return []
    detail = f"has no label file {annotation.file}"
    return [Finding("label", str(item.image), "", detail, "learned as an image without objects")]


def _annotated_twice(objects: Objects, file: str, called: Sequence[str]) -> list[Finding]:
    first = np.arange(len(objects))  # itself, if none before it is the same
    alone = objects.keep(~objects.crowd)
    own = first[~objects.crowd]
    for block in overlapping(alone.boxes, alone.boxes):
        same = block.iou >= SAME_IOU
        same &= alone.labels[block.rows, None] == alone.labels[block.columns]
        earliest = np.where(same.any(axis=1), block.columns[same.argmax(axis=1)], block.rows)
        first[own[block.rows]] = own[np.minimum(earliest, block.rows)]
    return [
        Finding("duplicate", file, called[i], f"repeats {called[first[i]]}", "learned as two objects; remove one")
        for i in np.flatnonzero(first < np.arange(len(objects))).tolist()
    ]


def _tiny(boxes_rel: np.ndarray, file: str, called: Sequence[str], config: Config) -> list[Finding]:
    height, width = config.network.size
    sides = (boxes_rel[:, 2:] - boxes_rel[:, :2]) * (width, height)
    least = tiny_side(config)
    action = "only the prior nearest to the object learns it"
    return [
        Finding("tiny", file, called[i], f"has {w:.1f}x{h:.1f} pixels in the network's input", action)
        for i, (w, h) in enumerate(sides.tolist())
        if min(w, h) < least
    ]


def tiny_side(config: Config) -> float:
    """Side below which an object is tiny, in pixels of the network's input: half a cell of the finest feature map."""
    finest = feature_maps(config.network)[0]
    return min(finest.step_x, finest.step_y) / 2


def _uncommon_colors(image: bytes, file: str) -> list[Finding]:
    mode = color_mode(image)
    text = {"grey": "is greyscale", "cmyk": "is CMYK"}.get(mode)
    return [Finding("color", file, "", text, "converted to RGB")] if text else []
