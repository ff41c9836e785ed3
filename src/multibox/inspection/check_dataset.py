"""Check a dataset before training on it: images, objects, splits, classes and priors."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from cv2.utils import logging

from multibox.annotations.corners import OneBased
from multibox.annotations.problem import Problem
from multibox.config import Config, Priors
from multibox.data.build import in_order
from multibox.data.open import open_stores, stored_at, without_slash
from multibox.data.presence import presence_of
from multibox.data.source import Source, read_source
from multibox.data.store import REPORT, Store, dataset_splits, list_datasets, some_of
from multibox.errors import BadInput
from multibox.inspection.class_balance import ClassBalance, balance_of
from multibox.inspection.coverage import Coverage, measure_coverage
from multibox.inspection.dataset_findings import (
    in_two_splits,
    spelled_twice,
    uneven_classes,
    unused_files,
    useless_splits,
)
from multibox.inspection.finding import Finding
from multibox.inspection.inspect_image import InspectedImage, inspect_item, inspect_record
from multibox.inspection.propose_priors import propose_priors
from multibox.prepare.joined import JoinedStores
from multibox.prepare.tile_size import settle_tiles
from multibox.progress import Progress


@dataclass(frozen=True)
class PriorFit:
    """How well priors fit the objects of the training split.

    Attributes:
        split: Name of the training split.
        coverage: Overlap statistics of the configured priors with the objects of the split.
        proposal: Priors proposed for the objects of the split. None if the split has no objects.
        proposed: Overlap statistics of the proposed priors with the objects of the split. None if the split has no
            objects.
        boxes_rel: ``(N, 4)`` corners x0, y0, x1, y1 of the objects, relative to the network's input.
    """

    split: str
    coverage: Coverage
    proposal: Priors | None
    proposed: Coverage | None
    boxes_rel: np.ndarray

    @property
    def is_better(self) -> bool:
        """Whether the proposed priors have a higher mean best IoU than the configured, and reach no fewer objects."""
        if self.proposed is None:
            return False
        old, new = self.coverage.all, self.proposed.all
        return new.mean > old.mean + 0.005 and new.unreached <= old.unreached + 0.005


@dataclass(frozen=True)
class Checkup:
    """The result of a dataset check.

    Attributes:
        target: Name or path of the dataset that was checked.
        classes: Class names. A class's position in this list is its label, from 0.
        images: Number of images in each split.
        objects: Number of objects of each class in each split. Objects that are used neither in training nor in
            evaluation are not counted.
        findings: All findings about the dataset.
        fit: How well the priors fit the objects of the split for training.
        balance: What ``data.balance`` would do for the rare classes of the split for training. None if no class is
            rare, or with ``data.tiles``.
    """

    target: str
    classes: tuple[str, ...]
    images: dict[str, int]
    objects: dict[str, dict[str, int]]
    findings: tuple[Finding, ...]
    fit: PriorFit
    balance: ClassBalance | None = None

    @property
    def stops(self) -> int:
        """Number of findings that would make a build fail."""
        return sum(finding.stops for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """The result of the check as values for ``json.dumps``."""
        proposal, proposed = self.fit.proposal, self.fit.proposed
        return {
            "target": self.target,
            "classes": self.classes,
            "images": sum(self.images.values()),
            "objects": sum(sum(counts.values()) for counts in self.objects.values()),
            "splits": {
                split: {"images": images, "per_class": self.objects[split]} for split, images in self.images.items()
            },
            "stops": self.stops,
            "balance": self.balance and self.balance.to_json(),
            "problems": [asdict(finding) for finding in self.findings],
            "prior_coverage": {
                "split": self.fit.split,
                **self.fit.coverage.to_json(),
                "proposal": proposal and {"sizes": proposal.sizes, "ratios": proposal.ratios},
                "proposed": proposed and proposed.to_json(),
            },
        }


def check_dataset(
    target: str | Path,
    config: Config,
    *,
    classes: Sequence[str] = (),
    images: str | Path | None = None,
    one_based: OneBased = "auto",
    layout: str | None = None,
    rename: Mapping[str, str] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Checkup:
    """Check a dataset before training on it.

    Args:
        target: Name of a built dataset, ``NAME`` or ``NAME/SPLIT``, or path of a file or folder of annotated images.
        config: Configuration of the run. Its input size decides which objects are tiny, and its priors decide which
            objects are reached.
        classes: Class names in the order of their labels, for a file or folder. If empty, the configuration's classes
            are used, or else the dataset's.
        images: Folder to search for the images. None searches the folders of the target.
        one_based: Whether box corners given in whole pixels count the pixels from 1, as in PASCAL VOC. ``auto`` decides
            from the files.
        layout: Short name of the annotation layout, such as ``voc``. None recognises the layout from the files.
        rename: New name of each class to rename, by its old name, for a file or folder. Classes with the same new name
            become one class.
        workers: Number of threads. None chooses a number that suits the processor.
        progress: Function to call after each image, with the number of finished images and of all images.

    Returns:
        Findings about the dataset, and how well the priors fit its objects.

    Raises:
        BadInput: There is no such dataset, or no reader can read its annotations.
    """
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    report = progress or (lambda done, total: None)
    options: dict[str, Any] = {
        "classes": tuple(classes),
        "images": images,
        "one_based": one_based,
        "layout": layout,
        "rename": rename or {},
    }
    stored = stored_at(Path(target))
    if stored is None and Path(target).exists():
        _refuse_auto(config)
        source = read_source([target], **{**options, "classes": options["classes"] or config.data.classes})
        inspected = _inspect_source(source, config, workers, report)
        more = list(unused_files(source))
        return _sum_up(str(target), source.classes, inspected, more, config)
    name = stored or without_slash(str(target))
    if not dataset_splits(name.partition("/")[0]):
        raise BadInput(target, f"no such file, folder or built dataset; built datasets: {some_of(list_datasets())}")
    _refuse_options(name, options)
    stores = open_stores(name)
    config = _settled(config, stores)
    inspected = _inspect_stores(stores, config, workers, report)
    more = [] if "/" in name else _left_out(stores)
    return _sum_up(str(target), stores[0].meta.classes, inspected, more, config)


def _refuse_auto(config: Config) -> None:
    if config.data.tiles == "auto":
        raise BadInput("data.tiles", "auto needs a built dataset; build it first, or give a side in pixels")


def _settled(config: Config, stores: Sequence[Store]) -> Config:
    """The configuration with the size of tiles that a run on the split for training would choose."""
    split = _training_split([store.meta.split for store in stores])
    own = [store for store in stores if store.meta.split == split]
    return settle_tiles(JoinedStores(own, own[0].meta.classes), config) if config.data.tiles == "auto" else config


def _training_split(splits: Sequence[str]) -> str:
    """The split for training: ``train``, else ``trainval``, else the first one."""
    return next((split for split in ("train", "trainval") if split in splits), splits[0])


def _refuse_options(name: str, options: Mapping[str, Any]) -> None:
    """Refuse options that say how to read files, as a dataset that was built is not read from its files."""
    for option, value in options.items():
        if value and (option, value) != ("one_based", "auto"):
            raise BadInput(
                option,
                f"only applies to a folder or file, but {name} is a built dataset; check the folder or file that it "
                "was built from, or leave the option out",
            )


def _left_out(stores: Sequence[Store]) -> list[Finding]:
    """Findings about the images and objects that the build of a dataset left out."""
    report = stores[0].path.parent / REPORT
    if not report.is_file():
        return []
    try:
        problems = [Problem(**problem) for problem in json.loads(report.read_text("utf-8"))["problems"]]
    except (ValueError, TypeError, KeyError):
        raise BadInput(report, "is not the report of a build; build the dataset again, or remove the file") from None
    return [
        Finding(**{**asdict(problem), "action": f"{problem.action} when the dataset was built"}) for problem in problems
    ]


Inspected = dict[str, list[InspectedImage]]
"""Inspected images of each split, by the split's name."""

