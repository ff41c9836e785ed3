"""Which pictures there are, on disks and in object stores, and their bytes."""

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
    """List the pictures that paths name.

    Args:
        paths: files, folders (the pictures directly in them), globs, ``-`` for a list on standard input, and the same
            as URIs that pyarrow reads: ``s3://bucket/photos``, ``gs://bucket/**/*.jpg``. In a URI only ``*`` is a
            wildcard, and what follows a ``?`` are options for the store.

    Returns:
        absolute paths and URIs, sorted, each once.

    Raises:
        BadInput: a path does not exist, names no picture, or is not a picture.
    """
    return sorted({name for path in paths for name in _expand(os.fspath(path))})


def read_file(name: str) -> bytes:
    """Read a file.

    Args:
        name: as :func:`find_files` gives it.

    Raises:
        BadInput: it cannot be read.
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
    return [_picture(source) for source in find_sources([path])]


def _picture(source: Source) -> str:
    if source.encoded is not None:
        raise BadInput("-", "a picture on standard input; with --engine ray, give a list of files")
    if source.kind != "picture":
        raise BadInput(source.name, "a video or a camera; --engine ray takes pictures alone, as 'photos/*.jpg'")
    if "://" in source.name:
        raise BadInput(source.name, "--engine ray does not read from the web; download it, or put it into a store")
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
        raise BadInput(uri, f"no pictures there; they end in {', '.join(SUFFIXES)}")
    return names


def _pattern(path: str) -> str:
    """A glob as a regular expression: ``*`` stays in its folder, ``**/`` goes into folders."""
    parts = re.split(r"(\*\*/|\*)", path)
    return "".join({"**/": "(?:.*/)?", "*": "[^/]*"}.get(part) or re.escape(part) for part in parts)


def _locate(uri: str) -> tuple[Any, str]:
    """The filesystem of a URI, and the path in it."""
    parts = urlsplit(uri)
    filesystem, root = _filesystem(parts.scheme, parts.netloc, parts.query)
    return filesystem, root + unquote(parts.path).rstrip("/")


def _name(uri: str, path: str) -> str:
    """The URI of a path in the same filesystem."""
    parts = urlsplit(uri)
    _, root = _filesystem(parts.scheme, parts.netloc, parts.query)
    return parts._replace(path=quote(path.removeprefix(root))).geturl()


@cache
def _filesystem(scheme: str, netloc: str, query: str) -> tuple[Any, str]:
    """The filesystem of a store, and the path of its root; opened once a process, as asking for a region takes time."""
    from pyarrow.fs import FileSystem

    if "@" in netloc:
        raise BadInput(f"{scheme}://...@", "a password would be written into every row; give it in the environment")
    root = f"{scheme}://{netloc}/" + (f"?{query}" if query else "")
    try:
        filesystem, path = FileSystem.from_uri(root)
    except (OSError, ValueError, ImportError) as error:
        raise BadInput(root, f"cannot be opened: {first_line(error)}") from None
    return filesystem, path.rstrip("/")
