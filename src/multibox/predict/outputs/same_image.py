"""Whether an image of a run is an image of the data that has the same name: by folders, bytes and size."""

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
    """What data say about one of their images.

    Attributes:
        id: Id of the image in COCO files.
        names: Names of the image's file, each with the folders that the data give.
        size: Width and height of the image, pixels. None if the data do not say.
        encoded: Function that returns the bytes of the image's file. None if the data do not hold images.
    """

    id: int | str
    names: tuple[str, ...]
    size: tuple[int, int] | None = None
    encoded: Callable[[], bytes] | None = None


def longest_end(source: str, known: Known) -> int:
    """Length of the longest name of an image that is the end of a path, with all the folders of the name.

    Args:
        source: Path of the run's image, or its address.
        known: Image of the data.

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
    """Say whether an image of the run may be another one than the image of the data that has its name.

    Args:
        data: Name of the data, for the error message.
        source: Path of the run's image, or its address.
        known: Image of the data with the same name.

    Returns:
        The path of the data's image if its folders differ, and neither the bytes prove that the images are the same nor
        the sizes that they are not. Else empty.

    Raises:
        BadInput: The folders differ, and so do the sizes.
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
            "same image; leave it out, or name the data of the images",
        )
    return placed[0]


def _bytes(source: str) -> bytes | None:
    try:
        return Path(source).read_bytes()
    except OSError:
        return None


def doubts(data: str, pairs: Sequence[tuple[str, str]]) -> str:
    """A sentence about images that may be others than those of the data.

    Args:
        data: Name of the data.
        pairs: Path of each doubtful image of the run, and path of the data's image with its name. At least one.
    """
    source, name = pairs[0]
    images = "1 image of the run is" if len(pairs) == 1 else f"{len(pairs):,} images of the run are"
    return (
        f"{images} in another folder than the images of these names in {data} ({source} got the id of {name}); if they "
        "are not the same images, name the data of the images instead"
    )
