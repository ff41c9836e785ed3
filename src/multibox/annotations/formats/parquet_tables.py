"""Opens Parquet files, finds out whether they hold annotated images, and reads their rows."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from multibox.annotations.formats.parquet_columns import Columns, find_columns
from multibox.annotations.formats.parquet_names import names_in_metadata
from multibox.annotations.formats.parquet_rows import Row, read_rows
from multibox.annotations.formats.parquet_values import VALUES
from multibox.errors import BadInput, first_line
from multibox.image_file import coded_size

_SIZED = 64
"""Images of a file whose sizes are read from their bytes, where no column has them."""


@dataclass(frozen=True)
class Table:
    """A Parquet file of annotated images.

    Attributes:
        path: Path of the file.
        columns: Columns that were read.
        rows: Rows of the file, one per image.
        names: Class names in the file's metadata. Empty if there are none.
        has_bytes: Whether the file holds the images themselves. Otherwise it holds their file names.
    """

    path: Path
    columns: Columns
    rows: list[Row]
    names: tuple[str, ...]
    has_bytes: bool


def is_installed() -> bool:
    """Whether PyArrow is installed. It is not imported."""
    return importlib.util.find_spec("pyarrow") is not None


def may_have_images(path: Path) -> bool:
    """Whether a file has columns of images and boxes, or is too damaged to tell."""
    try:
        with _opened(path) as file:
            return find_columns(file.schema_arrow) is not None
    except BadInput:
        return True


def read_table(path: Path) -> Table | None:
    """Read a file without its images. None if it has no columns of images and boxes.

    Raises:
        BadInput: The file is damaged.
    """
    with _opened(path) as file:
        columns = find_columns(file.schema_arrow)
        if columns is None:
            return None
        names = names_in_metadata(file.schema_arrow.metadata, columns.category)
        rows = list(read_rows(file, columns))
        return Table(path, columns, rows, names, _has_bytes(file, columns))


def column_names(path: Path) -> str:
    """List the names of a file's columns, for messages."""
    with _opened(path) as file:
        return ", ".join(file.schema_arrow.names[:8]) or "none"


def numbers_and_sizes(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Collect the numbers ``(N, 4)`` of the boxes of a file, and the sizes ``(N, 2)`` of their images, NaN if unknown.

    If no column gives the sizes, they are read from the first images of the file.
    """
    boxes, sizes = [np.empty((0, 4))], [np.empty((0, 2))]
    for row in table.rows:
        size = row.size
        if size is None and table.has_bytes and row.number <= _SIZED and len(row.boxes):
            try:
                size = coded_size(VALUES.read(table.path, row.group, row.place, table.columns.bytes) or b"")
            except OSError:  # The build says so, with the image's name.
                size = None
        boxes.append(row.boxes)
        sizes.append(np.tile(np.array(size or (nan, nan), np.float64), (len(row.boxes), 1)))
    return np.concatenate(boxes), np.concatenate(sizes)


def _has_bytes(file: Any, columns: Columns) -> bool:
    """Whether any image of the first rows is in the file."""
    if not columns.bytes or not columns.file:
        return bool(columns.bytes)
    batch = next(file.iter_batches(_SIZED, columns=[columns.bytes]), None)
    if batch is None:
        return True
    values = batch.column(0)
    for name in columns.bytes.split(".")[1:]:
        values = values.field(name)
    return bool(values.null_count < len(values))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
            yield file
    except (ArrowException, OSError) as error:
        raise BadInput(path, f"is damaged: {first_line(error)}; copy it again") from None
