"""The data types that readers of annotations return: not yet verified, with class names instead of labels."""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from multibox.annotations.corners import OneBased
from multibox.annotations.problem import Problem, object_name
from multibox.errors import BadInput


@dataclass(frozen=True)
class Annotation:
    """The annotation of one image.

    Attributes:
        file: Path of the file that holds the annotation.
        names: Class name of each of the N objects.
        boxes: ``(N, 4)`` float64 corners ``x0, y0, x1, y1``, counted from 0 and not yet verified, in pixels or as
            fractions of the image (see ``relative``).
        relative: Whether ``boxes`` are fractions of the image's size. Otherwise they are pixels.
        size: Width and height of the image in pixels. None if the annotation does not give them.
        columns: Further values of the N objects, such as ``crowd``: a list of N values for each parameter name of
            :func:`multibox.data.record.make_objects`.
        extra: Further values that the annotation file holds about the image, as ``json.dumps`` takes them.
    """

    file: str
    names: tuple[str, ...]
    boxes: np.ndarray
    relative: bool = False
    size: tuple[int, int] | None = None
    columns: dict[str, list[Any]] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def object_name(self, number: int) -> str:
        """The name of an object in messages: its position, its class and, if the annotation file has one, its id."""
        name = object_name(number, len(self.names), self.names[number])
        ids = self.columns.get("ids")
        return f"{name}, annotation {ids[number]}" if ids else name


class ImageFile(Protocol):
    """An image of a dataset: a path, or an image inside another file. ``str()`` gives its name for messages."""

    def read_bytes(self) -> bytes:
        """Read the encoded image, such as the bytes of a JPEG file."""


@dataclass(frozen=True)
class Item:
    """One annotated image of a dataset, before the image is read.

    Attributes:
        id: Identifier of the image, unique within its split.
        image: Path of the image, or an image inside another file.
        annotation: The annotation, or the problem that prevented reading it.
    """

    id: str
    image: ImageFile
    annotation: Annotation | Problem


UNSPLIT = ""
"""Name of the split of images that have not been assigned to a split."""


@dataclass(frozen=True)
class Options:
    """Options that a user can give for reading annotations, in any format.

    Attributes:
        classes: Class names. A class's position in this list becomes its label. If empty, the class names are taken
            from the data.
        images: Folder in which images are searched. None searches the dataset's own folders.
        one_based: Whether whole-number corners are pixels counted from 1, as in PASCAL VOC, and not edges counted from
            0: ``true``, ``false``, or ``auto``, which decides from the files.
    """

    classes: tuple[str, ...] = ()
    images: Path | None = None
    one_based: OneBased = "auto"


@dataclass(frozen=True)
class Part:
    """Annotated images that one reader has read from one folder or file.

    Attributes:
        root: Path of the folder or file that was read.
        splits: Annotated images by split. Images under :data:`UNSPLIT` have no split yet and are divided at random
            later.
        classes: Class names in the order that the dataset's files declare. Empty if they declare none.
        category_ids: Ids that the dataset's files use for the classes, in the order of ``classes``. Empty if the files
            have no such ids.
        files: Paths of the annotation files that were read.
        splits_from: Origin of the splits, such as ``the folders train and valid``. Empty if no image has a split.
        classes_from: What declares the order of the classes, such as ``data.yaml``.
        class_file: Path of the file that declares the classes, if that is not one of ``files``.
        strays: Paths of annotation files that belong to no image or no split, and were left out.
        corners: Text that says how box corners were interpreted, and why. Empty if the format leaves no doubt.
        notes: Sentences about anything else that was guessed, left out or repaired.
    """

    root: Path
    splits: dict[str, list[Item]]
    classes: tuple[str, ...] = ()
    category_ids: tuple[int, ...] = ()
    files: tuple[Path, ...] = ()
    splits_from: str = ""
    classes_from: str = ""
    class_file: Path | None = None
    strays: tuple[Path, ...] = ()
    corners: str = ""
    notes: tuple[str, ...] = ()


def read_text(file: Path) -> str:
    """Read a text file in UTF-8, with or without a byte order mark.

    Raises:
        BadInput: The file cannot be opened, or is not UTF-8 text.
    """
    try:
        return file.read_text("utf-8-sig")
    except OSError as error:
        raise BadInput(file, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        if error.object.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            raise BadInput(file, "is UTF-16; save it as UTF-8") from None
        raise BadInput(file, f"is not UTF-8 text (byte {error.start}); save it as UTF-8") from None


def ids_of(images: Sequence[Path], root: Path) -> list[str]:
    """Choose an id for each image of a split: its stem if unique, else its path relative to the root.

    The path keeps the suffix if two paths differ only in their suffix.
    """
    by_stem: dict[str, set[Path]] = {}
    by_path: dict[Path, set[Path]] = {}
    for image in images:
        by_stem.setdefault(image.stem, set()).add(image)
        by_path.setdefault(image.parent / image.stem, set()).add(image)

    def name(image: Path) -> str:
        if len(by_stem[image.stem]) == 1:
            return image.stem
        path = image if len(by_path[image.parent / image.stem]) > 1 else image.parent / image.stem
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()

    return [name(image) for image in images]
