"""The logs of a run, ``log.csv`` and ``validation.csv``: their columns, and how they are written and read."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from multibox.errors import BadInput
from multibox.writing import new_file

STEP_FIELDS = (
    "step",
    "epoch",
    "loss",
    "classification",
    "localisation",
    "positives",
    "lr",
    "images_per_second",
    "data_wait",
)
"""Columns of ``log.csv``, which has a row for every few steps."""

VALIDATION_FIELDS = ("epoch", "map", "map_11point", "map_50_95", "seconds")
"""Columns of ``validation.csv``, which has a row for each validation."""

Columns = dict[str, np.ndarray]
"""Columns of a log by name: ``(L,)`` float64, with NaN for unknown values."""


class RunLog:
    """A log that grows by a row at a time.

    Args:
        path: Path of the file. None writes nothing, as on all hosts but the first. In an existing file, rows up to
            ``last`` are kept and later ones are removed.
        fields: Names of the columns. The first column increases from row to row.
        last: Largest value of the first column to keep.
    """

    def __init__(self, path: Path | None, fields: tuple[str, ...], last: int = 0):
        self.path, self.fields = path, fields
        if path is None:
            return
        rows = _rows_until(path, len(fields), last)
        with new_file(path) as new, open(new, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([fields, *rows])

    def write(self, row: dict[str, Any]) -> None:
        """Add a row. Numbers have six digits."""
        if self.path is None:
            return
        values = [row[field] for field in self.fields]
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([f"{value:.6g}" if isinstance(value, float) else value for value in values])


def _rows_until(path: Path, columns: int, last: int) -> list[list[str]]:
    return [row for row in _rows(path)[1:] if len(row) == columns and int(row[0]) <= last]


def read_logs(steps: Path, validations: Path) -> tuple[Columns, Columns]:
    """Read both logs of a run.

    Args:
        steps: Path of ``log.csv``.
        validations: Path of ``validation.csv``.

    Returns:
        The columns of both. The second has none if there was no validation yet.

    Raises:
        BadInput: The run has written no row yet, or a log is damaged.
    """
    log = read_log(steps)
    if not log:
        raise BadInput(steps, "the run has written no row yet; wait for its first steps")
    return log, read_log(validations)


def read_log(path: Path) -> Columns:
    """Read a log of a run.

    Args:
        path: Path of the CSV file.

    Returns:
        The columns by name. A log of steps also has ``epoch_at``, the epoch of each step as a fraction. Without any
        row there are no columns.

    Raises:
        BadInput: A row is damaged.
    """
    rows = _rows(path)
    names, values = (rows[0], rows[1:]) if rows else ([], [])
    if values and len(values[-1]) < len(names):  # the run is just writing it
        values.pop()
    if not values:
        return {}
    try:
        array = np.array([[float(cell or "nan") for cell in row] for row in values]).reshape(-1, len(names))
    except ValueError:
        raise BadInput(path, f"is damaged; each row must have {len(names)} numbers") from None
    columns = dict(zip(names, array.T, strict=True))
    if {"step", "epoch"} <= columns.keys():
        columns["epoch_at"] = columns["step"] / _steps_per_epoch(columns["step"], columns["epoch"])
    return columns


def _rows(path: Path) -> list[list[str]]:
    if not path.is_file():
        return []
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        return list(csv.reader(file))


def _steps_per_epoch(step: np.ndarray, epoch: np.ndarray) -> float:
    """Each epoch ends with a row, and only the last epoch may be unfinished."""
    whole = epoch < epoch[-1]
    at = np.flatnonzero(whole)[-1] if whole.any() else -1
    return float(step[at] / epoch[at])
