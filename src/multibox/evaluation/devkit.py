"""PASCAL VOC's results files: a text line for each detection, for the devkit or the evaluation server."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from multibox.evaluation.columns import Found, Truth
from multibox.evaluation.voc import by_score
from multibox.writing import Kind, new_folder

DECIMALS = 6
"""Number of decimals of scores and corners, as the devkit's examples write them with ``%f``."""


def as_written(found: Found) -> Found:
    """Detections with scores and corners rounded to six decimals, as the devkit reads them from its files.

    Rounding can make two scores equal, and their order then decides which detection takes an object. So only rounded
    numbers give exactly the devkit's results.
    """
    corners = written_boxes(found)
    corners[:, :2] -= 1
    return Found(found.images, found.labels, written_scores(found), corners)


def written_boxes(found: Found) -> np.ndarray:
    """Boxes ``(D, 4)`` float64 as the devkit writes them, first and last pixels: ``x0 + 1, y0 + 1, x1, y1``."""
    return np.round(found.boxes + np.array([1.0, 1.0, 0.0, 0.0]), DECIMALS)


def written_scores(found: Found) -> np.ndarray:
    """Scores as the devkit writes them: ``(D,)`` float64 with six decimals."""
    return np.round(np.asarray(found.scores, np.float64), DECIMALS)


def save_devkit(
    folder: str | os.PathLike[str], truth: Truth, found: Found, split: str = "test", *, replace: bool = False
) -> None:
    """Write detections as a folder of the devkit's files ``comp4_det_SPLIT_CLASS.txt``.

    Args:
        folder: Path of the folder. An existing folder that holds only the devkit's detection files is replaced.
        truth: Objects of the test set, from which the names of classes and images are taken.
        found: Detections in the test set.
        split: Name of the split, as part of the file names.
        replace: Whether to replace a folder that was changed after Multibox wrote it.

    Raises:
        BadInput: The folder contains other files, or was changed and ``replace`` is false.
    """
    with new_folder(folder, DEVKIT, replace=replace) as new:
        for label, name in enumerate(truth.classes):
            lines = _lines(truth, found.keep(found.labels == label))
            (new / f"comp4_det_{split}_{name.replace('/', '_')}.txt").write_text("".join(lines), "utf-8")


def _is_devkit(folder: Path) -> bool:
    """Whether a folder contains only the devkit's files. Version 0.1.0 wrote no marker file into it."""
    return all(_is_devkit_file(path) for path in folder.iterdir())


def _is_devkit_file(path: Path) -> bool:
    return path.match("comp4_det_*.txt") and path.is_file()


DEVKIT = Kind("devkit folder", _is_devkit)


def _lines(truth: Truth, found: Found) -> Iterator[str]:
    found = found.keep(by_score(found.scores))
    columns = zip(found.images, written_scores(found), written_boxes(found), strict=True)
    for image, score, (x0, y0, x1, y1) in columns:
        yield f"{truth.image_ids[image]} {score:.6f} {x0:.6f} {y0:.6f} {x1:.6f} {y1:.6f}\n"
