"""Finds the images and videos that a user names by files, folders, globs, URLs and cameras."""

import glob
import logging
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import cv2

from multibox.data.file_names import readable
from multibox.errors import BadInput

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".avif", ".heic", ".jp2")
"""Suffixes by which images in a folder are recognised. An image that the user names directly may have any suffix."""

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv")
"""Suffixes by which videos are recognised, in a folder or named directly."""

CAMERA = r"camera:\d{1,3}"

MOST_LOOKED_AT = 10_000
"""Largest number of files and folders that are searched for images in the subfolders of a folder, for a message."""

log = logging.getLogger(__name__)

LONGEST = 100
"""Number of characters of a stream's URL that are used in the names of its output files, as a URL may be too long for a
name."""

STDIN = "-"
"""Name of standard input, which holds the bytes of an image, or a list of paths, one per line."""


@dataclass(frozen=True)
class Source:
    """An image, a video or a live stream to detect objects in.

    Attributes:
        name: Path of the file, URL, ``camera:0`` or ``-``.
        kind: ``image``, ``video``, ``frames`` or ``live``. ``frames`` is a folder whose images are the frames of a
            video. ``live`` is a camera or stream, of which only the newest frame is taken.
        encoded: Bytes of an image that was read from standard input. None for all other sources.
    """

    name: str
    kind: Literal["image", "video", "frames", "live"] = "image"
    encoded: bytes | None = field(default=None, repr=False)

    @property
    def stem(self) -> str:
        """Name, without suffix, of the output files for this image, video or stream."""
        if self.name == STDIN:
            return "stdin"
        if self.kind == "live":
            parts = urlsplit(self.name)
            place = parts.netloc.rpartition("@")[2] + parts.path  # without user name and password
            return re.sub(r"\W+", "-", place if parts.netloc else self.name).strip("-")[:LONGEST]
        if self.kind == "frames":
            return Path(self.name).resolve().name
        return Path(urlsplit(self.name).path if "://" in self.name else self.name).stem


def find_sources(paths: Iterable[str | os.PathLike[str]]) -> list[Source]:
    """List the images and videos that paths, globs and URLs stand for.

    Args:
        paths: Files, folders (the images and videos directly in them), globs (``**`` descends into folders), ``-`` for
            standard input, ``camera:0`` and so on, and URLs of images, videos and streams.

    Returns:
        Sources in the order of the paths, without duplicates. The files of a folder or glob are sorted by name.

    Raises:
        BadInput: A path does not exist, or names neither an image nor a video.
    """
    found: dict[str, Source] = {}  # used as an ordered set
    for path in paths:
        for source in _expand(os.fspath(path)):
            found.setdefault(source.name, source)
    return list(found.values())


def count_images(sources: Sequence[Source]) -> int | None:
    """Number of images among the sources. None if a video is among them, because its number of frames is not known."""
    return len(sources) if all(source.kind == "image" for source in sources) else None


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
        return _in_folder(Path(path))
    if not glob.has_magic(path):
        raise BadInput(path, "no such file or folder")
    files = _to_detect_in(Path(match) for match in glob.glob(path, recursive=True))
    if not files:
        raise BadInput(path, f"matches no image, whose names end in {', '.join(SUFFIXES)}")
    return files


def _in_folder(folder: Path) -> list[Source]:
    """Files directly in a folder. If its subfolders hold more, that is said, with the glob that finds those."""
    files, below = _to_detect_in(folder.iterdir()), _glob_below(folder)
    if not files:
        some = f"has images only in its subfolders; give '{below}'"
        none = f"holds no images, whose names end in {', '.join(SUFFIXES)}"
        raise BadInput(str(folder), f"the folder {some if below else none}")
    if below:
        log.info("%s: images in its subfolders are left out; to take them too, give '%s'", folder, below)
    return files


def _glob_below(folder: Path) -> Path | None:
    """The glob that finds the images in the subfolders of a folder. None if there are none."""
    known = (*SUFFIXES, *VIDEO_SUFFIXES)
    paths = islice((path for sub in folder.iterdir() if sub.is_dir() for path in sub.rglob("*")), MOST_LOOKED_AT)
    below = Counter(path.suffix for path in paths if path.suffix.lower() in known and path.is_file())
    return Path(glob.escape(str(folder))) / "**" / f"*{below.most_common(1)[0][0]}" if below else None


def _from_stdin(content: bytes) -> list[Source]:
    """Sources from standard input: listed paths if it is text, else an image. Missing paths count as unreadable."""
    try:
        lines = [] if b"\0" in content else content.decode().splitlines()
    except UnicodeDecodeError:
        lines = []
    paths = [line.strip() for line in lines if line.strip()]
    if paths:
        return [source for path in paths for source in _expand_listed(path)]
    if not content.strip():
        raise BadInput("-", "standard input is empty; pipe an image or a list of paths into it")
    return [Source(STDIN, encoded=content)]


def _expand_listed(path: str) -> list[Source]:
    known = os.path.exists(path) or "://" in path or re.fullmatch(CAMERA, path)
    return _expand(path) if known else [_of_file(path)]


def _of_file(path: str) -> Source:
    return Source(path, "video" if _is_video(path) or _is_animated(path) else "image")


def _of_url(url: str) -> Source:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadInput(url, f"not a valid URL: {error}") from None
    if parts.scheme in ("http", "https") and parts.path.lower().endswith(SUFFIXES):
        return Source(url)
    return Source(url, "video" if _is_video(parts.path) else "live")


def _is_video(path: str) -> bool:
    return path.lower().endswith(VIDEO_SUFFIXES)


def _is_animated(path: str) -> bool:
    return path.lower().endswith(".gif") and readable(path) == path and cv2.imcount(path) > 1


def _to_detect_in(paths: Iterable[Path]) -> list[Source]:
    known = (*SUFFIXES, *VIDEO_SUFFIXES)
    return [_of_file(str(path)) for path in sorted(paths) if path.suffix.lower() in known and path.is_file()]
