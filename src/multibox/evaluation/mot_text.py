"""Read tracks from text files of the MOT Challenge: one box a row, with frame, id, edges, score and class.

A row holds, separated by commas: frame (from 1), id, left, top, width, height, score, class number (from 1) and
visibility. Boxes are taken as they stand: left and top are edges, in pixels.
"""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from multibox.errors import BadInput

FIELDS: Final = ("frame", "id", "left", "top", "width", "height", "score", "class", "visibility")

FEWEST: Final = 7
"""Smallest number of columns: without class and visibility."""

MOST: Final = 10
"""Largest number of columns. Those after the class hold nothing in predictions, and the last holds nothing in truth."""

UNKNOWN: Final = -1
"""Number that stands for an unknown class or visibility."""

LARGEST: Final = 2**53
"""Bound of frames and ids. Larger whole numbers are not exact as floating-point numbers."""

Row = list[float]
Fault = tuple[str, str]


@dataclass(frozen=True)
class Rows:
    """Boxes of tracks in one sequence, one a row.

    Args:
        path: Path of the file.
        frames: ``(N,)`` frame numbers, from 1.
        ids: ``(N,)`` ids of the tracks.
        boxes: ``(N, 4)`` boxes ``x0, y0, x1, y1``, in pixels.
        scores: ``(N,)`` scores. In truth, 1 for judged rows and 0 for ignored ones.
        classes: ``(N,)`` class numbers from 1. -1 means unknown.
        visibility: ``(N,)`` visible fractions of the objects, from 0 to 1. 1 if unknown.
        lines: ``(N,)`` line numbers in the file, from 1.
    """

    path: Path
    frames: np.ndarray
    ids: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray
    visibility: np.ndarray
    lines: np.ndarray

    def __len__(self) -> int:
        return len(self.frames)


def read_predictions(path: str | os.PathLike[str]) -> Rows:
    """Read predicted tracks.

    Args:
        path: Path of the text file.

    Raises:
        BadInput: A row cannot be used, or an id occurs twice in a frame.
    """
    return _read(Path(path), _prediction_fault, visible=False)


def read_truth(path: str | os.PathLike[str]) -> Rows:
    """Read true tracks.

    Args:
        path: Path of the text file.

    Raises:
        BadInput: A row cannot be used, or an id occurs twice in a frame.
    """
    return _read(Path(path), _truth_fault, visible=True)


def empty_rows(path: str | os.PathLike[str]) -> Rows:
    """The rows of a sequence without boxes.

    Args:
        path: Path that messages would name.
    """
    return _columns(Path(path), [], [], visible=False)


def _read(path: Path, find_fault: Callable[[Row], Fault | None], *, visible: bool) -> Rows:
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(path, "is not a text file; give tracks in MOT Challenge's text format") from None
    rows, lines = [], []
    for line, content in enumerate(text.splitlines(), 1):
        if not content.strip():
            continue
        row = _numbers(path, line, content)
        fault = _box_fault(row) or find_fault(row)
        if fault is not None:
            raise _bad(path, line, *fault)
        rows.append(row)
        lines.append(line)
    found = _columns(path, rows, lines, visible=visible)
    _require_unique(found)
    return found


def _bad(path: Path, line: int, field: str, message: str) -> BadInput:
    return BadInput(path, f"line {line}: {field} {message}")


def _numbers(path: Path, line: int, content: str) -> Row:
    """The numbers of a row, with -1 for columns that it does not have."""
    parts = [part.strip() for part in content.split(",")]
    if parts[-1] == "":
        parts.pop()
    if not FEWEST <= len(parts) <= MOST:
        raise BadInput(
            path,
            f"line {line} has {len(parts)} columns separated by commas; expected {FEWEST} to {MOST}: "
            f"{', '.join(FIELDS)}",
        )
    row = []
    for field, part in zip(FIELDS, parts, strict=False):
        try:
            number = float(part)
        except ValueError:
            raise _bad(path, line, field, f"is {part or 'empty'}; it must be a number") from None
        if not math.isfinite(number):
            raise _bad(path, line, field, f"is {part}; it must be a finite number")
        row.append(number)
    return row + [UNKNOWN] * (len(FIELDS) - len(row))


def _box_fault(row: Row) -> Fault | None:
    """The field of a row that is wrong in predictions and in truth, and what is wrong with it."""
    frame, track, _, _, width, height, _, label, _ = row
    if not (frame.is_integer() and 1 <= frame <= LARGEST):
        return "frame", f"is {frame:g}; frames are whole numbers from 1"
    if not (track.is_integer() and 0 <= track <= LARGEST):
        return "id", f"is {track:g}; ids of tracks are whole numbers from 0"
    if width < 0 or height < 0:
        return ("width", f"is {width:g}, below 0") if width < 0 else ("height", f"is {height:g}, below 0")
    if label != UNKNOWN and not (label.is_integer() and 1 <= label <= LARGEST):
        return "class", f"is {label:g}; classes are whole numbers from 1, or {UNKNOWN} if unknown"
    return None


def _prediction_fault(row: Row) -> Fault | None:
    return None


def _truth_fault(row: Row) -> Fault | None:
    score, visibility = row[6], row[8]
    if score not in (0, 1):
        return "score", f"is {score:g}; truth has 1 for judged rows and 0 for ignored rows"
    if visibility != UNKNOWN and not 0 <= visibility <= 1:
        return "visibility", f"is {visibility:g}; it must be from 0 to 1, or {UNKNOWN} if unknown"
    return None


def _columns(path: Path, rows: list[Row], lines: list[int], *, visible: bool) -> Rows:
    table = np.array(rows, np.float64).reshape(-1, len(FIELDS))
    corners, sizes = table[:, 2:4], table[:, 4:6]
    visibility = np.where(table[:, 8] == UNKNOWN, 1.0, table[:, 8]) if visible else np.ones(len(table))
    return Rows(
        path,
        table[:, 0].astype(np.int64),
        table[:, 1].astype(np.int64),
        np.concatenate([corners, corners + sizes], axis=1),
        table[:, 6],
        table[:, 7].astype(np.int64),
        visibility,
        np.array(lines, np.int64),
    )


def _require_unique(rows: Rows) -> None:
    order = np.lexsort((rows.lines, rows.ids, rows.frames))
    frames, ids = rows.frames[order], rows.ids[order]
    (repeats,) = np.nonzero((frames[1:] == frames[:-1]) & (ids[1:] == ids[:-1]))
    if len(repeats):
        first = repeats[np.argmin(rows.lines[order][repeats + 1])]
        earlier, later = rows.lines[order][first : first + 2]
        raise BadInput(
            rows.path,
            f"line {later}: id {ids[first]} is in frame {frames[first]} twice, here and in line {earlier}; "
            "give each box of a frame an id of its own",
        )
