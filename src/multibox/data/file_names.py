"""File names for images and splits that are valid on any system, unique, and cannot lead out of their folder."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

from multibox.data.record import Record
from multibox.errors import BadInput
from multibox.image_file import image_format

_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "BMP": ".bmp", "WEBP": ".webp"}


def image_suffix(data: bytes) -> str:
    """Suffix of an image file, such as ``.jpg``, by the format of its bytes. Formats not listed here get ``.tif``."""
    return _SUFFIXES.get(image_format(data), ".tif")


def file_stem(record: Record) -> str:
    """Name, without folder and suffix, of the file that a record was read from.

    Empty if the record does not hold the name.

    Args:
        record: Record whose image was a file. A name in its annotation is preferred to the name in its path.
    """
    name = str(record.extra.get("file_name") or record.source)
    return PurePosixPath(name.replace("\\", "/")).stem


LONGEST = 200
"""Largest number of characters of an id in a file name. File systems allow 255 bytes, and a number and a suffix may
follow."""


def refuse_unsafe_split(split: str) -> None:
    """Refuse a split whose name could lead out of the folder of its files.

    The name may come from an untrusted table or store.

    Raises:
        BadInput: If the name is not safe as the name of a file or folder.
    """
    is_long = len(split.encode(errors="surrogateescape")) > LONGEST
    if not split or is_long or not split.isprintable() or split.startswith(".") or set(split) & set("/\\"):
        shown = split[:50] + "..." if is_long else split
        raise BadInput(
            f"split {shown!r}", "cannot be the name of a file; rename the split with letters, digits, '_' and '-'"
        )


def readable(text: object) -> str:
    r"""The name of a file or class as valid Unicode text. Bytes that are not UTF-8 become ``\udce9``."""
    return str(text).encode(errors="backslashreplace").decode()


def safe_stems(ids: Iterable[str]) -> list[str]:
    """File names without suffix, all different even if the file system ignores case.

    An id keeps its name if possible. Characters other than letters, digits, ``.``, ``_`` and ``-`` become ``_``. If an
    earlier id already has the name, ``-2``, ``-3`` and so on is appended. Long names are shortened.

    Args:
        ids: Ids of records, in their order.

    Returns:
        A file name for each id, without suffix.
    """
    taken: set[str] = set()
    numbers: Counter[str] = Counter()
    stems = []
    for record_id in ids:
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", record_id).lstrip(".")[:LONGEST] or "_"
        stem = safe
        while stem.lower() in taken:
            numbers[safe.lower()] += 1
            stem = f"{safe}-{numbers[safe.lower()] + 1}"
        taken.add(stem.lower())
        stems.append(stem)
    return stems
