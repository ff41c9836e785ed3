"""The store: one LMDB file for each split of a dataset, with fast random access to its records.

A store lies at ``NAME/SPLIT.lmdb`` below ``$MULTIBOX_DATA`` (or ``./data``). The key of a record is its position as 8
bytes, big-endian. Its value is ``[head, image]`` in msgpack: ``head`` holds the annotation, and ``image`` the unchanged
bytes of the image file. The key ``ids`` holds the records' ids in order, and the key ``meta`` the store's description
(:class:`Meta`).
"""

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import lmdb
import msgpack
import numpy as np

from multibox.annotations.counting import some
from multibox.data.record import COLUMNS, Objects, Record
from multibox.errors import BadInput

FORMAT = 1
"""Version of the store's format that this code writes. It also reads older versions."""

SUFFIX = ".lmdb"
REPORT = "build.json"
"""Name of the file with the report of a build, in the dataset's folder beside the stores."""
FILES = "files.json"
"""Name of the file with size and time of each file that the stores were built from, beside the stores."""
PAGE = 4096
HEAD_BYTES = 4096
"""Number of bytes of a record that are read first if only its annotation (the head) is needed. A longer head costs a
second read."""


@dataclass(frozen=True)
class Counts:
    """Numbers of images and objects in a store.

    Attributes:
        images: Number of records.
        objects: Number of objects.
        per_class: Number of objects of each class, by class name.
    """

    images: int = 0
    objects: int = 0
    per_class: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Meta:
    """Description of a store.

    Attributes:
        name: Name of the dataset.
        split: Split of the dataset, such as ``train``.
        classes: Class names. A class's position in this list is its label, from 0.
        category_ids: Number of each class in the original data, such as COCO's category ids. 1 to C if the original
            data has no numbers.
        source: Origin of the data, such as the path of the dataset's folder.
        counts: Numbers of images, objects, and objects per class.
        digest: SHA-256 over all records: two stores with the same digest hold the same data.
        built: Time of the build, ISO 8601 in UTC.
        format: Version of the store's format.
    """

    name: str
    split: str
    classes: tuple[str, ...]
    category_ids: tuple[int, ...]
    source: str
    counts: Counts
    digest: str
    built: str
    format: int = FORMAT


def data_root() -> Path:
    """Folder that holds all stores: ``$MULTIBOX_DATA``, else ``data`` in the current folder."""
    return Path(os.environ.get("MULTIBOX_DATA") or "data")


def store_path(name: str, split: str) -> Path:
    """Path of the store of one split of a dataset."""
    return data_root() / name / f"{split}{SUFFIX}"


def dataset_splits(name: str) -> list[str]:
    """Splits of a dataset that have a store, in the order train, val, test, then others by name."""
    found = [path.stem for path in (data_root() / name).glob(f"*{SUFFIX}")]
    return sorted(found, key=split_order)


def class_names(stores: Iterable["Store"]) -> tuple[str, ...]:
    """Names of the classes of all stores, in order of first appearance."""
    return tuple(dict.fromkeys(name for store in stores for name in store.meta.classes))


def split_order(split: str) -> tuple[int, str]:
    """Sort key of splits: train, val, test, then others by name."""
    usual = ("train", "val", "test")
    return (usual.index(split) if split in usual else len(usual), split)


def list_stores() -> list[str]:
    """Names of all stores, each as ``NAME/SPLIT``."""
    paths = sorted(data_root().glob(f"*/*{SUFFIX}"), key=lambda path: (path.parent.name, split_order(path.stem)))
    return [f"{path.parent.name}/{path.stem}" for path in paths if not path.parent.name.startswith(".")]


def list_datasets() -> list[str]:
    """Names of all datasets in :func:`data_root`."""
    return list(dict.fromkeys(store.partition("/")[0] for store in list_stores()))


def some_of(names: Sequence[str], most: int = 8) -> str:
    """Names of datasets or stores for a message: the first ones, and the number of the others."""
    if not names:
        return "none yet; build a dataset with 'multibox data build'"
    return some(names, most)


def open_store(name: str) -> "Store":
    """Open a store by its name.

    Args:
        name: Name of the store, as ``NAME/SPLIT``.

    Returns:
        The opened store.

    Raises:
        BadInput: If there is no store of that name, or it cannot be read. The message lists stores that exist.
    """
    words = name.split("/")
    path = store_path(words[0], words[-1])
    if len(words) != 2 or not all(words) or not path.is_file():
        stores = list_stores()
        near = [store for store in stores if store.startswith(f"{words[0]}/")]
        raise BadInput(name, f"no such store in {data_root()}; choose one of: {some_of(near or stores)}")
    return Store(path)


