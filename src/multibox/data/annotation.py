"""What a reader returns: annotations as their source has them, unverified, with class names."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from multibox.data.check import Problem
from multibox.errors import BadInput


@dataclass(frozen=True)
class Annotation:
    """The annotation of one image.

    Attributes:
        file: Path of the file that holds it.
        names: Class name of each object.
        boxes: ``(N, 4)`` float64 corners, edges from 0; possibly bad ones.
        relative: Whether ``boxes`` are fractions of the image's size. Otherwise they are pixels.
        size: Width and height of the image in pixels, if the source gives them.
        columns: Further columns for :func:`multibox.data.record.make_objects`, each of length N.
        extra: Everything else the source holds about the image, as JSON-able values.
    """

    file: str
    names: tuple[str, ...]
    boxes: np.ndarray
    relative: bool = False
    size: tuple[int, int] | None = None
    columns: dict[str, list[Any]] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Item:
    """One image of a source, before its file is read.

    Attributes:
        id: Identifier, unique within its split.
        image: Path of the image file.
        annotation: The annotation, or why it could not be read.
    """

    id: str
    image: Path
    annotation: Annotation | Problem


UNSPLIT = ""
"""The split of items whose source does not divide them."""


@dataclass(frozen=True)
class Part:
    """What one reader made of one folder or file.

    Attributes:
        root: Path of the folder or file.
        splits: Items by split. Those under :data:`UNSPLIT` are still to be divided.
        classes: Class names in the source's own order. Empty if it has none, which means the objects' names, sorted.
        category_ids: Numbers of the classes in the source, if it has any.
    """

    root: Path
    splits: dict[str, list[Item]]
    classes: tuple[str, ...] = ()
    category_ids: tuple[int, ...] = ()


IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


def images_by_stem(folder: Path) -> dict[str, Path]:
    """The images of a folder, by their name without suffix."""
    if not folder.is_dir():
        return {}
    names = (os.path.splitext(name) for name in sorted(os.listdir(folder)))
    return {stem: folder / (stem + suffix) for stem, suffix in names if suffix.lower() in IMAGE_SUFFIXES}


def read_text(file: Path) -> str:
    """The text of a file, in UTF-8 with or without a byte order mark.

    Args:
        file: Path of the file.

    Returns:
        The text.

    Raises:
        BadInput: If the file has another encoding.
    """
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(file, f"is not UTF-8 text (byte {error.start}); save it as UTF-8") from None


def read_class_list(file: Path) -> tuple[str, ...]:
    """The class names of a text file, a line each, in the order of their labels.

    Args:
        file: Path of the file, such as ``classes.txt``.

    Returns:
        The names. Blank lines at the end do not count.

    Raises:
        BadInput: If a line between names is blank, which would shift the labels after it.
    """
    return class_names(str(file), read_text(file).rstrip().splitlines())


def class_names(origin: str, names: Iterable[Any]) -> tuple[str, ...]:
    """Names as text. A blank one is refused, because leaving it out would shift the labels of those after it."""
    texts = tuple("" if name is None else str(name).strip() for name in names)
    if "" in texts:
        raise BadInput(origin, f"class {texts.index('')} has no name; write one")
    return texts


def usual_split(text: str) -> str:
    """The one of train, val and test that a file's or folder's name contains, else :data:`UNSPLIT`.

    Example:
        ``usual_split("instances_val2017") == "val"``
    """
    found = _SPLIT.search(text.lower())
    if not found:
        return UNSPLIT
    return "trainval" if found[0] == "trainval" else {"tr": "train", "va": "val", "te": "test"}[found[0][:2]]


_SPLIT = re.compile(r"(?<![a-z])(trainval|train(ing)?|val(id(ation)?)?|test(ing)?)(?![a-z])")
