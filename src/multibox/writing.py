"""How files and folders are written, and the one rule for what may be replaced.

A file or folder appears whole or not at all. It is written into a hidden folder next to its place and moved when it is
complete. An error leaves everything as it was. What a killed process leaves behind is removed, and what it was about to
replace is put back, by the next process that writes to the same folder.

The rule:

- Multibox marks what it writes. A folder that it makes carries the file ``.multibox``, which lists the content with its
  sizes and times. A single file carries a mark inside, or is listed in the ``.multibox`` of its folder.
- What Multibox wrote, and nobody has changed since, may be replaced by something of the same kind.
- Anything else is kept. If Multibox chose the name, it takes the next free name, such as ``model-2.onnx``. If the user
  gave the name, writing is refused until the user sets ``replace=True``.
- A dataset is replaced only with ``replace=True``, and a training run never: both may hold hours of work.
- A folder in which there is something that Multibox did not write is never replaced, not even with ``replace=True``.
"""

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from multibox.errors import BadInput, RunFailed
from multibox.scratch import Scratch

MARKER: Final = ".multibox"
"""The file that lists what Multibox wrote into a folder. Its name has no suffix, so that no reader mistakes it for
data."""

_ABOUT: Final = "Multibox wrote what is listed here, and may replace it as long as nobody changes it."

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Error numbers that the system gives when a disk is full."""

Raised = BadInput | RunFailed


def _never(path: Path) -> bool:
    return False


@dataclass(frozen=True)
class Kind:
    """A kind of file or folder that Multibox writes, such as a model or a report.

    Attributes:
        name: Name of the kind in the marker and in messages.
        is_own: Function that says whether Multibox wrote a path that has no marker: a file with a mark inside, or
            something that version 0.1.0 wrote.
        on_request: Whether files and folders of this kind are replaced only with ``replace=True``, even unchanged ones
            that Multibox wrote.
    """

    name: str
    is_own: Callable[[Path], bool] = _never
    on_request: bool = False


@contextmanager
def new_file(
    path: str | os.PathLike[str], kind: Kind | None = None, *, replace: bool = False, durable: bool = False
) -> Iterator[Path]:
    """Write a file, and the files that belong next to it, all at once.

    When the block ends, all files are moved to their places, ``path`` last. When the block fails, none of them remains.

    Args:
        path: Path of the file. Missing folders are made.
        kind: Kind of the file, for the rule of :mod:`multibox.writing`. None always replaces the file, for files in
            places that belong to Multibox, such as a run's folder or the cache.
        replace: Whether to replace a file that Multibox did not write, or that was changed since Multibox wrote it.
        durable: Whether the file is flushed to the disk before it is moved to its place, so that it survives a power
            cut.

    Yields:
        Path to write the file to: it has the same name, in an empty folder on the same disk.

    Raises:
        BadInput: The path holds a file that may not be replaced, or its folder cannot be written.
        RunFailed: The disk is full.
    """
    with _completed(Unfinished(path, kind, replace=replace, durable=durable)) as new:
        yield new


@contextmanager
def new_folder(path: str | os.PathLike[str], kind: Kind, *, replace: bool = False) -> Iterator[Path]:
    """Write a folder.

    When the block ends, the folder gets its marker and is moved to its place. When the block fails, nothing of it
    remains.

    Args:
        path: Path of the folder. Missing folders above it are made. A link is followed.
        kind: Kind of the folder, for the rule of :mod:`multibox.writing`.
        replace: Whether to replace a folder that is otherwise refused: a folder that was changed since Multibox wrote
            it, or a dataset.

    Yields:
        Empty folder of the same name on the same disk, to write into.

    Raises:
        BadInput: The path holds something that may not be replaced, or the folder above cannot be written.
        RunFailed: The disk is full.
    """
    with _completed(Unfinished(path, kind, is_folder=True, replace=replace)) as new:
        yield new


@contextmanager
def _completed(unfinished: "Unfinished") -> Iterator[Path]:
    """Finish a file or folder when the block ends, or discard it when the block fails."""
    try:
        with naming(unfinished.given):
            yield unfinished.path
    except BaseException:
        unfinished.discard()
        raise
    unfinished.finish()


class Unfinished:
    """A file or folder that is being written, for writers that cannot use a ``with`` block.

    Args:
        target: Path at which the finished file or folder appears. Missing folders above it are made.
        kind: Kind of the file or folder, as :func:`new_file` takes it.
        is_folder: Whether a folder is written instead of a file.
        replace: Whether an existing file or folder may be replaced, as :func:`new_file` takes it.
        durable: Whether to wait until the file is on the disk, as :func:`new_file` takes it.

    Attributes:
        given: Path to write as the caller wrote it, for messages.
        path: Path to write to, with the same name in an empty folder. A folder exists there already. Files that are
            written next to the path are moved with it.

    Raises:
        BadInput: The target holds something that may not be replaced, or the folder above cannot be written.
        RunFailed: The disk is full.
    """

    def __init__(
        self,
        target: str | os.PathLike[str],
        kind: Kind | None = None,
        *,
        is_folder: bool = False,
        replace: bool = False,
        durable: bool = False,
    ):
        self.given, self._kind, self._is_folder, self._durable = Path(target), kind, is_folder, durable
        self._target = self.given.resolve() if is_folder else self.given
        self._replace = replace
        self._check()
        with naming(self.given, always=True):
            self._made = _make_folders(self._target.parent)
            self._scratch = Scratch(self._target.parent)
            self.path = self._scratch.folder / self._target.name
            if is_folder:
                self.path.mkdir()

    def finish(self) -> None:
        """Move the file or folder to its place, with the files that were written next to it."""
        try:
            with naming(self.given, always=True):
                if self._kind is not None and self._is_folder:
                    mark_folder(self.path, self._kind)
                self._check()
                self._move()
        except BaseException:
            self.discard()
            raise
        self._scratch.close()
        if self._kind is not None and self._target.is_file() and not self._kind.is_own(self._target):
            note(self._target)

    def discard(self) -> None:
        """Remove the unfinished file or folder."""
        self._scratch.close()
        for folder in reversed(self._made):
            with suppress(OSError):  # something else is in it by now
                folder.rmdir()

    def _check(self) -> None:
        if self._kind is not None:
            (check_folder if self._is_folder else check_file)(self.given, self._kind, replace=self._replace)

    def _move(self) -> None:
        for path in sorted(self._scratch.content(), key=lambda path: path.name == self._target.name):
            if self._durable:
                _bring_to_disk(path)
            self._scratch.move(path, self._target.parent / path.name)
        if self._durable:
            _bring_to_disk(self._target.parent)


@contextmanager
def naming(path: Path, *, always: bool = False) -> Iterator[None]:
    """Turn the operating system's errors in writing a file into errors that name the file.

    Args:
        path: File or folder that is being written.
        always: Whether every ``OSError`` of the block becomes an error that names the file. Otherwise only the error of
            a full disk does.

    Raises:
        BadInput: The path cannot be written.
        RunFailed: The disk is full or broken.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise RunFailed(f"{path}: cannot be written: {error.strerror}; make room on the disk") from error
        if not always:
            raise
        message = f"cannot be written: {error.strerror or error}"
        if error.errno == errno.EIO:
            raise RunFailed(f"{path}: {message}") from error
        raise BadInput(path, message) from error


