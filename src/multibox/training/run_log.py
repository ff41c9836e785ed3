"""The logs of a run, ``log.csv`` and ``validation.csv``: their columns, writing and reading."""

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
"""Names of the columns of ``log.csv``, which has a row every few steps."""

VALIDATION_FIELDS = ("epoch", "map", "map_11point", "map_50_95", "seconds")
"""Names of the columns of ``validation.csv``, which has a row for each validation."""

Columns = dict[str, np.ndarray]
"""Columns of a log by name: ``(L,)`` float64 for L rows, with NaN for unknown values."""


class RunLog:
    """A CSV file to which rows are added.

    Args:
        path: Path of the CSV file. None writes nothing, as on all hosts but the first. In an existing file, rows up to
            ``last`` are kept and later rows are removed.
        fields: Names of the columns. The first column must increase from row to row.
        last: Value of the first column up to which an existing file's rows are kept.
    """

    def __init__(self, path: Path | None, fields: tuple[str, ...], last: int = 0):
        self.path, self.fields = path, fields
        if path is None:
            return
        rows = _rows_until(path, len(fields), last)
        with new_file(path) as new, open(new, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([fields, *rows])

    def write(self, row: dict[str, Any]) -> None:
        """Add a row. Numbers are written with six significant digits."""
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
        Columns of ``log.csv``, and columns of ``validation.csv``. The latter are empty before the first validation.

    Raises:
        BadInput: The run has not logged a step yet, or a log is damaged.
    """
    log = read_log(steps)
    if not log:
        raise BadInput(steps, "the run has not logged a step yet; wait for its first steps")
    return log, read_log(validations)


def read_log(path: Path) -> Columns:
    """Read one log of a run.

    Args:
        path: Path of the CSV file.

    Returns:
        Columns by name, ``(L,)`` float64 each. For ``log.csv`` there is one more column, ``epoch_at``: the epochs
        completed at each step, with fractions. A log without rows has no columns.

    Raises:
        BadInput: A row of the log is damaged.
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
    """Number of steps in an epoch, from the rows that end epochs. Only the last epoch may be unfinished."""
    whole = epoch < epoch[-1]
    at = np.flatnonzero(whole)[-1] if whole.any() else -1
    return float(step[at] / epoch[at])
