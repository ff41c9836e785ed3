"""The user's cache folder, for results that are computed once per machine."""

import hashlib
import os
from functools import cache
from pathlib import Path


def cache_folder() -> Path:
    """Path of the cache folder: ``multibox`` in ``$XDG_CACHE_HOME``, else in ``~/.cache``. It can be deleted."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "multibox"


def content_hash(path: Path) -> str:
    """A hash of a file's content, 32 hexadecimal digits."""
    status = path.stat()
    return _hash_of(path.resolve(), status.st_size, status.st_mtime_ns)


@cache
def _hash_of(path: Path, size: int, modified: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]
