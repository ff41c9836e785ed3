"""Save the detections of an evaluation in COCO's results format and as files for PASCAL's devkit."""

import os
from pathlib import Path

from multibox.evaluation.coco_results import DETECTIONS, save_results
from multibox.evaluation.devkit import DEVKIT, save_devkit
from multibox.evaluation.evaluate import Evaluation
from multibox.writing import check_file, check_folder


def save_detections(evaluation: Evaluation, path: str | os.PathLike[str], *, replace: bool = False) -> None:
    """Write the detections of an evaluation in COCO's results format.

    After a strict evaluation, files for PASCAL's devkit are written too. For ``found.json`` they are in the folder
    ``found-devkit``.

    Args:
        evaluation: Evaluation whose detections are saved.
        path: Path of the JSON file.
        replace: Whether to replace files that Multibox did not write, or that were changed afterwards.

    Raises:
        BadInput: The files exist and may not be replaced.
    """
    check_detections(path, strict=evaluation.strict, replace=replace)
    test_set = evaluation.test_set
    save_results(path, evaluation.found, test_set.image_ids, test_set.category_ids, replace=replace)
    if evaluation.strict:
        split = test_set.stores[0].meta.split
        save_devkit(devkit_folder(path), test_set.truth, evaluation.found, split, replace=replace)


def check_detections(path: str | os.PathLike[str], *, strict: bool, replace: bool = False) -> None:
    """Verify that detections may be written to a path, before the evaluation that finds them.

    Args:
        path: Path of the JSON file to write.
        strict: Whether files for PASCAL's devkit will be written too.
        replace: Whether to replace files that Multibox did not write, or that were changed afterwards.

    Raises:
        BadInput: The files exist and may not be replaced.
    """
    check_file(path, DETECTIONS, replace=replace)
    if strict:
        check_folder(devkit_folder(path), DEVKIT, replace=replace)


def devkit_folder(path: str | os.PathLike[str]) -> Path:
    """Path of the folder for PASCAL's devkit files, next to a file of detections."""
    path = Path(path)
    return path.with_name(f"{path.stem}-devkit")
