"""Lists the files of a dataset once, and reads them."""

import json
import os
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from multibox.errors import BadInput

T = TypeVar("T")
Test = Callable[[Any], bool]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")

_LEFT_OUT = {"__MACOSX", "__pycache__", "node_modules"}
_KEPT = 256_000_000
"""Size of the parsed JSON files that are kept, bytes of their text: each is read by several formats."""


class Files:
    """The files of a dataset: all files below a folder, or a single annotation file and the files near it.

    Hidden files and folders are left out.

    Args:
        path: Path of a folder or a file.
        tests: Functions that test whether the content of a JSON file belongs to a format, one for each format. All are
            called when a file is parsed, so that a file too large to be cached is not parsed again for each.
    """

    def __init__(self, path: Path, tests: Iterable[Test] = ()):
        self.path = path
        self.root = path if path.is_dir() else path.parent
        self.not_json: dict[Path, str] = {}
        """Error messages of JSON files that could not be read, by their paths."""
        self.equals: dict[Path, Path] = {}
        """Images that were used although another image of the same name was equally near. The values are the other
        images."""
        self._tests = tuple(tests)
        self._passed: dict[Path, dict[Test, bool]] = {}
        self._parsed: dict[Path, tuple[int, Any]] = {}
        self._kept = 0

    @cached_property
    def listed(self) -> list[Path]:
        """The files that may hold annotations, sorted by path."""
        return walk(self.path) if self.path.is_dir() else [self.path]

    @cached_property
    def images(self) -> list[Path]:
        """The images below the root, sorted by path."""
        found = self.listed if self.path.is_dir() else walk(self.root, NEAR)
        return [path for path in found if is_image(path)]

    def with_suffix(self, *suffixes: str) -> list[Path]:
        """The listed files that have one of the given suffixes, which must be in lower case."""
        found = [path for suffix in suffixes for path in self._by_suffix.get(suffix, ())]
        return found if len(suffixes) == 1 else sorted(found)

    @cached_property
    def _by_suffix(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for path in self.listed:
            found.setdefault(path.suffix.lower(), []).append(path)
        return found

    def named(self, *names: str) -> list[Path]:
        """The files that have one of the given names, which must be in lower case, those nearest to the root first.

        For a single annotation file, the files in its folder are searched.
        """
        listed = self.listed if self.path.is_dir() else self.root.iterdir()
        found = [path for path in listed if path.name.lower() in names]
        return sorted(found, key=lambda path: (len(path.parts), names.index(path.name.lower())))

    def json(self, path: Path) -> Any:
        """Read and parse a JSON file.

        Raises:
            BadInput: The file cannot be read, or is not JSON.
        """
        if path not in self._parsed:
            try:
                text = path.read_bytes()
                content = json.loads(text)
            except OSError as error:
                raise BadInput(path, f"cannot be read: {error.strerror}") from None
            except (ValueError, RecursionError) as error:
                raise BadInput(path, f"not JSON: {_fault(error)}") from None
            while self._parsed and len(text) + self._kept > _KEPT:
                self._kept -= self._parsed.pop(next(iter(self._parsed)))[0]
            self._parsed[path] = len(text), content
            self._kept += len(text)
        return self._parsed[path][1]

    def json_where(self, is_its: Test) -> list[Path]:
        """The JSON files whose content passes a test. All are read only if one of a sample passes."""
        listed = self.with_suffix(".json")
        of_sample = sample(listed)
        found = [path for path in of_sample if self._passes(path, is_its)]
        if not found or len(listed) == len(of_sample):
            return found
        return [path for path in listed if self._passes(path, is_its)]

    def has_json(self, is_its: Test) -> bool:
        """Whether the content of any file in a sample of the JSON files passes a test."""
        return any(self._passes(path, is_its) for path in sample(self.with_suffix(".json")))

    def json_files(self) -> list[tuple[Path, Any]]:
        """The JSON files with their content. If there are many, only a sample."""
        found = [(path, self._json_or_none(path)) for path in sample(self.with_suffix(".json"))]
        return [(path, content) for path, content in found if path not in self.not_json]

    def _passes(self, path: Path, is_its: Test) -> bool:
        """Whether the content of a JSON file passes a test. False if it cannot be read."""
        passed = self._passed.setdefault(path, {})
        if is_its not in passed and path not in self.not_json:
            content = self._json_or_none(path)
            if path not in self.not_json:
                passed.update((test, test(content)) for test in (*self._tests, is_its))
        return passed.get(is_its, False)

    def _json_or_none(self, path: Path) -> Any:
        """The content of a JSON file. None if it cannot be read, which is remembered unless it is the only file.

        Raises:
            BadInput: The file is the source itself and cannot be read.
        """
        try:
            return self.json(path)
        except BadInput as error:
            if path == self.path:
                raise
            self.not_json[path] = error.message
            return None

    def short(self, path: Path) -> str:
        """A path for messages: relative to the root if it lies below the root."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)


def _fault(error: Exception) -> str:
    """What is wrong with a text that is no JSON, and where."""
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}: {error.msg[:1].lower()}{error.msg[1:]}"
    if isinstance(error, UnicodeDecodeError):
        return f"the text is not UTF-8 (byte {error.start}); save it as UTF-8"
    return "a number is too long" if isinstance(error, ValueError) else "it is nested too deeply"


def is_image(path: Path) -> bool:
    """Whether a file is an image, judged by its suffix."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def sample(paths: list[T], count: int = 64) -> list[T]:
    """Choose some items of a list, evenly spread. All if there are few."""
    return paths if len(paths) <= count else [paths[i * len(paths) // count] for i in range(count)]


MOST = 5_000_000
"""Largest number of files in a folder. A folder with more is assumed to be no dataset, such as a whole disk."""

NEAR = 200_000
"""Largest number of files that are listed to find the images of a single annotation file."""


def walk(folder: Path, most: int = MOST) -> list[Path]:
    """List the files of a folder and of all folders below, without hidden ones.

    Symbolic links are followed, but each folder is listed once. Stores and runs of Multibox are left out.

    Args:
        folder: Path of the folder.
        most: Largest number of files to list.

    Raises:
        BadInput: The folder holds more than ``most`` files.
    """
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    for base, folders, names in os.walk(folder, followlinks=True):
        status = os.stat(base)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        if _is_own(names):
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not _is_left_out(name))
        found += [Path(base, name) for name in names if not _is_left_out(name)]
        if len(found) > most:
            raise BadInput(folder, f"holds more than {most:,} files; give a smaller folder, or images=FOLDER")
    return sorted(found)


def _is_own(names: list[str]) -> bool:
    """Whether a folder holds stores or a training run of Multibox."""
    return any(name.endswith(".lmdb") for name in names) or {"config.yaml", "log.csv"} <= set(names)


def _is_left_out(name: str) -> bool:
    return name.startswith(".") or name in _LEFT_OUT


def fingerprint(paths: Iterable[Path]) -> dict[str, list[int]]:
    """Size in bytes and modification time in nanoseconds of each file that exists, by its absolute path."""
    found = {}
    for path in sorted(set(paths)):
        try:
            status = path.stat()
        except (OSError, ValueError):  # A ValueError is a name that no file can have
            continue
        found[os.path.abspath(path)] = [status.st_size, status.st_mtime_ns]
    return found