Jobs = dict[str, list[Callable[[], InspectedImage]]]
"""Functions of each split that each inspect one image, by the split's name."""


def _inspect_source(source: Source, config: Config, workers: int | None, report: Progress) -> Inspected:
    jobs: Jobs = {
        split: [partial(inspect_item, item, source.classes, config) for item in items]
        for split, items in source.splits.items()
    }
    return _run(jobs, workers, report)


def _inspect_stores(stores: Sequence[Store], config: Config, workers: int | None, report: Progress) -> Inspected:
    def inspect(store: Store, position: int) -> InspectedImage:
        return inspect_record(store[position], store.meta.classes, config)

    jobs: Jobs = {store.meta.split: [partial(inspect, store, i) for i in range(len(store))] for store in stores}
    return _run(jobs, workers, report)


def _run(jobs: Jobs, workers: int | None, report: Progress) -> Inspected:
    total = sum(len(images) for images in jobs.values())
    inspected: Inspected = defaultdict(list)
    done = 0
    with ThreadPoolExecutor(workers) as pool:
        for split, images in jobs.items():
            for image in in_order(pool, lambda job: job(), images):
                inspected[split].append(image)
                done += 1
                report(done, total)
    return dict(inspected)


def _sum_up(
    target: str, classes: tuple[str, ...], inspected: Inspected, more: Iterable[Finding], config: Config
) -> Checkup:
    objects = {split: _count(images, classes) for split, images in inspected.items()}
    training = _training_split([*inspected])
    used = [image.objects for image in inspected[training] if image.objects is not None]
    presence = presence_of([each.labels for each in used], classes)
    findings = [finding for images in inspected.values() for image in images for finding in image.findings]
    findings += [
        *in_two_splits(inspected),
        *useless_splits(inspected, training),
        *uneven_classes(objects, training, presence, may_balance=config.data.tiles == "none"),
        *spelled_twice(objects, target),
        *more,
    ]
    counts = {split: len(images) for split, images in inspected.items()}
    fit = _fit(inspected[training], training, classes, config)
    balance = balance_of(presence, config.data.balance) if config.data.tiles == "none" else None
    return Checkup(target, classes, counts, objects, tuple(findings), fit, balance)


def _count(images: Sequence[InspectedImage], classes: Sequence[str]) -> dict[str, int]:
    counts = np.zeros(len(classes), np.int64)
    for image in images:
        if image.objects is not None:
            counts += np.bincount(image.objects.labels, minlength=len(classes))
    return dict(zip(classes, counts.tolist(), strict=True))


def _fit(images: Sequence[InspectedImage], split: str, classes: Sequence[str], config: Config) -> PriorFit:
    boxes = [image.boxes_rel for image in images if image.boxes_rel is not None]
    boxes_rel = np.concatenate([np.empty((0, 4), np.float32), *boxes])
    labels = np.concatenate([np.empty(0, np.int64), *(image.objects.labels for image in images if image.objects)])
    coverage = measure_coverage(boxes_rel, labels, classes, config)
    if not len(boxes_rel):
        return PriorFit(split, coverage, None, None, boxes_rel)
    proposal = propose_priors(boxes_rel, config)
    other = config.model_copy(update={"priors": proposal})
    return PriorFit(split, coverage, proposal, measure_coverage(boxes_rel, labels, classes, other), boxes_rel)
