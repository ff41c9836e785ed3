"""Folds: a dataset in parts, so that each part can be judged by a detector that was trained on the others."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from multibox.config_file import load_config, parse_overrides
from multibox.data.look_alikes import group_alike
from multibox.data.record import Record
from multibox.data.rewrite import write_splits
from multibox.data.split import deal, look_at_records
from multibox.data.store import REPORT, Store, data_root, dataset_splits, open_store
from multibox.errors import BadInput
from multibox.progress import Progress

FOLDS: Final = 3


def divide(
    stores: Sequence[Store],
    folds: int = FOLDS,
    *,
    seed: int = 0,
    resume: bool = False,
    progress: Progress | None = None,
) -> list[Store]:
    """Divide all images of a dataset into folds, and write them as the dataset ``NAME-folds``.

    Each class is divided evenly, and look-alike images stay in one fold. Otherwise a detector could have seen nearly
    the image, with the same mistake in its label, that it is to judge. If there are several stores, every id is
    prefixed with the name of its split.

    Args:
        stores: Stores of one dataset.
        folds: Number of folds, at least 2.
        seed: Random seed. The same seed, images and number of folds give the same folds.
        resume: Whether to use folds that exist and were made of the same data in the same way.
        progress: Function called with the number of finished images and of all images.

    Returns:
        The stores of the folds: ``NAME-folds/fold1`` and so on.

    Raises:
        BadInput: If there are too few images, an image is damaged, or the dataset ``NAME-folds`` exists and ``resume``
            is not set or does not fit.
    """
    if folds < 2:
        raise BadInput("folds", f"{folds}: needs at least 2, so that each fold is judged by what the others teach")
    name = f"{stores[0].meta.name}-folds"
    about = {"folds": folds, "seed": seed, "digests": [store.meta.digest for store in stores]}
    if dataset_splits(name):
        return _same_folds(name, about, resume=resume)
    places = [(store, i) for store in stores for i in range(len(store))]
    looks, present = look_at_records(places, len(stores[0].meta.classes), progress or (lambda done, total: None))
    chosen = deal(present, group_alike(looks), (1 / folds,) * folds, np.random.default_rng(seed))
    if len(np.unique(chosen)) < folds:
        raise BadInput(
            "folds",
            f"{folds}: the {len(places):,} images are too few or too alike for so many; take fewer folds, or give a "
            "model",
        )
    names = ", ".join(f"{store.meta.name}/{store.meta.split}" for store in stores)
    return write_splits(
        name,
        {f"fold{k + 1}": _records(places, np.flatnonzero(chosen == k), len(stores) > 1) for k in range(folds)},
        stores[0].meta.classes,
        source=f"folds of {names}",
        category_ids=stores[0].meta.category_ids,
        about=about,
    )


def fields_of_folds(config: str | Path, overrides: Iterable[str] | Mapping[str, Any]) -> dict[str, Any]:
    """Verify the configuration of the folds' training before the work begins.

    Args:
        config: Name of a preset, or path of a YAML file.
        overrides: Values of configuration fields by dotted name.

    Returns:
        The overrides by dotted name.

    Raises:
        BadInput: If a field is unknown, its value does not fit, or it is chosen for each fold. Also if the detectors
            would search in tiles, as labels are judged in whole images, or if validations would end a training.
    """
    fields = parse_overrides(overrides)
    refused = {"data.train", "data.val", "data.weights"} & set(fields)
    if refused:
        raise BadInput(min(refused), "is chosen for each fold; leave it out")
    settings = load_config(config, fields)
    if settings.data.tiles != "none":
        raise BadInput("data.tiles", "is not supported here, as labels are judged in whole images; set data.tiles=none")
    if settings.train.patience:
        raise BadInput("train.patience", "requires validations, and folds are trained without; set train.patience=0")
    return fields


def with_split(record: Record, split: str) -> Record:
    """A record whose id begins with its split, so that it is unique among all splits of a dataset."""
    return dataclasses.replace(record, id=f"{split}/{record.id}")


def _records(places: Sequence[tuple[Store, int]], chosen: np.ndarray, several: bool) -> Iterator[Record]:
    for store, i in (places[k] for k in chosen):
        yield with_split(store[i], store.meta.split) if several else store[i]


def _same_folds(name: str, about: dict[str, Any], *, resume: bool) -> list[Store]:
    """Open folds that exist already, if they are those that would be made."""
    folder = data_root() / name
    if not resume:
        raise BadInput(folder, "exists already; go on with these folds by resume=True, or remove the folder")
    try:
        known = json.loads((folder / REPORT).read_bytes())
    except (OSError, ValueError):
        known = {}
    if {key: known.get(key) for key in about} != about:
        raise BadInput(
            folder,
            "holds folds of other data, another number of folds or another seed; remove the folder to begin anew",
        )
    return [open_store(f"{name}/fold{k + 1}") for k in range(about["folds"])]
