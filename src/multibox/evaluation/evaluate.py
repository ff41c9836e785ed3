"""Judge a detector on a store."""

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from multibox.data.record import Record
from multibox.data.store import Store, dataset_splits, open_store
from multibox.detect.ahead import in_batches, in_threads
from multibox.detect.detections import Detections
from multibox.detect.detector import Detector, load
from multibox.errors import BadInput
from multibox.evaluation.coco import map_50_95, save_results
from multibox.evaluation.columns import Found, Truth, found_in, places, truth_of
from multibox.evaluation.devkit import as_written, refuse_other_files, save_devkit
from multibox.evaluation.voc import voc
from multibox.prepare.render import decode

BATCH = 16
"""Images that go through the network together."""

Progress = Callable[[int, int], None]
"""Is told how many of how many images are done."""

DetectAll = Callable[..., Iterable[Detections]]
"""Takes and gives what :func:`detect_all` does."""


@dataclass(frozen=True)
class Evaluation:
    """How good a detector is on a split.

    Attributes:
        map: mean average precision at IoU 0.5, the area under the curve, in [0, 1]; NaN where there is no object.
        map_11point: likewise, as the mean over 11 recalls.
        map_50_95: COCO's mean over overlaps from 0.5 to 0.95.
        ap: of each class, the area under the curve at IoU 0.5; NaN for a class without objects, which no mean counts.
        images: how many were looked at.
        objects: how many were to be found: those neither difficult nor crowds, of the classes judged.
        detections: how many were judged.
        seconds: from the first image to these figures.
        left_out: how many objects there are of each class of the data that the detector does not know; none is judged.
    """

    map: float
    map_11point: float
    map_50_95: float
    ap: dict[str, float]
    images: int
    objects: int
    detections: int
    seconds: float
    left_out: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As values that ``json.dumps`` takes; what is not a number is None."""
        return {
            "map": _or_none(self.map),
            "map_11point": _or_none(self.map_11point),
            "map_50_95": _or_none(self.map_50_95),
            "ap": {name: _or_none(ap) for name, ap in self.ap.items()},
            "images": self.images,
            "objects": self.objects,
            "detections": self.detections,
            "seconds": round(self.seconds, 3),
            "left_out": self.left_out,
        }


def evaluate(
    detector: Detector | str | os.PathLike[str],
    data: str | Store | Sequence[str | Store],
    *,
    batch: int = BATCH,
    strict: bool = False,
    save_detections: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    devices: int = 1,
    detect: DetectAll | None = None,
) -> Evaluation:
    """Detect in every image of a store, and judge what was found.

    Classes are matched by name. Only those that the detector and the data both know are judged; see
    :func:`judged_classes`.

    Args:
        detector: a detector, or a model file.
        data: ``NAME/SPLIT``; or ``NAME``, for its split test, else val; or several, judged as one.
        batch: images that go through the network together; on each device, where there are several.
        strict: judge the numbers as PASCAL's devkit would read them from its files, rounded.
        save_detections: a JSON file to write the detections to, in COCO's format. With ``strict``, the devkit's files
            go to a folder beside it: to ``found-devkit`` for ``found.json``.
        progress: is called after every batch.
        devices: of this machine, to load a model file for.
        detect: how to detect in all images, else :func:`detect_all`; several hosts may share the work.

    Returns:
        the figures.

    Raises:
        BadInput: no such model or store, no class in common, an image that cannot be decoded, or the devkit's folder
            holds other things.
    """
    detector = detector if isinstance(detector, Detector) else load(detector, devices)
    names = [data] if isinstance(data, (str, Store)) else data
    stores = [store if isinstance(store, Store) else open_split(store) for store in names]
    classes = judged_classes(detector.classes, stores)
    devkit = _devkit_folder(save_detections) if save_detections is not None and strict else None
    if devkit is not None:
        refuse_other_files(devkit)  # before the work, not after it

    start = time.perf_counter()
    truth = truth_of(stores, classes)
    detections = (detect or detect_all)(detector, stores, batch=batch, progress=progress)
    found = found_in(detections, relabel=places(detector.classes, classes))
    evaluation = evaluate_detections(truth, found, strict=strict, start=start)
    if save_detections is not None:
        save_results(save_detections, found, coco_image_ids(truth, stores), coco_category_ids(classes, stores))
    if devkit is not None:
        save_devkit(devkit, truth, found, stores[0].meta.split)
    return replace(evaluation, left_out=objects_left_out(classes, stores))


def evaluate_detections(truth: Truth, found: Found, *, strict: bool = False, start: float | None = None) -> Evaluation:
    """Judge detections.

    Args:
        truth: the objects of a split, see :func:`~multibox.evaluation.columns.truth_of`.
        found: the detections, see :func:`~multibox.evaluation.columns.found_in`.
        strict: judge them as PASCAL's devkit would read them from its files.
        start: a time of ``time.perf_counter`` to count the seconds from; without it, now.

    Returns:
        the figures.
    """
    start = time.perf_counter() if start is None else start
    judged = as_written(found) if strict else found
    result = voc(truth, judged)
    return Evaluation(
        map=result.map,
        map_11point=result.map_11point,
        map_50_95=map_50_95(truth, judged),
        ap={name: float(ap) for name, ap in zip(truth.classes, result.ap, strict=True)},
        images=len(truth.image_ids),
        objects=int(truth.counted.sum()),
        detections=len(found),
        seconds=time.perf_counter() - start,
    )


def open_split(data: str) -> Store:
    """Open the store to judge on.

    Args:
        data: ``NAME/SPLIT``; or ``NAME``, for its split test, else val.

    Returns:
        the store.

    Raises:
        BadInput: there is none.
    """
    if "/" in data:
        return open_store(data)
    splits = dataset_splits(data)
    for split in ("test", "val"):
        if split in splits:
            return open_store(f"{data}/{split}")
    if splits:
        raise BadInput(f"{data}: has neither test nor val; name one of its splits: {', '.join(splits)}")
    return open_store(data)  # says which there are


def judged_classes(known: Sequence[str], stores: Sequence[Store]) -> tuple[str, ...]:
    """The classes that a detector and stores have in common, in the detector's order.

    Raises:
        BadInput: there is none.
    """
    there = {name for store in stores for name in store.meta.classes}
    classes = tuple(name for name in known if name in there)
    if not classes:
        stored = ", ".join(f"{store.meta.name}/{store.meta.split}" for store in stores)
        raise BadInput(
            f"{stored}: none of its classes ({', '.join(sorted(there))}) is one of the model's ({', '.join(known)})"
        )
    return classes


def objects_left_out(classes: Sequence[str], stores: Sequence[Store]) -> dict[str, int]:
    """How many objects stores hold of each of their classes that is not judged."""
    counts: dict[str, int] = {}
    for store in stores:
        for name in store.meta.classes:
            if name not in classes:
                counts[name] = counts.get(name, 0) + store.meta.counts.per_class.get(name, 0)
    return counts


def detect_all(
    detector: Detector,
    stores: Sequence[Store],
    *,
    batch: int = BATCH,
    only: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> Iterator[Detections]:
    """Detect in every image of stores, at the score that evaluation asks for.

    Args:
        detector: the detector.
        stores: the images.
        batch: images that go through the network together; on each device, where there are several.
        only: the places of the images to take, counted over all stores; None: all.
        progress: is called after every batch.

    Yields:
        the detections of each image, in order.
    """
    places = [(store, i) for store in stores for i in range(len(store))]
    chosen = places if only is None else [places[k] for k in only]
    total, done = len(chosen), 0
    batch *= getattr(detector.runtime, "devices", 1)
    records = (store[i] for store, i in chosen)
    prepared = in_threads(lambda record: detector.prepare(_pixels(record)), records, ahead=2 * batch)
    for images in in_batches(prepared, batch):
        yield from detector.detect(images)
        done += len(images)
        if progress:
            progress(done, total)


def coco_image_ids(truth: Truth, stores: Sequence[Store]) -> list[int | str]:
    """What each image is called in COCO's files: its number there if it has one, else its id."""
    if len(stores) > 1:
        return list(truth.image_ids)
    return [int(name) if name.isdecimal() and str(int(name)) == name else name for name in truth.image_ids]


def coco_category_ids(classes: Sequence[str], stores: Sequence[Store]) -> list[int]:
    """What each class is called in COCO's files: as the first store that has it says."""
    ids: dict[str, int] = {}
    for store in stores:
        for name, number in zip(store.meta.classes, store.meta.category_ids, strict=True):
            ids.setdefault(name, number)
    return [ids[name] for name in classes]


def _devkit_folder(save_detections: str | os.PathLike[str]) -> Path:
    path = Path(save_detections)
    return path.with_name(f"{path.stem}-devkit")


def _pixels(record: Record) -> Any:
    return decode(record.image, record.source or record.id)


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
