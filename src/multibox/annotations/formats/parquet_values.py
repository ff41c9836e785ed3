"""Reads images from Parquet files one by one, without holding a whole row group in memory."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from errno import EIO
from pathlib import Path
from threading import Lock
from typing import Any

from multibox.errors import first_line

TOGETHER = 16
"""Number of rows that are decoded at a time."""

KEPT = 64_000_000
"""Total size of the images that are cached for later requests, bytes."""

STREAMS = 8
"""Largest number of files that are open for reading at a time."""


@dataclass(frozen=True)
class RowImage:
    """An image inside a Parquet file.

    Attributes:
        file: Path of the Parquet file.
        group: Number of the row group, from 0.
        row: Position of the row in its group, from 0.
        column: Name of the table's column that holds the bytes of the image.
        number: Position of the row in the file, from 1, for messages.
        name: File name or id of the image for messages. Empty if there is none.
    """

    file: Path
    group: int
    row: int
    column: str
    number: int
    name: str

    def __str__(self) -> str:
        return f"{self.file}: row {self.number}" + (f" ({self.name})" if self.name else "")

    def read_bytes(self) -> bytes:
        """Read the bytes of the image.

        Raises:
            OSError: The file is damaged, or the row has no bytes.
        """
        data = VALUES.read(self.file, self.group, self.row, self.column)
        if data is None:
            raise OSError(EIO, f"has no bytes in the column {self.column}")
        return data


@dataclass
class _Stream:
    """The rows of a row group that come next, as batches."""

    group: int
    column: str
    batches: Iterator[Any]
    next: int = 0


class Values:
    """Reads the bytes in a column in batches, and caches neighbouring rows up to a number of bytes.

    If rows are requested in order, each batch is read once. Threads may share one object.

    Args:
        limit: Largest number of bytes to cache.
    """

    def __init__(self, limit: int = KEPT):
        self.limit = limit
        self.size = 0
        self._batches: OrderedDict[tuple[Path, int, str, int], Any] = OrderedDict()
        self._streams: OrderedDict[Path, _Stream] = OrderedDict()
        self._lock = Lock()

    def read(self, file: Path, group: int, row: int, column: str) -> bytes | None:
        """Read the bytes in a row. None if the row has none.

        Raises:
            OSError: The file is damaged or was replaced.
        """
        number, place = divmod(row, TOGETHER)
        with self._lock:
            batch = self._batch(file, group, column, number)
        if place >= len(batch):
            raise OSError(EIO, "the file has fewer rows than when it was listed")
        return batch[place].as_py()

    def _batch(self, file: Path, group: int, column: str, number: int) -> Any:
        key = (file, group, column, number)
        if key in self._batches:
            self._batches.move_to_end(key)
            return self._batches[key]
        stream = self._streams.pop(file, None)
        if stream is None or (stream.group, stream.column) != (group, column) or stream.next > number:
            stream = _Stream(group, column, _batches(file, group, column))
        while True:
            batch = _next(stream, file)
            self._keep((file, group, column, stream.next), batch)
            stream.next += 1
            if stream.next > number:
                break
        self._streams[file] = stream
        if len(self._streams) > STREAMS:
            self._streams.popitem(last=False)
        return batch

    def _keep(self, key: tuple[Path, int, str, int], batch: Any) -> None:
        known = self._batches.pop(key, None)
        self.size += batch.nbytes - (0 if known is None else known.nbytes)
        self._batches[key] = batch
        while self.size > self.limit and len(self._batches) > 1:
            self.size -= self._batches.popitem(last=False)[1].nbytes


VALUES = Values()
"""The reader and cache that all images of this process share."""


def _batches(file: Path, group: int, column: str) -> Iterator[Any]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(file, pre_buffer=False, buffer_size=1 << 20) as opened:
            for batch in opened.iter_batches(TOGETHER, row_groups=[group], columns=[column], use_threads=False):
                values = batch.column(0)
                for name in column.split(".")[1:]:
                    values = values.field(name)
                yield values
    except (ArrowException, IndexError) as error:
        raise OSError(EIO, f"the file is damaged: {first_line(error)}") from None


def _next(stream: _Stream, file: Path) -> Any:
    batch = next(stream.batches, None)
    if batch is None:
        raise OSError(EIO, "the file has fewer rows than when it was listed")
    return batch
