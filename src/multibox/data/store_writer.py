"""Writing stores: record by record, and the folder of a new dataset."""

import hashlib
import os
import re
import threading
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lmdb
import msgpack
import numpy as np

from multibox.data.record import Record
from multibox.data.store import (
    COLUMN_TYPES,
    FILES,
    FORMAT,
    PAGE,
    REPORT,
    SUFFIX,
    Counts,
    Meta,
    Store,
    data_root,
    key_of,
    meta_of,
    store_path,
)
from multibox.errors import BadInput, RunFailed
from multibox.writing import MARKER, Kind, check_folder, new_folder

_BATCH_BYTES = 2 << 20
"""Number of bytes of records that one transaction of LMDB writes. Larger transactions would take new memory from the
system each time."""


class StoreWriter:
    """Writes a store, one record at a time. The file is complete once the writer is closed.

    Args:
        path: Path of the ``.lmdb`` file to write, in a folder that exists.
        name: Name of the dataset.
        split: Split of the dataset.
        classes: Class names. A class's position in this list is its label, from 0.
        source: Origin of the data, as a text for the store's description.
        category_ids: Number of each class in the original data, such as COCO's category ids. If empty, classes are
            numbered 1 to C.

    Example:
        ``with StoreWriter(path, name="pets", split="train", classes=("cat",)) as writer: writer.add(record)``
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        name: str,
        split: str,
        classes: Sequence[str],
        source: str = "",
        category_ids: Sequence[int] = (),
    ):
        self.path = Path(path)
        self._about = {"name": name, "split": split, "classes": tuple(classes), "source": source}
        self._category_ids = tuple(category_ids) or tuple(range(1, len(classes) + 1))
        self._ids: list[str] = []
        self._per_class = np.zeros(len(classes), np.int64)
        self._digest = hashlib.sha256()
        self._waiting: list[tuple[bytes, bytes]] = []
        self._waiting_bytes = 0
        self._environment = lmdb.open(
            str(self.path), subdir=False, lock=False, sync=False, map_size=_BATCH_BYTES, meminit=False
        )
        self._map_size = _BATCH_BYTES

    def __enter__(self) -> "StoreWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        if kind is None:
            self.close()
        else:
            self._environment.close()

    def add(self, record: Record) -> None:
        """Append a record."""
        self.add_encoded(record.id, record.objects.labels, *encode_record(record))

    def add_encoded(self, record_id: str, labels: np.ndarray, value: bytes, digest: bytes) -> None:
        """Append a record that :func:`encode_record` has already encoded, for example in another thread."""
        self._waiting.append((key_of(len(self._ids)), value))
        self._ids.append(record_id)
        self._per_class += np.bincount(labels, minlength=len(self._per_class))
        self._digest.update(digest)
        self._waiting_bytes += len(value)
        if self._waiting_bytes > _BATCH_BYTES:
            self._flush()

    @property
    def counts(self) -> Counts:
        """Numbers of images and objects that have been added so far."""
        classes = self._about["classes"]
        per_class = {name: int(count) for name, count in zip(classes, self._per_class, strict=True)}
        return Counts(len(self._ids), int(self._per_class.sum()), per_class)

    def close(self) -> Meta:
        """Write the remaining records and the description of the store, and close the file.

        Returns:
            Description of the complete store.
        """
        self._digest.update(msgpack.packb(self._about["classes"]))
        values = {
            "format": FORMAT,
            **self._about,
            "category_ids": self._category_ids,
            "counts": asdict(self.counts),
            "digest": self._digest.hexdigest(),
            "built": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        self._waiting += [(b"ids", msgpack.packb(self._ids)), (b"meta", msgpack.packb(values))]
        self._flush()
        self._environment.sync(True)
        self._environment.close()
        return meta_of(values)

    def _flush(self) -> None:
        # LMDB's map has a fixed size, which may only grow between transactions.
        pages = sum(len(value) // PAGE + 3 for _, value in self._waiting)
        used = self._environment.info()["last_pgno"]
        needed = (used + pages) * PAGE + _BATCH_BYTES
        if needed > self._map_size:
            self._map_size = 2 * needed
            self._environment.set_mapsize(self._map_size)
        try:
            with self._environment.begin(write=True) as transaction:
                for key, value in self._waiting:
                    transaction.put(key, value)
        except lmdb.Error as error:
            raise RunFailed(f"{self.path}: cannot be written: {error}; is the disk full?") from None
        self._waiting.clear()
        self._waiting_bytes = 0


def new_dataset(name: str, *, replace: bool = False) -> AbstractContextManager[Path]:
    """Make a folder for a new dataset. It becomes ``data_root() / name`` when the block ends without an error.

    Args:
        name: Name of the dataset.
        replace: Whether to replace an existing dataset of that name. It is replaced once the new one is complete.

    Returns:
        Context manager that gives an empty folder to write into. If the block fails, the folder is removed.

    Raises:
        BadInput: The name is not valid, or a dataset of that name exists and ``replace`` is not set.
    """
    check_new_name(name, replace=replace)
    return new_folder(data_root() / name, DATASET, replace=replace)


def check_new_name(name: str, *, replace: bool = False) -> None:
    """Verify that a new dataset can have a name.

    Args:
        name: Name of the dataset.
        replace: Whether an existing dataset of that name may be replaced.

    Raises:
        BadInput: The name is not valid, or its path exists. A path that is not a dataset is never replaced.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name):
        raise BadInput("name", f"{name!r}: use letters, digits, '.', '_' and '-', and begin with a letter or a digit")
    check_folder(data_root() / name, DATASET, replace=replace)


