"""Put thresholds into a model file; nothing else in it changes."""

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
    """Write the scores from which on detections are shown into a model file.

    Args:
        path: a ``.keras`` or ``.onnx`` file.
        thresholds: by class; other classes keep theirs.

    Raises:
        BadInput: another file, or a damaged one.
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
    """The file of a model, if it has a place for thresholds.

    Raises:
        BadInput: neither a ``.keras`` nor an ``.onnx`` file, or the shipped detector's.
    """
    if isinstance(path, str | os.PathLike) and is_shipped(model_path(path)):
        raise BadInput(
            "save_thresholds",
            f"{path} comes with multibox and stays as it is; give the file that 'multibox export {NAME}' writes",
        )
    if not isinstance(path, str | os.PathLike) or Path(path).suffix not in (".keras", ".onnx"):
        raise BadInput("save_thresholds", f"writes into a .keras or .onnx file, which {path} is not")
    return Path(path)


def _copy_with_member(path: Path, out: Path, text: str) -> None:
    """Copy a ``.keras`` file with another schema in it."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.infolist():
            new.writestr(member, text if member.filename == MEMBER else old.read(member))
