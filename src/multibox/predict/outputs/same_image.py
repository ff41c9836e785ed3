"""Tells whether an image of a run is the dataset's image of the same file name, by folders, bytes and size."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from multibox.errors import BadInput
from multibox.image_file import coded_size


@dataclass(frozen=True)
class Known:
    """The information that a dataset has about one of its images.

    Attributes:
        id: Id of the image in COCO files.
        names: Possible paths of the image's file, each with the folders that the dataset gives.
        size: Width and height of the image, pixels. None if the dataset does not say.
        encoded: Function that returns the bytes of the image's file. None if the dataset holds no image files.
    """

    id: int | str
    names: tuple[str, ...]
    size: tuple[int, int] | None = None
    encoded: Callable[[], bytes] | None = None


def longest_end(source: str, known: Known) -> int:
    """Length of the dataset's longest name of an image, folders included, that is the end of a given path.

    Args:
        source: Path or URL of the run's image.
        known: Image of the dataset.

    Returns:
        Number of characters, or 0 if no name is the end of the path.
    """
    return max((len(name) for name in known.names if _is_end(source, name)), default=0)


def _is_end(source: str, name: str) -> bool:
    path = source if "://" in source else os.path.abspath(source)
    end = _UPWARDS.sub("", _parts(name)).strip("/")
    return _parts(f"/{path}").endswith(f"/{end}")


_UPWARDS: Final = re.compile(r"^(\.{1,2}/)+")
"""Beginning of a path that leads to another folder before it names one."""


def _parts(name: str) -> str:
    """A file's name with slashes, also those of a member of an archive (``ARCHIVE:MEMBER``)."""
    return name.replace("\\", "/").replace(":", "/")


def doubtful_name(data: str, source: str, known: Known) -> str:
    """Find out whether an image of the run may differ from the dataset's image of the same file name.

    Args:
        data: Name of the dataset, for the error message.
        source: Path or URL of the run's image.
        known: Image of the dataset with the same file name.

    Returns:
        The path of the dataset's image if it is doubtful: its folders differ, and the bytes do not prove that the
        images are the same. Otherwise an empty text.

    Raises:
        BadInput: The folders and the sizes of the two images differ.
    """
    own = _parts(source).rpartition("/")[2]
    placed = [name for name in known.names if "/" in name and _parts(name).endswith(f"/{own}")]
    if not placed or any(_is_end(source, name) for name in placed):
        return ""
    encoded = _bytes(source)
    if encoded is None:
        return placed[0]
    if known.encoded and known.encoded() == encoded:
        return ""
    size = coded_size(encoded)
    if size and known.size and sorted(size) != sorted(known.size):  # EXIF may turn an image
        (width, height), (w, h) = size, known.size
        raise BadInput(
            "ids_from",
            f"{source} has {width} x {height} pixels, and {placed[0]} of {data} has {w} x {h}, so they are not the "
            "same image; leave out ids_from, or name the dataset that has the images of this run",
        )
    return placed[0]


def _bytes(source: str) -> bytes | None:
    try:
        return Path(source).read_bytes()
    except OSError:
        return None


def doubts(data: str, pairs: Sequence[tuple[str, str]]) -> str:
    """A sentence about images of a run that may not be the dataset's images of the same names.

    Args:
        data: Name of the dataset.
        pairs: Path of each doubtful image of the run, and path of the dataset's image of the same name. At least one
            pair.
    """
    source, name = pairs[0]
    images = "1 image of the run is" if len(pairs) == 1 else f"{len(pairs):,} images of the run are"
    return (
        f"{images} in another folder than the image of the same name in {data} ({source} got the id of {name}); if the "
        "images are not the same, name the dataset that they belong to"
    )
