"""From what a user names (files, folders, globs, URLs, cameras) to the images and videos to detect in."""

import glob
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from multibox.errors import BadInput

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".avif", ".heic", ".jp2")
"""Which files of a folder are pictures; a file that is named itself may be called anything."""

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv")
"""Which files are videos, wherever they are named."""

CAMERA = r"camera:\d{1,3}"

LONGEST = 100
"""Signs of a stream's address that files are called by: it may be longer than a file's name can be."""

STDIN = "-"
"""The name of standard input: a picture's bytes, or a list of paths, one a line."""


@dataclass(frozen=True)
class Source:
    """Something to look at.

    Attributes:
        name: the file, the URL, ``camera:0`` or ``-``.
        kind: a picture; a video, whose frames all count; or live pictures, of which only the newest does.
        encoded: a picture's bytes, where there is no file to read them from.
    """

    name: str
    kind: Literal["picture", "video", "live"] = "picture"
    encoded: bytes | None = field(default=None, repr=False)

    @property
    def stem(self) -> str:
        """What files that are written of it are called, without suffix."""
        if self.name == STDIN:
            return "stdin"
        if self.kind == "live":
            parts = urlsplit(self.name)
            place = parts.netloc.rpartition("@")[2] + parts.path  # without a user's name and password
            return re.sub(r"\W+", "-", place if parts.netloc else self.name).strip("-")[:LONGEST]
        return Path(urlsplit(self.name).path if "://" in self.name else self.name).stem


def find_sources(paths: Iterable[str | os.PathLike[str]]) -> list[Source]:
    """List what paths name.

    Args:
        paths: files, folders (the pictures and videos directly in them), globs (``**`` goes into folders), ``-`` for
            standard input, ``camera:0`` and so on, and URLs of pictures, videos and streams.

    Returns:
        the sources, in the order named, each once; those of a folder or a glob by name.

    Raises:
        BadInput: a path does not exist, or names nothing to look at.
    """
    found: dict[str, Source] = {}  # a set that keeps the order
    for path in paths:
        for source in _expand(os.fspath(path)):
            found.setdefault(source.name, source)
    return list(found.values())


def count_images(sources: Sequence[Source]) -> int | None:
    """How many images sources show; None where a video, which has to be read to tell, is among them."""
    return len(sources) if all(source.kind == "picture" for source in sources) else None


def _expand(path: str) -> list[Source]:
    if path == STDIN:
        return _from_stdin(sys.stdin.buffer.read())
    if re.fullmatch(CAMERA, path):
        return [Source(path, "live")]
    if "://" in path:
        return [_of_url(path)]
    if os.path.isfile(path):
        return [_of_file(path)]
    if os.path.isdir(path):
        files = _to_look_at(Path(path).iterdir())
        if not files:
            raise BadInput(path, f"has no pictures in it; they end in {', '.join(SUFFIXES)}")
        return files
    if not glob.has_magic(path):
        raise BadInput(path, "no such file or folder")
    files = _to_look_at(Path(match) for match in glob.glob(path, recursive=True))
    if not files:
        raise BadInput(path, f"matches no picture; they end in {', '.join(SUFFIXES)}")
    return files


def _from_stdin(content: bytes) -> list[Source]:
    """A list of paths where it is text, which no picture is; a path that is not there is met like a broken file."""
    try:
        lines = [] if b"\0" in content else content.decode().splitlines()
    except UnicodeDecodeError:
        lines = []
    paths = [line.strip() for line in lines if line.strip()]
    if paths:
        return [source for path in paths for source in _expand_listed(path)]
    if not content.strip():
        raise BadInput("-", "standard input is empty; pipe a picture into it, or a list of paths")
    return [Source(STDIN, encoded=content)]


def _expand_listed(path: str) -> list[Source]:
    known = os.path.exists(path) or "://" in path or re.fullmatch(CAMERA, path)
    return _expand(path) if known else [_of_file(path)]


def _of_file(path: str) -> Source:
    return Source(path, "video" if _is_video(path) else "picture")


def _of_url(url: str) -> Source:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadInput(url, f"not an address: {error}") from None
    if parts.scheme in ("http", "https") and parts.path.lower().endswith(SUFFIXES):
        return Source(url)
    return Source(url, "video" if _is_video(parts.path) else "live")


def _is_video(path: str) -> bool:
    return path.lower().endswith(VIDEO_SUFFIXES)


def _to_look_at(paths: Iterable[Path]) -> list[Source]:
    known = (*SUFFIXES, *VIDEO_SUFFIXES)
    return [_of_file(str(path)) for path in sorted(paths) if path.suffix.lower() in known and path.is_file()]
