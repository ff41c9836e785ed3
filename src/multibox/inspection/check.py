"""The check of a dataset before anything trains on it: images, objects, splits, classes, priors."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from cv2.utils import logging

from multibox.config import Config, Priors
from multibox.data.build import in_order
from multibox.data.check import Problem
from multibox.data.open import open_stores
from multibox.data.source import Source, read_source
from multibox.data.store import REPORT, Store, dataset_splits, list_stores
from multibox.data.store_writer import holds_only_stores
from multibox.data.voc import OneBased
from multibox.errors import BadInput
from multibox.inspection.across import in_two_splits, spellings, uneven_classes, unused_pictures
from multibox.inspection.coverage import Coverage, measure_coverage
from multibox.inspection.finding import Finding
from multibox.inspection.look import Look, look_at_item, look_at_record
from multibox.inspection.propose import propose_priors
from multibox.progress import Progress


@dataclass(frozen=True)
class Fit:
    """How well priors suit the objects of the training split.

    Attributes:
        split: Split whose objects they are.
        coverage: Coverage by the configuration's priors.
        proposal: Priors proposed for these objects. None without objects.
        proposed: Coverage by the proposed priors. None without objects.
        boxes_rel: ``(N, 4)`` the objects, relative to the network's input.
    """

    split: str
    coverage: Coverage
    proposal: Priors | None
    proposed: Coverage | None
    boxes_rel: np.ndarray

    @property
    def is_better(self) -> bool:
        """Whether the proposal overlaps the objects better, and misses no more of them."""
        if self.proposed is None:
            return False
        old, new = self.coverage.all, self.proposed.all
        return new.mean > old.mean + 0.005 and new.unreached <= old.unreached + 0.005


@dataclass(frozen=True)
class Checkup:
    """Result of a check.

    Attributes:
        target: Name or path of the dataset.
        classes: Class names in the order of their labels.
        images: Number of images in each split.
        objects: Numbers of objects of each class, by split, that training or validation would use.
        findings: All findings.
        fit: How well the priors fit.
    """

    target: str
    classes: tuple[str, ...]
    images: dict[str, int]
    objects: dict[str, dict[str, int]]
    findings: tuple[Finding, ...]
    fit: Fit

    @property
    def stops(self) -> int:
        """Number of findings that stop a build."""
        return sum(finding.stops for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """The check as JSON-able values."""
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
            "problems": [asdict(finding) for finding in self.findings],
            "prior_coverage": {
                "split": self.fit.split,
                **self.fit.coverage.to_json(),
                "proposal": proposal and {"sizes": proposal.sizes, "ratios": proposal.ratios},
                "proposed": proposed and proposed.to_json(),
            },
        }


def check(
    target: str | Path,
    config: Config,
    *,
    classes: Sequence[str] = (),
    images: str | Path | None = None,
    one_based: OneBased = "auto",
    workers: int | None = None,
    progress: Progress | None = None,
) -> Checkup:
    """Check a dataset before training on it.

    Args:
        target: ``NAME`` or ``NAME/SPLIT`` of stores; or a file or folder as a build takes it.
        config: Configuration of the run. The network's input decides what is tiny, and its priors decide the coverage.
        classes: Class names in the order of their labels, for a file or folder. Empty takes the configuration's, else
            the data's.
        images: Folder of the images, for a file or folder, if it is not the layout's usual one.
        one_based: Whether VOC coordinates start at 1, as :func:`multibox.data.voc.read_voc` takes it.
        workers: Number of threads. None suits the cores.
        progress: Function called with the number of images done and in all.

    Returns:
        The result.

    Raises:
        BadInput: If there is no such data, or no reader can read its annotations.
    """
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    told = progress or (lambda done, total: None)
    is_dataset = bool(dataset_splits(str(target).partition("/")[0]))
    if Path(target).exists() and not (is_dataset and holds_only_stores(Path(target))):
        source = read_source(
            [target], classes=tuple(classes) or config.data.classes, images=images, one_based=one_based
        )
        looks = _look_at_source(source, config, workers, told)
        return _sum_up(str(target), source.classes, looks, [*unused_pictures(source), *spellings(source)], config)
    if not is_dataset:
        known = ", ".join(sorted({store.partition("/")[0] for store in list_stores()})) or "none yet"
        raise BadInput(target, f"no such file or folder, nor a dataset with stores; there are: {known}")
    stores = open_stores(str(target))
    looks = _look_at_stores(stores, config, workers, told)
    return _sum_up(str(target), stores[0].meta.classes, looks, [] if "/" in str(target) else _left_out(stores), config)


def _left_out(stores: Sequence[Store]) -> list[Finding]:
    """Findings about what the build of a dataset left out."""
    report = stores[0].path.parent / REPORT
    if not report.is_file():
        return []
    try:
        problems = [Problem(**problem) for problem in json.loads(report.read_text("utf-8"))["problems"]]
    except (ValueError, TypeError, KeyError):
        raise BadInput(report, "is no report of a build; build the dataset again, or remove the file") from None
    return [
        Finding(**{**asdict(problem), "action": f"{problem.action} when the stores were built"}) for problem in problems
    ]


def _look_at_source(source: Source, config: Config, workers: int | None, told: Progress) -> dict[str, list[Look]]:
    jobs: Jobs = {
        split: [partial(look_at_item, item, source.classes, config) for item in items]
        for split, items in source.splits.items()
    }
    return _look(jobs, workers, told)


def _look_at_stores(
    stores: Sequence[Store], config: Config, workers: int | None, told: Progress
) -> dict[str, list[Look]]:
    def look(store: Store, position: int) -> Look:
        return look_at_record(store[position], store.meta.classes, config)

    jobs: Jobs = {store.meta.split: [partial(look, store, i) for i in range(len(store))] for store in stores}
    return _look(jobs, workers, told)


Jobs = dict[str, list[Callable[[], Look]]]
"""By split, what looks at each image."""


def _look(jobs: Jobs, workers: int | None, told: Progress) -> dict[str, list[Look]]:
    total = sum(len(images) for images in jobs.values())
    looks: dict[str, list[Look]] = defaultdict(list)
    done = 0
    with ThreadPoolExecutor(workers) as pool:
        for split, images in jobs.items():
            for look in in_order(pool, lambda job: job(), images):
                looks[split].append(look)
                done += 1
                told(done, total)
    return dict(looks)


def _sum_up(
    target: str, classes: tuple[str, ...], looks: dict[str, list[Look]], more: Iterable[Finding], config: Config
) -> Checkup:
    objects = {split: _count(found, classes) for split, found in looks.items()}
    training = next((split for split in ("train", "trainval") if split in looks), next(iter(looks)))
    findings = [finding for found in looks.values() for look in found for finding in look.findings]
    findings += [*in_two_splits(looks), *uneven_classes(objects, training), *more]
    images = {split: len(found) for split, found in looks.items()}
    return Checkup(target, classes, images, objects, tuple(findings), _fit(looks[training], training, classes, config))


def _count(looks: Sequence[Look], classes: Sequence[str]) -> dict[str, int]:
    counts = np.zeros(len(classes), np.int64)
    for look in looks:
        if look.objects is not None:
            counts += np.bincount(look.objects.labels, minlength=len(classes))
    return dict(zip(classes, counts.tolist(), strict=True))


def _fit(looks: Sequence[Look], split: str, classes: Sequence[str], config: Config) -> Fit:
    boxes = [look.boxes_rel for look in looks if look.boxes_rel is not None]
    boxes_rel = np.concatenate([np.empty((0, 4), np.float32), *boxes])
    labels = np.concatenate([np.empty(0, np.int64), *(look.objects.labels for look in looks if look.objects)])
    coverage = measure_coverage(boxes_rel, labels, classes, config)
    if not len(boxes_rel):
        return Fit(split, coverage, None, None, boxes_rel)
    proposal = propose_priors(boxes_rel, config)
    other = config.model_copy(update={"priors": proposal})
    return Fit(split, coverage, proposal, measure_coverage(boxes_rel, labels, classes, other), boxes_rel)
