"""The stores that a run reads. If the data is a folder or file, its stores are built first where necessary."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from multibox.config import Config
from multibox.data.build import BuildReport, OnBad, build
from multibox.data.open import build_options, has_changed, look_up, stored_at, without_slash
from multibox.data.store import Store, class_names, data_root, dataset_splits, list_datasets, open_store, some_of
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
        data: Name of a dataset, or path of its stores or of a folder or file of annotated images. A folder or file
            without stores is built first. If its files have changed since, it is built again with the same options.
        on_bad: Treatment of damaged images and boxes during a build: ``fail`` stops the build, ``skip`` leaves them
            out.
        progress: Function to call after each image of a build, with the number of images done and of all images.
        on_build: Function to call with the report of a build. None logs the report.

    Returns:
        Store names for the configuration fields ``data.train`` and ``data.val``, by field name.

    Raises:
        BadInput: If the data does not exist, has no split to train on, or its name belongs to another dataset.
    """
    name = _stores_of(data, on_bad, progress, on_build)
    splits = dataset_splits(name)
    if not splits:
        raise BadInput(data, f"no such folder, nor a dataset in {data_root()} ({some_of(list_datasets())})")
    if "train" not in splits and "trainval" not in splits:
        raise BadInput(name, f"has no split train or trainval, only {', '.join(splits)}; set data.train=[NAME/SPLIT]")
    train = "train" if "train" in splits else "trainval"
    return {"data.train": [f"{name}/{train}"], "data.val": [f"{name}/val"] if "val" in splits else []}


def _stores_of(data: str, on_bad: OnBad, progress: Progress | None, on_build: OnBuild | None) -> str:
    """Name of the dataset that a name or path means. It is built if it is missing or its files have changed."""
    path, found = Path(data), look_up(data)
    if found is not None and "/" in found.name and (stored_at(path) is not None or not path.exists()):
        raise BadInput(
            data, f"is a single split and not a dataset; set data.train=[{found.name}] to train on that split alone"
        )
    if found is None or "/" in found.name:
        return _build(path, on_bad, progress, on_build) if path.exists() else without_slash(data)
    if found.source is None:
        _refuse_other_folder(found.name, path)
    elif has_changed(found.name, found.source) is not False:
        _build_again(found.name, found.source, on_bad, progress, on_build)
    elif found.name != without_slash(data):
        log.info("%s, built from %s", found.name, found.source)
    return found.name


def _build(path: Path, on_bad: OnBad, progress: Progress | None, on_build: OnBuild | None) -> str:
    """Build a new dataset from a folder or file, and give its name."""
    name = _dataset_name(path)
    _refuse_other_folder(name, path)
    log.info("building %s; to read the data in another way, build it first with 'multibox data build'", name)
    (on_build or _log_build)(build([path.resolve()], name, on_bad=on_bad, progress=progress))
    return name


def _refuse_other_folder(name: str, path: Path) -> None:
    """Refuse a folder or file that is called as a dataset of another one."""
    splits = dataset_splits(name)
    if splits and path.exists() and stored_at(path) is None:
        raise BadInput(
            path,
            f"a dataset {name} exists, built from {open_store(f'{name}/{splits[0]}').meta.source}; to train on that "
            f"dataset, set data.train=[{name}/SPLIT] alone, or build a dataset of another name from this folder or "
            "file",
        )


def _build_again(name: str, path: Path, on_bad: OnBad, progress: Progress | None, on_build: OnBuild | None) -> None:
    """Build a dataset again from its changed files, with the options that it was built with."""
    options = build_options(name)
    if options is None:
        log.warning(
            "building %s again without options, because the older version of Multibox that built it did not record "
            "them; if it needs any, build it with 'multibox data build'",
            name,
        )
    else:
        said = " ".join(_settings(options))
        end = f", with the same options as before: {said}; use 'multibox data build' to change them" if said else ""
        log.info("building %s again, as its files have changed%s", name, end)
    both = {**(options or {}), **({"on_bad": on_bad} if on_bad != "fail" else {})}
    (on_build or _log_build)(build([path.resolve()], name, **both, replace=True, progress=progress))


def _settings(options: Mapping[str, Any]) -> Iterator[str]:
    """The options of a build that are not the default, each as the setting of a parameter."""
    for name, value in options.items():
        if value and (name, value) not in (("one_based", "auto"), ("on_bad", "fail")):
            words = [f"{old}={new}" for old, new in value.items()] if isinstance(value, Mapping) else value
            yield f'{name}="{",".join(words) if isinstance(words, list) else words}"'


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
    return config.data.classes or class_names(stores)