def check_file(path: str | os.PathLike[str], kind: Kind, *, replace: bool = False) -> None:
    """Verify that a file may be written, before the work that produces it begins.

    Args:
        path: Path of the file.
        kind: Kind of the file, which says what may be replaced.
        replace: Whether to replace a file that Multibox did not write, or that was changed since Multibox wrote it.

    Raises:
        BadInput: The path holds something that may not be replaced.
    """
    path = Path(path)
    if path.is_dir():
        raise BadInput(path, "is a folder; give the name of a file")
    if not os.path.lexists(path) or replace or is_own_file(path, kind):
        return
    marker = _read_marker(path.parent)
    is_listed = marker is not None and path.name in (*marker.wrote, *marker.beside)
    reason = "was changed since Multibox wrote it" if is_listed else "exists, and Multibox did not write it"
    raise BadInput(path, f"{reason}; give another name, or set replace=True")


def check_folder(path: str | os.PathLike[str], kind: Kind, *, replace: bool = False) -> None:
    """Verify that a folder may be written, before the work that produces it begins.

    Args:
        path: Path of the folder.
        kind: Kind of the folder, which says what may be replaced.
        replace: Whether to replace a folder that was changed since Multibox wrote it, or whose kind is replaced only
            with ``replace=True``.

    Raises:
        BadInput: The path holds something that may not be replaced.
    """
    given, path = path, Path(path).resolve()
    if not os.path.lexists(path):
        return
    if not path.is_dir():
        raise BadInput(given, "is not a folder; give another name")
    held = {entry.name for entry in path.iterdir()}
    if not held:
        return
    marker = _read_marker(path)
    if not kind.is_own(path) if marker is None else marker.kind != kind.name:
        raise BadInput(given, f"is not empty, and holds no {kind.name} of Multibox; give another name")
    foreign = held - {MARKER, *marker.wrote} if marker is not None else set()
    if foreign:
        raise BadInput(given, f"holds {min(foreign)}, which Multibox did not write; give another name")
    if replace:
        return
    if kind.on_request:
        raise BadInput(given, "exists already; give another name, or set replace=True")
    if marker is not None and not _is_unchanged(path, marker):
        raise BadInput(given, "was changed since Multibox wrote it; give another name, or set replace=True")


