"""The files of a model on the way to machines that have none of them."""

import hashlib
from pathlib import Path

from multibox.errors import BadInput


def pack(path: Path) -> dict[str, bytes]:
    """The files that a model is made of: one; of an OpenVINO model its weights too; of a SavedModel its folder's.

    Args:
        path: of the model file.

    Returns:
        their content, by their paths beside the model's.

    Raises:
        BadInput: there is no such model.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
    else:
        files = [path, *([path.with_suffix(".bin")] if path.suffix == ".xml" else [])]
    try:
        return {file.relative_to(path.parent).as_posix(): file.read_bytes() for file in files}
    except OSError as error:
        raise BadInput(error.filename, f"cannot be read: {error.strerror}; give a model file") from None


def unpack(files: dict[str, bytes], folder: Path) -> None:
    """Write the files of a model into a folder."""
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def digest(files: dict[str, bytes]) -> str:
    """Name a model by its content, whatever it is called: 64 hexadecimal digits."""
    parts = [hashlib.sha256(content).digest() for content in files.values()]
    return hashlib.sha256(b"".join(parts)).hexdigest()
