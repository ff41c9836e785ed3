"""The stores that a run reads. If the data is a folder or file, its stores are built first where necessary."""

import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from multibox.config import Config
from multibox.data.build import BuildReport, OnBad, build
from multibox.data.open import has_changed
from multibox.data.store import Store, data_root, dataset_splits, list_datasets, open_store, some_of
from multibox.data.store_writer import holds_only_stores
from multibox.errors import BadInput
from multibox.progress import Progress

OnBuild = Callable[[BuildReport], Any]
"""Function that is called with the report of a build."""

log = logging.getLogger(__name__)


def find_data(
    data: str, on_bad: OnBad, progress: Progress | None = None, on_build: OnBuild | None = None
) -> dict[str, list[str]]:
    """Find the splits of a dataset to train on and to validate on.

    Args:
        data: Name of a dataset, or path of a folder or file of annotated images. For a path, stores are built, and
            rebuilt when its files have changed.
        on_bad: Treatment of damaged images and boxes during a build: ``fail`` stops the build, ``skip`` leaves them
            out.
        progress: Function to call after each image of a build, with the number of images done and of all images.
        on_build: Function to call with the report of a build. None logs the report.

    Returns:
        Store names for the configuration fields ``data.train`` and ``data.val``, by field name.

    Raises:
        BadInput: If the data does not exist, has no split to train on, or its name belongs to another dataset.
    """
    name = _stores_of(Path(data), on_bad, progress, on_build) if Path(data).exists() else str(Path(data))
    splits = dataset_splits(name)
    if not splits:
        raise BadInput(data, f"no such folder, nor a dataset in {data_root()} ({some_of(list_datasets())})")
    if "train" not in splits and "trainval" not in splits:
        raise BadInput(name, f"has no split train or trainval but {', '.join(splits)}; set data.train=[NAME/SPLIT]")
    train = "train" if "train" in splits else "trainval"
    return {"data.train": [f"{name}/{train}"], "data.val": [f"{name}/val"] if "val" in splits else []}


def _stores_of(path: Path, on_bad: OnBad, progress: Progress | None, on_build: OnBuild | None) -> str:
    """Name of the dataset built from a folder or file. It is built if it is missing or older than the files."""
    name = _dataset_name(path)
    splits = dataset_splits(name)
    meta = open_store(f"{name}/{splits[0]}").meta if splits else None
    if meta and Path(meta.source).resolve() != path.resolve():
        raise BadInput(
            path,
            f"a dataset {name} exists, built from {meta.source}; to train on that dataset, set "
            f"data.train=[{name}/SPLIT] alone, or build a dataset of another name from this folder or file",
        )
    if meta is None or has_changed(path, data_root() / name):
        log.info("building %s; to read the data in another way, build it first with 'multibox data build'", name)
        report = build([path.resolve()], name, on_bad=on_bad, replace=meta is not None, progress=progress)
        (on_build or _log_build)(report)
    return name


def _log_build(report: BuildReport) -> None:
    log.info("%s: built in %.1f s", report.path, report.seconds)
    if report.problems:
        log.warning(
            "%s: %d damaged images or boxes were left out; build.json lists them", report.path, len(report.problems)
        )


def _dataset_name(path: Path) -> str:
    """The name of a folder, changed to a valid name of a dataset."""
    name = re.sub(r"[^A-Za-z0-9_]+", "-", path.resolve().stem).strip("-") or "dataset"
    taken = data_root() / name
    is_dataset = not taken.exists() or holds_only_stores(taken)
    return name if is_dataset else f"{name}-stores"  # The images themselves may lie where the stores would.


def open_stores(names: Sequence[str]) -> list[Store]:
    """Open stores by their names, such as ``voc2007/train``."""
    return [open_store(name) for name in names]


def all_classes(config: Config, stores: Sequence[Store]) -> tuple[str, ...]:
    """Class names of a run: the configured ones, else all names of the stores in order of first appearance."""
    return config.data.classes or tuple(dict.fromkeys(name for store in stores for name in store.meta.classes))
