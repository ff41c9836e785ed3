"""Builds the stores of a dataset: reads, verifies and writes.

No store appears before those of all splits are complete.
"""

import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from cv2.utils import logging

from multibox.annotations.annotation import Annotation, Item
from multibox.annotations.corners import OneBased
from multibox.annotations.files import fingerprint
from multibox.annotations.problem import Problem
from multibox.annotations.understood import Understood
from multibox.boxes import clip
from multibox.data.check import BadImageError, box_faults, check_image
from multibox.data.file_names import readable
from multibox.data.record import Record, make_objects
from multibox.data.source import Source, open_source
from multibox.data.store import FILES, REPORT, SUFFIX, Counts, data_root
from multibox.data.store_writer import StoreWriter, check_new_name, encode_record, new_dataset
from multibox.errors import BadInput
from multibox.machine import cores
from multibox.progress import Progress

OnBad = Literal["fail", "skip"]


@dataclass(frozen=True)
class BuildReport:
    """Result of a build.

    Attributes:
        name: Name of the dataset.
        path: Folder of the dataset.
        classes: Class names. A class's position in this list is its label, from 0.
        splits: Number of images and number of objects of each split.
        problems: Images, annotations and objects that were left out, and why.
        clipped: Number of boxes that reached beyond their image and were clipped to its edge.
        seconds: Duration of the build in seconds.
        understood: Summary of what was read from each folder or file: layout, images, splits, classes and corners.
        notes: Warnings about the dataset as a whole, such as images in two splits.
        options: Arguments of :func:`build` that build the same dataset from the same sources again.
    """

    name: str
    path: str
    classes: tuple[str, ...]
    splits: dict[str, Counts]
    problems: tuple[Problem, ...]
    clipped: int
    seconds: float
    understood: tuple[Understood, ...] = ()
    notes: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON-able values."""
        return asdict(self)


def build(
    sources: Sequence[str | Path],
    name: str,
    *,
    classes: Sequence[str] = (),
    splits: Sequence[str] = (),
    rename: Mapping[str, str] | None = None,
    images: str | Path | None = None,
    one_based: OneBased = "auto",
    layout: str | None = None,
    split_seed: int = 0,
    on_bad: OnBad = "fail",
    replace: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> BuildReport:
    """Build ``NAME/SPLIT.lmdb`` for each split of a dataset. Every image is decoded once to prove that it is intact.

    A summary of how the data was understood is logged first, at level INFO.

    Args:
        sources: Paths of files or folders, as :func:`multibox.data.source.open_source` takes them.
        name: Name of the new dataset.
        classes: Class names in the order of their labels, from 0. If empty, the names are taken from the data.
        splits: Names of the splits to build. If empty, all splits are built.
        rename: New name of each class to rename, by its old name. Classes with the same new name become one class.
        images: Folder to search for the images. None searches the folders of the sources.
        one_based: Whether whole-number corners are pixels counted from 1, as in PASCAL VOC, and not edges counted from
            0: ``true``, ``false``, or ``auto``, which decides from the files by
            :func:`multibox.annotations.corners.decide`.
        layout: Short name of the layout, such as ``voc``. None means that the layout is recognised from the files.
        split_seed: Random seed for dividing images without a split.
        on_bad: ``fail`` stops at the first damaged image, annotation or box; ``skip`` leaves it out and reports it.
        replace: Whether an existing dataset that has the name ``name`` may be replaced.
        workers: Number of threads. None means one per core.
        progress: Function called after each image with the number of finished images and of all images.

    Returns:
        The report, which is also written as ``build.json`` beside the stores.

    Raises:
        BadInput: If the data or the name is invalid or, with ``fail``, an image or box is bad. Nothing is left on disk.
    """
    started = time.perf_counter()
    # What OpenCV would say of a damaged image, the report says with the file's name.
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    check_new_name(name, replace=replace)
    options: dict[str, Any] = {
        "classes": tuple(classes),
        "splits": tuple(splits),
        "rename": dict(rename or {}),
        "images": images and os.path.abspath(images),
        "one_based": one_based,
        "layout": layout,
        "split_seed": split_seed,
    }
    source = open_source(sources, **{**options, "images": images})
    options["on_bad"] = on_bad
    work = _Work(source, on_bad, workers or cores(), progress or (lambda done, total: None), options)
    return work.build(name, replace=replace, started=started)


@dataclass(frozen=True)
class Checked:
    """An annotated image after verification.

    Attributes:
        record: Record with the image and its good objects. None if the image is left out.
        problems: Problems of the image, its annotation and its objects.
        kept: Indices, in the image's annotation, of the objects that the record keeps.
        clipped: Indices, in the image's annotation, of the kept objects whose boxes were clipped to the image's edge.
    """

    record: Record | None
    problems: tuple[Problem, ...] = ()
    kept: tuple[int, ...] = ()
    clipped: tuple[int, ...] = ()


@np.errstate(over="ignore", invalid="ignore")  # A number that becomes infinite is a bad box, and reported as one.
def check_item(item: Item, labels: dict[str, int]) -> Checked:
    """Read an annotated image, and verify the image and its objects.

    Args:
        item: Image with its unverified annotation.
        labels: Label of each class name.

    Returns:
        The record with the good objects, and the problems of the others.
    """
    found = item.annotation
    if any(readable(name) != str(name) for name in (item.id, item.image)):
        return Checked(None, (Problem("image", readable(item.image), "", "the file's name is not UTF-8 text"),))
    if isinstance(found, Problem):
        return Checked(None, (found,))
    try:
        image = item.image.read_bytes()
        width, height = check_image(image)
    except (OSError, ValueError) as error:
        return Checked(None, (_unread(str(item.image), error),))
    wrong_size = _wrong_size(found, width, height)
    if wrong_size:
        return Checked(None, (Problem("size", found.file, "", wrong_size),))
    boxes = found.boxes * (width, height, width, height) if found.relative else found.boxes
    faults = box_faults(boxes, width, height)
    problems = tuple(_bad_box(found, i, boxes[i], fault) for i, fault in enumerate(faults) if fault)
    inside = clip(boxes, width, height)
    objects = make_objects(inside, [labels[name] for name in found.names], **found.columns)
    good = np.array([not fault for fault in faults], np.bool_)
    beyond = good & (np.abs(inside - boxes) > CLIP_TOLERANCE).any(axis=1)
    if problems:
        objects = objects.keep(good)
    record = Record(item.id, image, width, height, objects, str(item.image), found.extra)
    return Checked(record, problems, tuple(np.flatnonzero(good).tolist()), tuple(np.flatnonzero(beyond).tolist()))


CLIP_TOLERANCE = 1e-3
"""Distance in pixels by which a box may exceed the image's edge as a rounding error, without being counted as
clipped."""


@dataclass
class _Work:
    """State of a build: what is left to do, and what was found so far."""

    source: Source
    on_bad: OnBad
    workers: int
    progress: Progress
    options: dict[str, Any]
    problems: list[Problem] = field(default_factory=list)
    clipped: int = 0
    done: int = 0

    def build(self, name: str, *, replace: bool, started: float) -> BuildReport:
        """Write the stores, the report and the list of the files that they depend on."""
        source, files = self.source, fingerprint(self.source.files)
        with new_dataset(name, replace=replace) as folder:
            counts = {split: self.write(folder, name, split) for split in source.splits}
            report = BuildReport(
                name=name,
                path=str(data_root() / name),
                classes=source.classes,
                splits=counts,
                problems=tuple(self.problems),
                clipped=self.clipped,
                seconds=round(time.perf_counter() - started, 3),
                understood=source.understood,
                notes=source.notes,
                options=self.options,
            )
            (folder / REPORT).write_text(json.dumps(report.to_json(), indent=1), "utf-8")
            (folder / FILES).write_text(json.dumps(files), "utf-8")
        return report

    def write(self, folder: Path, name: str, split: str) -> Counts:
        """Write the store of one split."""
        labels = {name: label for label, name in enumerate(self.source.classes)}
        total = sum(len(items) for items in self.source.splits.values())
        writer = StoreWriter(
            folder / f"{split}{SUFFIX}",
            name=name,
            split=split,
            classes=self.source.classes,
            source=self.source.description,
            category_ids=self.source.category_ids,
        )
        with writer, ThreadPoolExecutor(self.workers) as pool:
            for checked, encoded in in_order(pool, lambda item: _encode(item, labels), self.source.splits[split]):
                self._note(checked)
                if checked.record is not None and encoded is not None:
                    writer.add_encoded(checked.record.id, checked.record.objects.labels, *encoded)
                self.done += 1
                self.progress(self.done, total)
            counts = writer.counts
        if not counts.images:
            raise BadInput(
                split, f"none of the {len(self.source.splits[split]):,} images is usable; {self.problems[-1]}"
            )
        return counts

    def _note(self, checked: Checked) -> None:
        if checked.problems and self.on_bad == "fail":
            problem = checked.problems[0]
            raise BadInput(
                problem.file, f"{problem.what}; correct the data, or leave out what is damaged with on_bad='skip'"
            )
        self.problems += checked.problems
        self.clipped += len(checked.clipped)


Encoded = tuple[bytes, bytes]
In = TypeVar("In")
Out = TypeVar("Out")


def _encode(item: Item, labels: dict[str, int]) -> tuple[Checked, Encoded | None]:
    checked = check_item(item, labels)
    if checked.record is None:
        return checked, None
    without_image = replace(checked.record, image=b"")  # The encoded bytes hold it; twice is too much.
    return replace(checked, record=without_image), encode_record(checked.record)


def in_order(pool: ThreadPoolExecutor, function: Callable[[In], Out], items: Sequence[In]) -> Iterator[Out]:
    """Apply a function to items in threads. Results come in the order of the items, with a bounded number in memory."""
    waiting: deque[Future[list[Out]]] = deque()
    try:
        for first in range(0, len(items), TOGETHER):
            waiting.append(pool.submit(_each, function, items[first : first + TOGETHER]))
            if len(waiting) >= AHEAD:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _each(function: Callable[[In], Out], items: Sequence[In]) -> list[Out]:
    return [function(item) for item in items]


TOGETHER = 4
"""Number of images that a thread takes at a time."""

AHEAD = 8
"""Largest number of batches of :data:`TOGETHER` images that threads may process ahead of the one that is written
next."""


def _wrong_size(found: Annotation, width: int, height: int) -> str:
    if found.size is None or found.size == (width, height):
        return ""
    text = f"gives the image's size as {found.size[0]}x{found.size[1]}, but the upright image is {width}x{height}"
    return text + ("; was the image annotated without its EXIF rotation?" if found.size == (height, width) else "")


def _bad_box(found: Annotation, number: int, box: np.ndarray, fault: str) -> Problem:
    corners = ", ".join("?" if np.isnan(value) else f"{value:g}" for value in box)
    says = NO_BOX if np.isnan(box).all() else f"box [{corners}] {fault}"
    return Problem("box", found.file, found.object_name(number), says, "object left out")


NO_BOX = "has no box, or its values are not numbers with a decimal point"
"""Fault of an object whose box has no corner that is a number."""


def _unread(image: str, error: Exception) -> Problem:
    """Why an image could not be read. A ValueError that is no BadImageError is a name that no file can have."""
    if isinstance(error, BadImageError):
        return Problem("image", image, "", str(error))
    if isinstance(error, FileNotFoundError | NotADirectoryError | ValueError):
        return Problem("missing", image, "", "the image file is missing")
    return Problem("image", image, "", getattr(error, "strerror", None) or "cannot be read")
