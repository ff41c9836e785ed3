"""Inspection of one image: the build's own checks, further ones, and what is kept to compare it with others."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from multibox import boxes as box
from multibox.config import Config
from multibox.data.annotation import Annotation, Item
from multibox.data.build import check_item
from multibox.data.check import BadImageError, check_image, object_name
from multibox.data.look_alikes import look_of
from multibox.data.record import Objects, Record
from multibox.image_file import color_mode
from multibox.inspection.finding import Finding, of_problem
from multibox.models.maps import feature_maps
from multibox.prepare.window import letterbox, snap, to_window, whole

SAME_IOU: Final = 0.95
"""From which two boxes of one class are the same object."""


@dataclass(frozen=True)
class Look:
    """Result of inspecting an image.

    Attributes:
        file: Path of the image.
        findings: Findings about it.
        objects: Objects that training would use, with boxes in pixels. None if the image is left out.
        boxes_rel: ``(N, 4)`` theirs, relative to the network's input.
        digest: Digest of the file's bytes. Empty if the image is left out.
        seen: Hash and thumbnail of the image. None if the image is left out.
    """

    file: str
    findings: tuple[Finding, ...]
    objects: Objects | None = None
    boxes_rel: np.ndarray | None = None
    digest: bytes = b""
    seen: tuple[int, np.ndarray] | None = None


def look_at_item(item: Item, classes: Sequence[str], config: Config) -> Look:
    """Inspect an image of a source, with the build's own checks.

    Args:
        item: The image.
        classes: Names of the labels. An object of another name is a finding.
        config: Configuration of the run.

    Returns:
        The result.
    """
    found = item.annotation
    names = found.names if isinstance(found, Annotation) else ()
    known = len(classes)
    labels = {name: label for label, name in enumerate(dict.fromkeys([*classes, *names]))}
    checked = check_item(item, labels)
    findings = [of_problem(problem) for problem in checked.problems]
    if checked.record is None or not isinstance(found, Annotation):
        return Look(str(item.image), tuple(findings))
    called = [object_name(i, len(names), names[i]) for i in checked.kept]
    for i in np.flatnonzero(checked.record.objects.labels >= known).tolist():
        action = "the build stops; add the class or correct the name"
        findings.append(Finding("label", found.file, called[i], "is of no known class", action, stops=True))
    for i in checked.clipped:
        name = object_name(i, len(names), names[i])
        findings.append(Finding("clipped", found.file, name, "reaches beyond the image", "cut off at its edge"))
    findings += _without_labels(item, found)
    return _look_closer(checked.record, found.file, called, findings, config, known)


def look_at_record(record: Record, classes: Sequence[str], config: Config) -> Look:
    """Inspect an image of a store, whose annotations a build has verified.

    Args:
        record: The image and its objects.
        classes: Names of the labels.
        config: Configuration of the run.

    Returns:
        The result.
    """
    file = record.source or record.id
    try:
        check_image(record.image)
    except BadImageError as error:
        return Look(file, (Finding("image", file, "", str(error), "training stops; build the store again", True),))
    count = len(record.objects)
    called = [object_name(i, count, classes[label]) for i, label in enumerate(record.objects.labels.tolist())]
    return _look_closer(record, file, called, [], config, len(classes))


def _look_closer(
    record: Record, file: str, called: Sequence[str], findings: Sequence[Finding], config: Config, known: int
) -> Look:
    """Make the checks that the build does not make.

    Args:
        record: The intact image with its good objects.
        file: Path of the file with the objects.
        called: Name of each object.
        findings: Findings so far.
        config: Configuration of the run.
        known: Number of classes. Labels from there on are unknown.
    """
    boxes_rel = in_network(record, config)
    more = [
        *_twice(record.objects, file, called),
        *_tiny(boxes_rel, file, called, config),
        *_uncommon_colors(record.image, str(record.source or record.id)),
    ]
    taught = (record.objects.labels < known) & ~record.objects.crowd
    if config.data.difficult == "drop":
        taught &= ~record.objects.difficult
    return Look(
        str(record.source or record.id),
        (*findings, *more),
        record.objects.keep(taught),
        boxes_rel[taught],
        hashlib.sha256(record.image).digest(),
        look_of(record.image),
    )


def in_network(record: Record, config: Config) -> np.ndarray:
    """Boxes of a record ``(N, 4)`` relative to the network's input, after the resize of detection."""
    image_size, size = (record.height, record.width), config.network.size
    window = whole(image_size)
    window = letterbox(window, size) if config.data.resize == "letterbox" else window
    return to_window(record.objects.boxes, snap(window, image_size, size))


def _without_labels(item: Item, found: Annotation) -> list[Finding]:
    """A missing text file, for which YOLO's reader takes the image as one without objects."""
    if not found.file.endswith(".txt") or Path(found.file).is_file():
        return []
    detail = f"has no label file {found.file}"
    return [Finding("label", str(item.image), "", detail, "learned as an image without objects")]


def _twice(objects: Objects, file: str, called: Sequence[str]) -> list[Finding]:
    if len(objects) < 2:
        return []
    same = box.iou(objects.boxes, objects.boxes) >= SAME_IOU
    same &= (objects.labels[:, None] == objects.labels) & ~objects.crowd[:, None] & ~objects.crowd
    first = (same | np.eye(len(objects), dtype=np.bool_)).argmax(axis=1)  # itself, where none before it is the same
    return [
        Finding("duplicate", file, called[i], f"is {called[first[i]]} again", "learned as two objects; remove one")
        for i in np.flatnonzero(first < np.arange(len(objects))).tolist()
    ]


def _tiny(boxes_rel: np.ndarray, file: str, called: Sequence[str], config: Config) -> list[Finding]:
    height, width = config.network.size
    sides = (boxes_rel[:, 2:] - boxes_rel[:, :2]) * (width, height)
    least = tiny_side(config)
    action = "learned as is, by the one prior nearest to it"
    return [
        Finding("tiny", file, called[i], f"is {w:.1f}x{h:.1f} pixels in the network's input", action)
        for i, (w, h) in enumerate(sides.tolist())
        if min(w, h) < least
    ]


def tiny_side(config: Config) -> float:
    """Side below which an object is tiny: half a cell of the finest map, in pixels of the network's input."""
    finest = feature_maps(config.network)[0]
    return min(finest.step_x, finest.step_y) / 2


def _uncommon_colors(image: bytes, file: str) -> list[Finding]:
    mode = color_mode(image)
    text = {"grey": "is grey", "cmyk": "is CMYK"}.get(mode)
    return [Finding("color", file, "", text, "turned into RGB, then learned as is")] if text else []
