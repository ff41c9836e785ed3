"""PASCAL VOC's results files, with a line for each detection, for the devkit or the evaluation server."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from multibox.errors import BadInput
from multibox.evaluation.columns import Found, Truth
from multibox.evaluation.voc import by_score

DECIMALS = 6
"""Decimals of ``%f``, with which the devkit's examples write scores and corners."""


def as_written(found: Found) -> Found:
    """The detections as the devkit reads them from its files: scores and corners with six decimals.

    Rounding makes ties, and a tie can decide which of two detections takes an object. So only rounded numbers give the
    devkit's figures exactly.
    """
    corners = written_boxes(found)
    corners[:, :2] -= 1
    return Found(found.images, found.labels, written_scores(found), corners)


def written_boxes(found: Found) -> np.ndarray:
    """``(D, 4)`` float64 first and last pixels inside, counted from 1 as in VOC: ``x0 + 1, y0 + 1, x1, y1``."""
    return np.round(found.boxes + np.array([1.0, 1.0, 0.0, 0.0]), DECIMALS)


def written_scores(found: Found) -> np.ndarray:
    """``(D,)`` float64 scores."""
    return np.round(np.asarray(found.scores, np.float64), DECIMALS)


def save_devkit(folder: str | os.PathLike[str], truth: Truth, found: Found, split: str = "test") -> None:
    """Write a folder of ``comp4_det_SPLIT_CLASS.txt``, as the devkit reads them.

    Args:
        folder: Path of the folder. A folder that holds only such files is replaced.
        truth: Objects of the test set, for the names of classes and images.
        found: Detections.
        split: Name of the split, for the names of the files.

    Raises:
        BadInput: The folder holds other files.
    """
    folder = Path(folder)
    refuse_other_files(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for label, name in enumerate(truth.classes):
            lines = _lines(truth, found.keep(found.labels == label))
            (partial / f"comp4_det_{split}_{name.replace('/', '_')}.txt").write_text("".join(lines), "utf-8")
        partial.chmod(0o755)
        if folder.exists():
            refuse_other_files(folder)
            shutil.rmtree(folder)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def refuse_other_files(folder: Path) -> None:
    """Refuse to replace anything but a folder of the devkit's files.

    Raises:
        BadInput: It is something else.
    """
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise BadInput(folder, "is not a folder; move it away, or save the detections under another name")
    other = next((path.name for path in sorted(folder.iterdir()) if not _is_devkit_file(path)), None)
    if other is not None:
        raise BadInput(
            folder,
            f"holds other files than comp4_det_*.txt, such as {other}; "
            "move them away, or save the detections under another name",
        )


def _is_devkit_file(path: Path) -> bool:
    return path.match("comp4_det_*.txt") and path.is_file()


def _lines(truth: Truth, found: Found) -> Iterator[str]:
    found = found.keep(by_score(found.scores))
    columns = zip(found.images, written_scores(found), written_boxes(found), strict=True)
    for image, score, (x0, y0, x1, y1) in columns:
        yield f"{truth.image_ids[image]} {score:.6f} {x0:.6f} {y0:.6f} {x1:.6f} {y1:.6f}\n"
