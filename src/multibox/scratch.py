"""Hidden folders for what is not yet complete, and the removal of those that killed processes left behind."""

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

_SCRATCH: Final = ".multibox-new-"
_LOCK: Final = ".lock"
_OLD: Final = ".old"
_NO_LOCKS: Final = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EOPNOTSUPP})
"""What a file system without locks answers."""


class Scratch:
    """A hidden folder for what is not yet whole. It is locked, so that others can tell whether its process is alive.

    Args:
        parent: Folder to make it in.

    Attributes:
        folder: Path of the hidden folder.
    """

    def __init__(self, parent: Path):
        _remove_leftovers(parent)
        self._parent = parent
        self.folder, self._lock = _locked_folder(parent)

    def content(self) -> list[Path]:
        """What has been written."""
        return [path for path in self.folder.iterdir() if path.name not in (_LOCK, _OLD)]

    def move(self, new: Path, target: Path) -> None:
        """Move a file or folder to its place. A folder that is there already is put aside until the new one is."""
        if not (new.is_dir() and target.is_dir()):
            os.replace(new, target)
            return
        if not any(target.iterdir()):  # it may be the working folder, or the place of a mounted disk
            for path in new.iterdir():
                path.rename(target / path.name)
            return
        old = self.folder / _OLD / target.name
        old.parent.mkdir(exist_ok=True)
        target.rename(old)
        try:
            new.rename(target)
        except BaseException:
            old.rename(target)
            raise

    def close(self) -> None:
        """Remove the folder."""
        if self._lock is not None:
            self._lock.release()
        shutil.rmtree(self.folder, ignore_errors=True)


def _locked_folder(parent: Path) -> tuple[Path, Any]:
    """A new folder, and a lock on it; None where the file system has no locks."""
    from filelock import FileLock, Timeout

    while True:
        folder = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=parent))
        lock = FileLock(folder / _LOCK, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:  # another process took it for a leftover before it was locked
            continue
        except (OSError, NotImplementedError) as error:
            if isinstance(error, OSError) and error.errno not in _NO_LOCKS:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            return folder, None
        if (folder / _LOCK).exists():
            return folder, lock
        lock.release()


_cleared: set[Path] = set()
"""Folders in which this process has looked for leftovers. Others come from processes that ended meanwhile."""


def _remove_leftovers(parent: Path) -> None:
    """Remove what processes left behind that were killed, and put back what they had put aside."""
    parent = parent.resolve()
    if parent in _cleared:
        return
    _cleared.add(parent)
    for folder in parent.glob(f"{_SCRATCH}*"):
        _remove_leftover(folder)


def _remove_leftover(folder: Path) -> None:
    from filelock import FileLock, Timeout

    lock = FileLock(folder / _LOCK, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError, NotImplementedError):  # its process is alive, or nobody can tell
        return
    for old in (folder / _OLD).glob("*"):
        target = folder.parent / old.name
        if not os.path.lexists(target):
            old.rename(target)
    shutil.rmtree(folder, ignore_errors=True)  # while it is locked, as its process may only be about to lock it
    lock.release()
    shutil.rmtree(folder, ignore_errors=True)  # Windows keeps the lock's file until then
