"""Write score thresholds into a model file. Everything else in the file is left unchanged."""

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

from multibox.errors import BadInput
from multibox.metadata import copy_with_metadata
from multibox.models.file import read_onnx_schema, read_schema
from multibox.models.schema import MEMBER
from multibox.models.shipped import NAME, is_shipped, model_path
from multibox.writing import new_file


def save_thresholds(path: str | os.PathLike[str], thresholds: Mapping[str, float]) -> None:
    """Write the score thresholds above which detections are displayed into a model file.

    Args:
        path: Path of a ``.keras`` or ``.onnx`` model file.
        thresholds: Score threshold by class name, such as the ``thresholds`` of an evaluation. Other classes keep their
            thresholds.

    Raises:
        BadInput: The file has another format, or is damaged.
    """
    path = file_for_thresholds(path)
    is_onnx = path.suffix == ".onnx"
    schema = read_onnx_schema(path) if is_onnx else read_schema(path)
    changed = schema.model_copy(update={"thresholds": {**schema.thresholds, **thresholds}})
    target, text = path.resolve(), changed.to_json(indent=2)
    with new_file(target) as new:
        if is_onnx:
            copy_with_metadata(target, new, MEMBER, text)
        else:
            _copy_with_member(target, new, text)
        new.chmod(target.stat().st_mode & 0o777)


def file_for_thresholds(path: object) -> Path:
    """Verify that score thresholds can be written into a model file.

    Args:
        path: Path of a model file.

    Returns:
        Path of the model file, in which thresholds can be stored.

    Raises:
        BadInput: The path is neither a ``.keras`` nor an ``.onnx`` file, or is the bundled detector.
    """
    if isinstance(path, str | os.PathLike) and is_shipped(model_path(path)):
        raise BadInput(
            "save_thresholds",
            f"{path} is bundled with multibox and cannot be changed; export it first: multibox export {NAME}",
        )
    if not isinstance(path, str | os.PathLike) or Path(path).suffix not in (".keras", ".onnx"):
        raise BadInput("save_thresholds", f"{path} cannot store thresholds; give a .keras or .onnx file")
    return Path(path)


def _copy_with_member(path: Path, out: Path, text: str) -> None:
    """Copy a ``.keras`` file, with another schema in the copy."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.infolist():
            new.writestr(member, text if member.filename == MEMBER else old.read(member))
