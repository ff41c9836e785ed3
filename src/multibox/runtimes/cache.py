"""The user's cache folder, for results that are computed once per machine."""

import hashlib
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

from multibox.errors import BadInput, RunFailed
from multibox.writing import Unfinished

Network = TypeVar("Network")


def cache_folder() -> Path:
    """Path of the cache folder: ``multibox`` in ``$XDG_CACHE_HOME``, else in ``~/.cache``.

    The folder can be deleted at any time.
    """
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "multibox"


def content_hash(path: Path) -> str:
    """Compute a hash of a file's content, 32 hexadecimal digits."""
    status = path.stat()
    return _hash_of(path.resolve(), status.st_size, status.st_mtime_ns)


@cache
def _hash_of(path: Path, size: int, modified: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def kept(
    place: Path, open_kept: Callable[[Path], Network], make: Callable[[Path], Network], *, is_folder: bool = False
) -> Network:
    """Open a converted network from the cache, or convert it and put the result into the cache.

    Args:
        place: Path of the converted file or folder in the cache.
        open_kept: Function that opens the converted file. If it raises BadInput because the file is damaged, the
            network is converted again.
        make: Function that converts the network, writes it to the given path, and opens it.
        is_folder: Whether the converted network is a folder. The folder already exists when ``make`` is called.

    Returns:
        The opened network. If the cache folder cannot be written, the network is converted again each time.
    """
    if place.exists():
        with suppress(BadInput):
            return open_kept(place)
    try:
        unfinished = Unfinished(place, is_folder=is_folder)
    except (BadInput, RunFailed):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / place.name
            if is_folder:
                path.mkdir()
            return make(path)
    try:
        network = make(unfinished.path)
    except BaseException:
        unfinished.discard()
        raise
    with suppress(BadInput, RunFailed):
        unfinished.finish()
    return network