def holds_only_stores(folder: Path) -> bool:
    """Whether a folder is a dataset and holds only files that a build writes."""
    return folder.is_dir() and all(
        path.suffix == SUFFIX or path.name in (REPORT, FILES, MARKER) for path in folder.iterdir()
    )


DATASET = Kind("dataset", holds_only_stores, on_request=True)


def write_store(
    name: str, split: str, records: Iterable[Record], classes: Sequence[str], *, source: str = "", replace: bool = False
) -> Store:
    """Write one split from records in memory, for example for data in a format that Multibox cannot read.

    Args:
        name: Name of the dataset. It gets only this split.
        split: Name of the split, such as ``train``.
        records: Records, whose labels are positions in ``classes``.
        classes: Class names. A class's position in this list is its label, from 0.
        source: Origin of the data, as a text for the store's description.
        replace: Whether an existing dataset of that name may be replaced.

    Returns:
        The written store.
    """
    with (
        new_dataset(name, replace=replace) as folder,
        StoreWriter(folder / f"{split}{SUFFIX}", name=name, split=split, classes=classes, source=source) as writer,
    ):
        for record in records:
            writer.add(record)
    return Store(store_path(name, split))


def encode_record(record: Record) -> tuple[bytes, bytes]:
    """Encode a record in the format of a store.

    Args:
        record: Image and annotation to encode.

    Returns:
        Bytes of the encoded record, and their SHA-256 digest as bytes.
    """
    objects = record.objects
    columns = {name: getattr(objects, name).astype(kind, copy=False).tobytes() for name, kind in COLUMN_TYPES.items()}
    head = {
        "id": record.id,
        "width": record.width,
        "height": record.height,
        "source": record.source,
        "extra": record.extra,
        "objects": {**columns, "ids": objects.ids},
    }
    value = _packer().pack([head, record.image])
    return value, hashlib.sha256(value).digest()


_packers = threading.local()


def _packer() -> msgpack.Packer:
    """The msgpack packer of this thread. Threads must not share a packer, and each new packer costs a large buffer."""
    if not hasattr(_packers, "packer"):
        _packers.packer = msgpack.Packer()
    return _packers.packer
