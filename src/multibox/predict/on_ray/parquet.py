"""Predictions as rows of Parquet, one row per image."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from multibox.detect.detections import Detections
from multibox.predict.on_ray.parts import Manifest, part_path
from multibox.predict.predict import Prediction
from multibox.predict.sources import Source
from multibox.writing import new_file

SCHEMA: Final = pa.schema(
    {
        "file": pa.string(),
        "width": pa.int32(),
        "height": pa.int32(),
        "labels": pa.list_(pa.int32()),
        "names": pa.list_(pa.string()),
        "scores": pa.list_(pa.float32()),
        "boxes": pa.list_(pa.list_(pa.float32(), 4)),
        "error": pa.string(),
    }
)
"""Columns of the rows. For an image that could not be read, only ``file`` and ``error`` are set. For other images,
``error`` is null."""

POSITION: Final = "position"
"""Name of the column with an image's position among the run's images. The column is left out of the Parquet files."""


def to_table(positions: Sequence[int], predictions: Sequence[Prediction]) -> pa.Table:
    """Convert predictions to a table: :data:`POSITION`, then the columns of :data:`SCHEMA`."""
    columns = pa.Table.from_pylist([_row(prediction) for prediction in predictions], SCHEMA)
    return columns.add_column(0, POSITION, pa.array(positions, pa.int64()))


def read_part(path: Path, classes: tuple[str, ...]) -> Iterator[Prediction]:
    """Read the predictions in one Parquet file of a run.

    Args:
        path: Path of the part's Parquet file.
        classes: Names of the detector's classes.

    Yields:
        Prediction of each image, in the order of the rows.
    """
    for row in parquet.ParquetFile(path).read().to_pylist():
        yield Prediction(Source(row["file"]), _detections(row, classes), row["error"] or "")


class PartWriter:
    """Collects rows in any order, and writes the Parquet file of a part as soon as all its rows have been added.

    Args:
        folder: Folder of the run.
        manifest: Manifest of the run.
    """

    def __init__(self, folder: Path, manifest: Manifest):
        self._folder, self._manifest = folder, manifest
        self._rows: dict[int, dict[int, pa.Table]] = {part: {} for part in manifest.missing(folder)}

    def add(self, table: pa.Table) -> None:
        """Add rows, as :func:`to_table` returns them. A row that is added twice counts once."""
        for row, position in enumerate(table[POSITION].to_pylist()):
            part = position // self._manifest.part
            if (rows := self._rows.get(part)) is None:  # the part is already written
                continue
            rows[position] = table.slice(row, 1)
            if len(rows) == len(self._manifest.positions(part)):
                self._write(part, self._rows.pop(part))

    @property
    def missing(self) -> int:
        """Number of parts whose files have not been written yet."""
        return len(self._rows)

    def _write(self, part: int, rows: dict[int, pa.Table]) -> None:
        table = pa.concat_tables(rows[position] for position in sorted(rows)).drop_columns(POSITION)
        with new_file(part_path(self._folder, part), durable=True) as new:
            parquet.write_table(table.combine_chunks(), new, compression="zstd")


def _row(prediction: Prediction) -> dict[str, object]:
    found = prediction.detections
    if found is None:
        return {"file": prediction.source.name, "error": prediction.error}
    height, width = found.image_size
    return {
        "file": prediction.source.name,
        "width": width,
        "height": height,
        "labels": found.labels,
        "names": found.names,
        "scores": found.scores,
        "boxes": list(found.boxes),
    }


def _detections(row: dict[str, object], classes: tuple[str, ...]) -> Detections | None:
    if row["error"] is not None:
        return None
    boxes = np.array(row["boxes"], np.float32).reshape(-1, 4)
    scores, labels = np.array(row["scores"], np.float32), np.array(row["labels"], np.int64)
    return Detections(boxes, scores, labels, classes, (int(row["height"]), int(row["width"])))  # type: ignore[call-overload]
