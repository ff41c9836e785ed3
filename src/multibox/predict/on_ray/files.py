"""Listing and reading image files, on disks and in object stores."""

import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from multibox.errors import BadInput, first_line
from multibox.predict.sources import SUFFIXES, Source, find_sources


def find_files(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """List the image files that paths, globs and URIs stand for.

    Args:
        paths: Files, folders (the images directly in them), globs, or ``-`` for a list on standard input. Files,
            folders and globs may also be URIs that pyarrow reads: ``s3://bucket/photos``, ``gs://bucket/**/*.jpg``. In
            a URI, ``*`` is the only wildcard, and ``?`` begins the options of the object store.

    Returns:
        Absolute paths and URIs, sorted, without duplicates.

    Raises:
        BadInput: A path does not exist, holds or matches no image, or is not an image.
    """
    return sorted({name for path in paths for name in _expand(os.fspath(path))})


def read_file(name: str) -> bytes:
    """Read a file.

    Args:
        name: Path or URI of the file, as :func:`find_files` returns it.

    Returns:
        Bytes of the file.

    Raises:
        BadInput: The file cannot be read.
    """
    try:
        if "://" not in name:
            return Path(name).read_bytes()
        filesystem, path = _locate(name)
        with filesystem.open_input_file(path) as file:
            return file.read()
    except OSError as error:
        raise BadInput(name, f"cannot be read: {error.strerror or first_line(error)}") from None


def _expand(path: str) -> list[str]:
    if "://" in path and not path.startswith(("http://", "https://", "rtsp://")):
        return _expand_uri(path)
    return [_image(source) for source in find_sources([path])]


def _image(source: Source) -> str:
    if source.encoded is not None:
        raise BadInput(
            "-",
            "an image on standard input cannot be sent to a cluster; pipe a list of files instead",
        )
    if source.kind != "image":
        raise BadInput(
            source.name, "is a video or a camera; on a cluster only images are supported, such as 'photos/*.jpg'"
        )
    if "://" in source.name:
        raise BadInput(
            source.name,
            "is a web address, which is not supported on a cluster; download the image, or put it into an object store",
        )
    return os.path.abspath(source.name)


def _expand_uri(uri: str) -> list[str]:
    from pyarrow.fs import FileSelector, FileType

    filesystem, path = _locate(uri)
    folder = path.partition("*")[0].rpartition("/")[0] if "*" in path else path
    try:
        kind = filesystem.get_file_info(folder).type
        if kind == FileType.File:
            return [uri]
        if kind == FileType.NotFound:
            raise BadInput(uri, "no such file or folder")
        listed = filesystem.get_file_info(FileSelector(folder, recursive="*" in path))
    except OSError as error:
        raise BadInput(uri, f"cannot be listed: {first_line(error)}") from None
    fits = re.compile(_pattern(path) if "*" in path else ".*", re.DOTALL)
    names = [
        _name(uri, info.path)
        for info in listed
        if info.type == FileType.File and info.path.lower().endswith(SUFFIXES) and fits.fullmatch(info.path)
    ]
    if not names:
        raise BadInput(uri, f"holds no images, whose names end in {', '.join(SUFFIXES)}")
    return names


def _pattern(path: str) -> str:
    """Convert a glob to a regular expression. ``*`` stays within a folder, and ``**/`` descends into folders."""
    parts = re.split(r"(\*\*/|\*)", path)
    return "".join({"**/": "(?:.*/)?", "*": "[^/]*"}.get(part) or re.escape(part) for part in parts)


def _locate(uri: str) -> tuple[Any, str]:
    """Filesystem that a URI belongs to, and path in that filesystem."""
    parts = urlsplit(uri)
    filesystem, root = _filesystem(parts.scheme, parts.netloc, parts.query)
    return filesystem, root + unquote(parts.path).rstrip("/")


def _name(uri: str, path: str) -> str:
    """URI of another path in the filesystem of ``uri``."""
    parts = urlsplit(uri)
    _, root = _filesystem(parts.scheme, parts.netloc, parts.query)
    return parts._replace(path=quote(path.removeprefix(root))).geturl()


@cache
def _filesystem(scheme: str, netloc: str, query: str) -> tuple[Any, str]:
    """Filesystem of an object store, opened once as finding an S3 region takes time, and path of its root."""
    from pyarrow.fs import FileSystem

    if "@" in netloc:
        raise BadInput(
            f"{scheme}://...@",
            "the password in the URI would be written into every row of the output; give it in an environment variable",
        )
    root = f"{scheme}://{netloc}/" + (f"?{query}" if query else "")
    try:
        filesystem, path = FileSystem.from_uri(root)
    except (OSError, ValueError, ImportError) as error:
        raise BadInput(root, f"cannot be opened: {first_line(error)}") from None
    return filesystem, path.rstrip("/")
