"""Packs the files of a model to send them to other machines."""

import hashlib
from pathlib import Path

from multibox.errors import BadInput


def pack(path: Path) -> dict[str, bytes]:
    """Read all files of a model: a single file, an OpenVINO model with its weights, or the content of a SavedModel.

    Args:
        path: Path of the model file or folder.

    Returns:
        Content of the files, by path relative to the model's folder.

    Raises:
        BadInput: The model does not exist.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
    else:
        files = [path, *([path.with_suffix(".bin")] if path.suffix == ".xml" else [])]
    try:
        return {file.relative_to(path.parent).as_posix(): file.read_bytes() for file in files}
    except OSError as error:
        raise BadInput(error.filename, f"cannot be read: {error.strerror}; give the path of a model") from None


def unpack(files: dict[str, bytes], folder: Path) -> None:
    """Write the files of a model into a folder."""
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def digest(files: dict[str, bytes]) -> str:
    """A hash of a model's files, 64 hexadecimal digits. The name of the model does not affect the hash."""
    parts = [hashlib.sha256(content).digest() for content in files.values()]
    return hashlib.sha256(b"".join(parts)).hexdigest()
