"""Hidden folders for files that are not yet complete, and their removal after a process was killed."""

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
"""Error numbers of file systems that do not support locks."""


class Scratch:
    """A hidden folder for incomplete files. Its lock tells other processes whether the process that made it is alive.

    Args:
        parent: Existing folder in which the hidden folder is made.

    Attributes:
        folder: Path of the hidden folder.
    """

    def __init__(self, parent: Path):
        _remove_leftovers(parent)
        self._parent = parent
        self.folder, self._lock = _locked_folder(parent)

    def content(self) -> list[Path]:
        """Paths of the files and folders that were written into the hidden folder."""
        return [path for path in self.folder.iterdir() if path.name not in (_LOCK, _OLD)]

    def move(self, new: Path, target: Path) -> None:
        """Move a finished file or folder to ``target``.

        If the move fails, an existing folder at ``target`` is left unchanged.
        """
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
        """Remove the hidden folder and all it holds."""
        if self._lock is not None:
            self._lock.release()
        shutil.rmtree(self.folder, ignore_errors=True)


def _locked_folder(parent: Path) -> tuple[Path, Any]:
    """A new hidden folder and its lock. The lock is None if the file system has no locks."""
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
"""Folders in which this process has already removed the leftovers of killed processes, which it does once per
folder."""


def _remove_leftovers(parent: Path) -> None:
    """Remove the hidden folders of killed processes, and put back the folders that they had put aside."""
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