def is_own_file(path: Path, kind: Kind) -> bool:
    """Whether Multibox wrote a file of this kind, and nobody has changed the file since."""
    if path.is_symlink() or not path.is_file():
        return False
    marker = _read_marker(path.parent)
    known = {} if marker is None else {**marker.wrote, **marker.beside}
    return kind.is_own(path) or known.get(path.name) == mark(path)


def numbered(name: str, after: int = 0) -> Iterator[str]:
    """The names that Multibox tries when it chooses one: ``NAME``, ``NAME-2``, ``NAME-3`` and so on, without end.

    Args:
        name: First name, to which the numbers of the other names are appended.
        after: Number of names to skip at the start.
    """
    yield from (name if number == 1 else f"{name}-{number}" for number in count(after + 1))


def first_free(folder: Path, name: str, suffix: str, check: Callable[[Path], object]) -> Path:
    """The first of ``NAME``, ``NAME-2`` and so on that may be written.

    Args:
        folder: Folder in which the name must be free.
        name: First name to try, without suffix.
        suffix: Suffix of the file, such as ``.onnx``.
        check: Function that raises BadInput for a path that may not be written.
    """
    return next(path for candidate in numbered(name) if _passes(path := folder / f"{candidate}{suffix}", check))


def mark_folder(folder: Path, kind: Kind) -> None:
    """Write the marker of a folder in which Multibox wrote every file."""
    _write_marker(folder, _Marker(kind.name, {path.name: mark(path) for path in sorted(folder.iterdir())}))


def note(path: Path) -> None:
    """List a file in the marker of its folder, with its present size and modification time.

    A file beside the content of another folder, such as detections in the folder of a report, is listed separately. It
    does not belong to that folder, so it is not removed when the folder is replaced.
    """
    marker = _read_marker(path.parent) or _Marker("")
    listed = marker.beside if marker.kind and path.name not in marker.wrote else marker.wrote
    still_there = {name: known for name, known in listed.items() if os.path.lexists(path.parent / name)}
    listed.clear()
    listed.update({**still_there, path.name: mark(path)})
    _write_marker(path.parent, marker)


def mark(path: Path) -> str:
    """Digest of the size and modification time of a file, or of all files in a folder.

    Version 0.1.0 made the same digest.
    """
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        status = file.stat(follow_symlinks=False)
        line = f"{file.relative_to(path)}\0{status.st_size}\0{status.st_mtime_ns}\n"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


@contextmanager
def locked(path: Path, busy: Raised) -> Iterator[None]:
    """Hold a lock during the block. The system releases the lock when the process ends.

    Args:
        path: Path of the lock file, in a folder that exists. The file is never removed: otherwise two processes could
            each hold a lock of that name.
        busy: Error to raise when another process holds the lock.

    Raises:
        BadInput: The lock file cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, thread_local=False)
    with naming(path, always=True):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise busy from None
    try:
        yield
    finally:
        lock.release()


@dataclass(frozen=True)
class _Marker:
    """A marker: the folder's kind (empty for a user's folder), its files, and other files of Multibox in it."""

    kind: str
    wrote: dict[str, str] = field(default_factory=dict)
    beside: dict[str, str] = field(default_factory=dict)


def _passes(path: Path, check: Callable[[Path], object]) -> bool:
    try:
        check(path)
    except BadInput:
        return False
    return True


def _read_marker(folder: Path) -> _Marker | None:
    try:
        values = json.loads((folder / MARKER).read_bytes())
        listed = (values["wrote"], values.get("beside", {}))
        return _Marker(
            str(values["kind"]), *({str(name): str(known) for name, known in part.items()} for part in listed)
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _write_marker(folder: Path, marker: _Marker) -> None:
    values = {"about": _ABOUT, "format": 1, "kind": marker.kind, "wrote": marker.wrote, "beside": marker.beside}
    with new_file(folder / MARKER) as new:
        new.write_text(json.dumps(values, indent=1), "utf-8")


def _is_unchanged(folder: Path, marker: _Marker) -> bool:
    return all(marker.wrote.get(path.name) == mark(path) for path in folder.iterdir() if path.name != MARKER)


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder and all missing folders above it.

    Returns:
        The folders that were missing, the outermost first.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()][::-1]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _bring_to_disk(path: Path) -> None:
    """Flush to the disk the content of a file, or the names in a folder."""
    if path.is_dir() and not hasattr(os, "O_DIRECTORY"):  # Windows cannot do it
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
