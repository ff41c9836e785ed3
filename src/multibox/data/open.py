"""Open the stores of a dataset by its name or by the folder that it was built from, and find an image in them."""

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path, PurePath

from multibox.annotations.files import IMAGE_SUFFIXES, Files, fingerprint
from multibox.data.file_names import file_stem
from multibox.data.record import Record
from multibox.data.store import (
    FILES,
    SUFFIX,
    Store,
    data_root,
    dataset_splits,
    list_datasets,
    open_store,
    some_of,
    store_path,
)
from multibox.errors import BadInput

log = logging.getLogger(__name__)


def open_stores(data: str) -> list[Store]:
    """Open the stores of a dataset.

    Args:
        data: ``NAME`` for all splits of a dataset, ``NAME/SPLIT``, or a path as :func:`find_dataset` takes it.

    Returns:
        Stores of the dataset's splits, at least one.

    Raises:
        BadInput: There is no such dataset or split.
    """
    name = find_dataset(data)
    if "/" in name:
        return [open_store(name)]
    splits = dataset_splits(name)
    if not splits:
        raise BadInput(data, f"no such dataset; there are: {some_of(list_datasets())}")
    return [Store(store_path(name, split)) for split in splits]


def find_dataset(data: str) -> str:
    """Find the dataset that a name or a path means. What a path means is logged, and whether its files have changed.

    Args:
        data: ``NAME`` or ``NAME/SPLIT``, or path of the folder or file that a dataset was built from, or of its stores.
            The name of a split may follow a path.

    Returns:
        ``NAME`` or ``NAME/SPLIT``. A name that no dataset has is returned unchanged, without a slash at its end.

    Raises:
        BadInput: The path exists, but no dataset or more than one was built from it.
    """
    given = data.rstrip("/" + os.sep)
    name, _, split = given.partition("/")
    splits = dataset_splits(name) if name not in ("", ".", "..") else []
    if splits and (not split or split in splits):
        return given
    path = Path(data)
    found = _stored_at(path) or _built_from(path)
    if found is None and len(path.parts) > 1:
        whole = _built_from(path.parent)
        found = f"{whole}/{path.name}" if whole and path.name in dataset_splits(whole) else None
    if found is None and path.exists():
        raise BadInput(data, f"no dataset was built from it; build one with 'multibox data build {data}'")
    return found or given


def _stored_at(path: Path) -> str | None:
    """Name of the dataset or store whose folder or file lies at a path."""
    root, path = data_root().resolve(), path.resolve()
    names = path.relative_to(root).parts if path.is_relative_to(root) else ()
    if not names or not dataset_splits(names[0]):
        return None
    return "/".join(names).removesuffix(SUFFIX)


def _built_from(path: Path) -> str | None:
    """Name of the dataset that was built from a folder or file alone. None if there is none."""
    found = [name for name in list_datasets() if _source_of(name) == path.resolve()]
    if len(found) > 1:
        raise BadInput(path, f"several datasets were built from it; give one of their names: {', '.join(found)}")
    if not found:
        return None
    log.info("%s, built from %s", found[0], path)
    if has_changed(path, data_root() / found[0]):
        log.warning(
            "%s: the files in %s are not as they were at the build; to use them, build the dataset again",
            found[0],
            path,
        )
    return found[0]


def _source_of(name: str) -> Path | None:
    """Path that a dataset was built from. None if its stores cannot be read."""
    try:
        return Path(Store(store_path(name, dataset_splits(name)[0])).meta.source).resolve()
    except BadInput:
        return None


def has_changed(path: Path, folder: Path) -> bool:
    """Whether files were added, removed or replaced since stores were built.

    Args:
        path: Path of the folder or file that the stores were built from.
        folder: Folder of the stores.

    Returns:
        True also for stores of 0.1.0, which have no list of files.
    """
    try:
        known = json.loads((folder / FILES).read_bytes())
    except (OSError, ValueError):
        return True
    return fingerprint({*Files(path).listed, *map(Path, known)}) != known


def find_record(stores: Sequence[Store], record_id: str) -> tuple[Store, Record]:
    """Find a record by its id, or else by the name of its image file.

    Args:
        stores: The stores to search.
        record_id: Id of the image, or the name of its file, with or without the suffix.

    Returns:
        The first store that has the id, and its record.

    Raises:
        BadInput: No store has the id or the file, or several files have the name.
    """
    for store in stores:
        if record_id in store.ids:
            return store, store[store.find(record_id)]
    found = [
        (store, i) for store in stores for i in range(len(store)) if _is_file_of(store.without_image(i), record_id)
    ]
    if len(found) == 1:
        store, position = found[0]
        return store, store[position]
    names = ", ".join(f"{store.meta.name}/{store.meta.split}" for store in stores)
    if found:
        ids = some_of([store.ids[i] for store, i in found])
        raise BadInput("record", f"{record_id}: several files of {names} have this name; give one of their ids: {ids}")
    example = next((store.ids[0] for store in stores if store.ids), "")
    raise BadInput("record", f"{record_id}: not in {names}; ids look like {example!r}")


def _is_file_of(record: Record, name: str) -> bool:
    """Whether a name is that of a record's file, with or without the suffix."""
    stem = file_stem(record)
    written = PurePath(name)
    return bool(stem) and (name == stem or (written.stem == stem and written.suffix.lower() in IMAGE_SUFFIXES))
