"""Open the stores of a dataset by its name or by the folder that it was built from, and find an image in them."""

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from multibox.annotations.files import Files, fingerprint
from multibox.data.file_names import file_stem
from multibox.data.record import Record
from multibox.data.store import (
    FILES,
    REPORT,
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
        data: ``NAME`` for all splits of a dataset, ``NAME/SPLIT`` for one, or the path that a dataset was built from.

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
        raise BadInput(data, f"no such dataset; available: {some_of(list_datasets())}")
    return [Store(store_path(name, split)) for split in splits]


def find_dataset(data: str) -> str:
    """Find the dataset of a name or path. For a path, the dataset is logged, and whether its files have changed.

    Args:
        data: ``NAME`` or ``NAME/SPLIT``, or path of the folder or file that a dataset was built from, or of its stores.
            The name of a split may follow a path.

    Returns:
        ``NAME`` or ``NAME/SPLIT``. A name that no dataset has is returned unchanged, without a slash at its end.

    Raises:
        BadInput: The path exists, but no dataset or more than one was built from it.
    """
    found = look_up(data)
    if found is None:
        if Path(data).exists():
            raise BadInput(data, "no dataset was built from this path; build one with 'multibox data build'")
        return without_slash(data)
    if found.source is not None:
        name = found.name.partition("/")[0]
        if name != without_slash(data).partition("/")[0]:
            log.info("%s, built from %s", name, found.source)
        _say_changes(name, found.source)
    return found.name


@dataclass(frozen=True)
class Found:
    """The dataset that was found for a name or path.

    Attributes:
        name: ``NAME`` or ``NAME/SPLIT``.
        source: Path of the folder or file that the dataset was built from, as it was given. None if only a name or the
            path of stores was given.
    """

    name: str
    source: Path | None = None


def look_up(data: str) -> Found | None:
    """Find the dataset of a name or path, as :func:`find_dataset` does, but without logging.

    Args:
        data: Name or path, as :func:`find_dataset` takes it.

    Returns:
        The dataset, or None if there is none. If both a dataset and a folder have the name, the dataset is returned.

    Raises:
        BadInput: More than one dataset was built from the path.
    """
    given, path = without_slash(data), Path(data)
    name, _, split = given.partition("/")
    splits = dataset_splits(name) if name not in ("", ".", "..") else []
    if splits and (not split or split in splits):
        return Found(given, Path(name) if was_built_from(name, Path(name)) else None)
    stored = stored_at(path)
    if stored is not None:
        return Found(stored)
    built = _built_from(path)
    if built is not None:
        return Found(built, path)
    whole = _built_from(path.parent) if len(path.parts) > 1 else None
    return Found(f"{whole}/{path.name}", path.parent) if whole and path.name in dataset_splits(whole) else None


def without_slash(data: str) -> str:
    """A name or path without a slash at its end."""
    return data.rstrip("/" + os.sep)


def stored_at(path: Path) -> str | None:
    """Find the dataset or store that is stored at a path.

    Args:
        path: Path of a folder or file.

    Returns:
        ``NAME`` or ``NAME/SPLIT``. None if the path is not that of a dataset or store.
    """
    root, path = data_root().resolve(), path.resolve()
    names = path.relative_to(root).parts if path.is_relative_to(root) else ()
    if not names or not dataset_splits(names[0]):
        return None
    return "/".join(names).removesuffix(SUFFIX)


def _built_from(path: Path) -> str | None:
    """Name of the dataset that was built from a folder or file alone. None if there is none."""
    found = [name for name in list_datasets() if was_built_from(name, path)]
    if len(found) > 1:
        raise BadInput(path, f"several datasets were built from this path; give one of their names: {', '.join(found)}")
    return found[0] if found else None


def _say_changes(name: str, path: Path) -> None:
    changed = has_changed(name, path)
    if changed is None:
        log.warning(
            "%s: an older version of Multibox built it, so it is not known whether the files in %s have changed since; "
            "to be sure, build the dataset again",
            name,
            path,
        )
    elif changed:
        log.warning(
            "%s: files in %s were changed after the dataset was built; to use the new files, build the dataset again",
            name,
            path,
        )


def was_built_from(name: str, path: Path) -> bool:
    """Whether a dataset was built from this folder or file and nothing else.

    Args:
        name: Name of a dataset.
        path: Path of a folder or file.

    Returns:
        True if it was. False also if the path does not exist or the dataset's stores cannot be read.
    """
    if not path.exists():
        return False
    try:
        store = Store(store_path(name, dataset_splits(name)[0]))
    except BadInput:
        return False
    source = Path(store.meta.source)
    return source.resolve() == path.resolve() and (source.is_absolute() or _has_files_of(store, path))


def _has_files_of(store: Store, path: Path) -> bool:
    """Whether the files of a store are those at a path. A relative path as its origin is that of many folders."""
    known = _known_files(store.path.parent)
    places = (Path(os.path.abspath(path)), path.resolve())
    if known is not None:
        return any(Path(file).is_relative_to(place) for file in known for place in places)
    try:
        first = store[0]
        file = Path(os.path.abspath(first.source))
        return any(file.is_relative_to(place) for place in places) and file.read_bytes() == first.image
    except (IndexError, OSError, ValueError):
        return False


def _known_files(folder: Path) -> dict[str, list[int]] | None:
    """Size and time of each file that the stores of a folder were built from. None for stores of 0.1.0."""
    try:
        known = json.loads((folder / FILES).read_bytes())
    except (OSError, ValueError):
        return None
    return known if isinstance(known, dict) else None


def has_changed(name: str, path: Path) -> bool | None:
    """Whether files were added, removed or replaced since a dataset was built.

    Args:
        name: Name of the dataset.
        path: Path of the folder or file that the dataset was built from.

    Returns:
        True or False, or None if unknown, because the dataset was built by version 0.1.0, which recorded no list of
        files.
    """
    folder = data_root() / name
    known = _known_files(folder)
    if known is None:
        return None
    source = Path(Store(store_path(name, dataset_splits(name)[0])).meta.source)
    listed = Files(source if source.is_absolute() else path).listed
    return fingerprint({*listed, *map(Path, known)}) != known


def build_options(name: str) -> dict[str, Any] | None:
    """Read the options that a dataset was built with.

    Args:
        name: Name of the dataset.

    Returns:
        Arguments of :func:`multibox.data.build.build`, by name. None if the options are unknown, because version 0.1.0
        built the dataset.
    """
    try:
        options = json.loads((data_root() / name / REPORT).read_bytes())["options"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return options if isinstance(options, dict) else None


def find_record(stores: Sequence[Store], record_id: str) -> tuple[Store, Record]:
    """Find a record by its id, or else by the name of its image file.

    Args:
        stores: The stores to search.
        record_id: Id of the image, or the name of its file. Suffix and folders may be left out. If given, they must be
            those of the file.

    Returns:
        The first store that has the record, and the record.

    Raises:
        BadInput: No store has the id or the file, or several files have the name.
    """
    for store in stores:
        if record_id in store.ids:
            return store, store[store.find(record_id)]
    ranked = [(_likeness(store.without_image(i), record_id), store, i) for store in stores for i in range(len(store))]
    best = max((rank for rank, _, _ in ranked), default=0)
    found = [(store, i) for rank, store, i in ranked if rank == best > 0]
    if len(found) == 1:
        store, position = found[0]
        return store, store[position]
    names = ", ".join(f"{store.meta.name}/{store.meta.split}" for store in stores)
    if found:
        ids = some_of([store.ids[i] for store, i in found])
        raise BadInput("record", f"{record_id}: several files of {names} have this name; give one of their ids: {ids}")
    example = next((store.ids[0] for store in stores if store.ids), "")
    raise BadInput("record", f"{record_id}: not in {names}; ids look like {example!r}")


def _likeness(record: Record, name: str) -> int:
    """How well a name fits a record's file: 3 as its whole path, 2 as the end of its path, 1 apart from case, 0 not."""
    stem = file_stem(record)
    paths = [str(path) for path in (record.extra.get("file_name"), record.source) if path]
    if name in paths or (record.source and os.path.abspath(name) == os.path.abspath(record.source)):
        return 3
    return max((_fit(path, name) for path in map(_parts, paths) if stem and path.stem == stem), default=0)


def _fit(path: PurePosixPath, name: str) -> int:
    """How well a name, with or without folders and suffix, fits the end of a path: 2, 1 apart from case, or 0."""
    given = _parts(name)
    folders = given.parts[:-1]
    if folders and path.parts[-len(given.parts) : -1] != folders:
        return 0
    if given.name in (path.name, path.stem):
        return 2
    return int(given.stem == path.stem and given.suffix.lower() == path.suffix.lower())


def _parts(path: str) -> PurePosixPath:
    return PurePosixPath(path.replace("\\", "/"))
