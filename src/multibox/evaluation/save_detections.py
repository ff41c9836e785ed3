"""Save the detections of an evaluation: in COCO's results format, and as the files of PASCAL's devkit."""

import os
from pathlib import Path

from multibox.evaluation.coco_results import save_results
from multibox.evaluation.devkit import refuse_other_files, save_devkit
from multibox.evaluation.evaluate import Evaluation


def save_detections(evaluation: Evaluation, path: str | os.PathLike[str]) -> None:
    """Write detections in COCO's results format.

    After a strict evaluation, the devkit's files are written too: into the folder ``found-devkit`` for ``found.json``.

    Args:
        evaluation: The evaluation.
        path: Path of the JSON file.

    Raises:
        BadInput: The devkit's folder holds other files.
    """
    test_set = evaluation.test_set
    save_results(path, evaluation.found, test_set.image_ids, test_set.category_ids)
    if evaluation.strict:
        save_devkit(devkit_folder(path), test_set.truth, evaluation.found, test_set.stores[0].meta.split)


def devkit_folder(path: str | os.PathLike[str]) -> Path:
    """The folder for the devkit's files next to a file of detections."""
    path = Path(path)
    return path.with_name(f"{path.stem}-devkit")


def refuse_other_detections(path: str | os.PathLike[str], *, strict: bool) -> None:
    """Refuse a place for detections before the work that leads to them.

    Args:
        path: Path of the JSON file.
        strict: Whether the devkit's files are written too.

    Raises:
        BadInput: The devkit's folder holds other files.
    """
    if strict:
        refuse_other_files(devkit_folder(path))