class Store(Sequence[Record]):
    """The records of one split, read-only.

    A store can be pickled and sent to another process, which opens the file itself when the store is first used.

    Args:
        path: Path of the ``.lmdb`` file.

    Raises:
        BadInput: If the file is not a store, or has a newer format.

    Example:
        ``record = open_store("voc07/train")[0]``
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path).absolute()
        _reopen_if_replaced(self._file)
        self.meta = self._read_meta()

    def __len__(self) -> int:
        return self.meta.counts.images

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        with self._environment().begin(buffers=True) as transaction:
            head, image = msgpack.unpackb(self._value(transaction, index))
        return _record(head, image)

    def __iter__(self) -> Iterator[Record]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"Store({self.meta.name}/{self.meta.split}: {len(self)} images)"

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "meta": self.meta}

    def without_image(self, index: int) -> Record:
        """Read the record at a position without the bytes of its image, so that ``image`` is empty."""
        with self._environment().begin(buffers=True) as transaction:
            return _record(_head(self._value(transaction, index)))

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids of all records, in order."""
        with self._environment().begin() as transaction:
            return tuple(msgpack.unpackb(transaction.get(b"ids")))

    def find(self, record_id: str) -> int:
        """Find the position of a record.

        Args:
            record_id: Id of the record.

        Returns:
            The record's position in the store, from 0.

        Raises:
            BadInput: If no record has this id.
        """
        try:
            return self.ids.index(record_id)
        except ValueError:
            example = f"; ids look like {self.ids[0]}" if self.ids else "; it is empty"
            raise BadInput(f"{self.meta.name}/{self.meta.split}", f"no record {record_id!r}{example}") from None

    @cached_property
    def _file(self) -> Path:
        """The path without links: two links to one file share its environment."""
        return self.path.resolve()

    def _environment(self) -> lmdb.Environment:
        return _environment(self._file)

    def _value(self, transaction: lmdb.Transaction, index: int) -> Any:
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"there is no record {index} among {len(self)} records")
        return transaction.get(key_of(position))

    def _read_meta(self) -> Meta:
        try:
            with self._environment().begin() as transaction:
                values = msgpack.unpackb(transaction.get(b"meta"))
            if values["format"] > FORMAT:
                raise BadInput(
                    self.path,
                    f"store format {values['format']} is newer than this version of multibox; upgrade multibox",
                )
            return meta_of(values)
        except (lmdb.Error, ValueError, TypeError, KeyError) as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(self.path, "is not a store, or is damaged; build the dataset again") from None


COLUMN_TYPES = {name: np.dtype(kind).newbyteorder("<") for name, kind in COLUMNS.items()}


def _record(head: dict[str, Any], image: bytes = b"") -> Record:
    columns = head["objects"]
    arrays = {name: np.frombuffer(columns[name], kind) for name, kind in COLUMN_TYPES.items()}
    arrays["boxes"] = arrays["boxes"].reshape(-1, 4)
    return Record(
        id=head["id"],
        image=image,
        width=head["width"],
        height=head["height"],
        objects=Objects(**arrays, ids=tuple(columns["ids"])),
        source=head["source"],
        extra=head["extra"],
    )


def _head(value: memoryview) -> dict[str, Any]:
    """The head of a stored ``[head, image]``, read from as few pages of the file as possible."""
    for size in (HEAD_BYTES, len(value)):
        unpacker = msgpack.Unpacker(max_buffer_size=0)
        unpacker.feed(value[:size])
        try:
            unpacker.read_array_header()
            return unpacker.unpack()
        except msgpack.OutOfData:
            continue
    raise ValueError("a record without a head")


def meta_of(values: dict[str, Any]) -> Meta:
    """Convert the stored plain values to the description of a store."""
    known = {name: values[name] for name in Meta.__dataclass_fields__}
    sequences = {name: tuple(values[name]) for name in ("classes", "category_ids")}
    return Meta(**{**known, **sequences, "counts": Counts(**values["counts"])})


def key_of(position: int) -> bytes:
    """Key of the record at a position in the LMDB file."""
    return position.to_bytes(8, "big")


# LMDB refuses to open a file twice in one process: all stores of a file share its environment.
_environments: dict[Path, tuple[lmdb.Environment, int]] = {}
_environments_lock = threading.Lock()


def _environment(path: Path) -> lmdb.Environment:
    known = _environments.get(path)
    if known is None:
        with _environments_lock:
            known = _environments.get(path) or _open(path)
            _environments[path] = known
    return known[0]


def _open(path: Path) -> tuple[lmdb.Environment, int]:
    if not path.is_file():
        raise BadInput(path, "no such store; build the dataset with 'multibox data build'")
    status = path.stat()
    environment = lmdb.open(str(path), subdir=False, readonly=True, lock=False, readahead=False, max_spare_txns=16)
    # Reading a page beyond the end of the file would kill the process.
    size = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    if status.st_size < size:
        environment.close()
        raise BadInput(path, f"is cut off after {status.st_size} of {size} bytes; build the dataset again")
    return environment, status.st_ino


def _reopen_if_replaced(path: Path) -> None:
    """Close the open LMDB environment of a path if another file has replaced the one that was opened."""
    with _environments_lock:
        known = _environments.get(path)
        if known and (not path.is_file() or path.stat().st_ino != known[1]):
            known[0].close()
            del _environments[path]


def _close_inherited() -> None:
    """Forget all open LMDB environments after a fork, because a child process must not use its parent's."""
    global _environments_lock  # noqa: PLW0603  (another thread may have held it at the fork)
    _environments_lock = threading.Lock()
    for environment, _ in _environments.values():
        environment.close()
    _environments.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_inherited)
