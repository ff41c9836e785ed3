"""Which files are ours to replace: those that a prediction wrote and nobody has changed since."""

import hashlib
import json
import os
from pathlib import Path
from typing import Final

from multibox.errors import BadInput
from multibox.writing import new_file

STAMPS: Final = ".multibox-predict.json"
"""A file beside what was written, that says when it was."""


def stamp(path: Path) -> None:
    """Note that a file or folder is ours as it is now."""
    record = path.parent / STAMPS
    stamps = {name: mark for name, mark in _read(record).items() if os.path.lexists(path.parent / name)}
    with new_file(record) as new:
        new.write_text(json.dumps({**stamps, path.name: _mark(path)}, indent=1), "utf-8")


def is_ours(path: Path) -> bool:
    """Whether a file or folder is as a prediction left it."""
    noted = _read(path.parent / STAMPS).get(path.name)
    return noted is not None and not path.is_symlink() and noted == _mark(path)


def refuse_other(path: Path) -> None:
    """Refuse to replace what is not ours.

    Raises:
        BadInput: it is not.
    """
    if os.path.lexists(path) and not is_ours(path):
        raise BadInput(
            path, "was not written by 'multibox predict', or changed since; give another --out, or move it away"
        )


def _mark(path: Path) -> str:
    """Sizes and times of a file, or of all files in a folder."""
    mark = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        status = file.stat(follow_symlinks=False)
        mark.update(f"{file.relative_to(path)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return mark.hexdigest()


def _read(record: Path) -> dict[str, str]:
    try:
        stamps = json.loads(record.read_bytes())
    except (OSError, ValueError):
        return {}
    return stamps if isinstance(stamps, dict) else {}
