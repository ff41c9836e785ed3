"""Judge a detector on a store."""

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from multibox.data.store import Store
from multibox.detect.detections import Detections
from multibox.detect.detector import Detector
from multibox.detect.in_batches import in_batches
from multibox.detect.in_threads import in_threads
from multibox.errors import BadInput
from multibox.evaluation.candidates import Model, classes_judged, found_by, name_of, open_rival, open_source
from multibox.evaluation.coco import CocoResult, coco
from multibox.evaluation.columns import Found, Truth, truth_of
from multibox.evaluation.compare import compare as compare_figures
from multibox.evaluation.devkit import as_written, refuse_other_files, save_devkit
from multibox.evaluation.figures import Figures, measure
from multibox.evaluation.report import REPORT, Subject, write_report
from multibox.evaluation.results import save_results
from multibox.evaluation.save_thresholds import file_for_thresholds
from multibox.evaluation.save_thresholds import save_thresholds as write_thresholds
from multibox.evaluation.test_set import Split, objects_left_out, open_split, pixels_of
from multibox.evaluation.voc import VocResult, voc
from multibox.progress import Progress
from multibox.writing import check_folder

BATCH = 16
"""Images that go through the network together."""

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
    detector: Model,
    data: str | Store | Sequence[str | Store],
    *,
    batch: int = BATCH,
    strict: bool = False,
    save_detections: str | os.PathLike[str] | None = None,
    report: str | os.PathLike[str] | None = None,
    compare: Model | None = None,
    save_thresholds: bool = False,
    progress: Progress | None = None,
    detect: DetectAll | None = None,
    **loading: Any,
) -> Evaluation:
    """Detect in every image of a store, and judge what was found.

    Classes are matched by name. Only those that the detector and the data both know are judged; see
    :func:`~multibox.evaluation.test_set.judged_classes`.

    Args:
        detector: a detector, a model file, or a ``.json`` file of detections in COCO's results format.
        data: ``NAME/SPLIT``; or ``NAME``, for its split test, else val; or several, judged as one.
        batch: images that go through the network together; on each device, where there are several.
        strict: judge the numbers as PASCAL's devkit would read them from its files, rounded.
        save_detections: a JSON file to write the detections to, in COCO's format. With ``strict``, the devkit's files
            go to a folder beside it: to ``found-devkit`` for ``found.json``.
        report: a folder for a page that says more, see :mod:`multibox.evaluation.report`.
        compare: another detector, model file or file of detections, to hold this one against in the report.
        save_thresholds: write the threshold with the best F1 of each class into the model file.
        progress: is called after every batch.
        detect: how to detect in all images, else :func:`detect_all`; several hosts may share the work.
        loading: how to load a model file, such as ``devices=2``: see :func:`multibox.detect.load.load`.

    Returns:
        the figures.

    Raises:
        BadInput: no such model or store, no class in common, an image that cannot be decoded, a folder to write to
            holds other things, or the thresholds have no place in the model.
    """
    devkit = _devkit_folder(save_detections) if save_detections is not None and strict else None
    model_file = file_for_thresholds(detector) if save_thresholds else None
    _refuse_before_the_work(devkit, report, compare)
    source = open_source(detector, **loading)
    names = [data] if isinstance(data, (str, Store)) else data
    stores = tuple(store if isinstance(store, Store) else open_split(store) for store in names)
    classes = classes_judged(source, stores)
    left_out = objects_left_out(classes, stores)
    rival = None if compare is None else open_rival(compare, classes, **loading)

    start = time.perf_counter()
    split = Split(stores, truth_of(stores, classes))
    find = partial(found_by, split=split, detect=partial(detect or detect_all, batch=batch, progress=progress))

    def figures_of(found: Found) -> Figures:
        return measure(split.truth, as_written(found) if strict else found)

    found = find(source)
    if report is None and model_file is None:
        figures, evaluation = None, evaluate_detections(split.truth, found, strict=strict, start=start)
    else:
        figures = figures_of(found)
        evaluation = _summed_up(split.truth, figures.voc, figures.coco, len(found), start)
    if save_detections is not None:
        save_results(save_detections, found, split.image_ids, split.category_ids)
    if devkit is not None:
        save_devkit(devkit, split.truth, found, stores[0].meta.split)
    if figures is not None and report is not None:
        comparison = None if rival is None else compare_figures(figures, figures_of(find(rival.source)), rival.name)
        write_report(report, Subject(name_of(detector), split.name, left_out), figures, split.pixels, comparison)
    if figures is not None and model_file is not None:
        write_thresholds(model_file, figures.thresholds)
    return replace(evaluation, left_out=left_out)


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
    return _summed_up(truth, voc(truth, judged), coco(truth, judged), len(found), start)


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
    batch *= detector.runtime.devices
    records = (store[i] for store, i in chosen)
    prepared = in_threads(lambda record: detector.prepare(pixels_of(record)), records, ahead=2 * batch)
    for images in in_batches(prepared, batch):
        yield from detector.detect(images)
        done += len(images)
        if progress:
            progress(done, total)


def _summed_up(truth: Truth, by_voc: VocResult, by_coco: CocoResult, detections: int, start: float) -> Evaluation:
    return Evaluation(
        map=by_voc.map,
        map_11point=by_voc.map_11point,
        map_50_95=by_coco.map_50_95,
        ap={name: float(ap) for name, ap in zip(truth.classes, by_voc.ap, strict=True)},
        images=len(truth.image_ids),
        objects=int(truth.counted.sum()),
        detections=detections,
        seconds=time.perf_counter() - start,
    )


def _refuse_before_the_work(devkit: Path | None, report: str | os.PathLike[str] | None, compare: Model | None) -> None:
    """Refuse what could not be written after it."""
    if devkit is not None:
        refuse_other_files(devkit)
    if report is not None:
        check_folder(report, REPORT)
    if compare is not None and report is None:
        raise BadInput("compare", "says what it finds in a report; name its folder with --report DIR")


def _devkit_folder(save_detections: str | os.PathLike[str]) -> Path:
    path = Path(save_detections)
    return path.with_name(f"{path.stem}-devkit")


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
