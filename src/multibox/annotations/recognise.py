"""Recognises the annotation format of a dataset by the content of its files, not by the names of its folders."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from multibox.annotations.annotation import Options, Part
from multibox.annotations.counting import counted
from multibox.annotations.files import Files, is_image
from multibox.annotations.formats import (
    coco,
    createml,
    csv,
    cvat,
    datumaro,
    keras_text,
    kitti,
    label_studio,
    labelme,
    labelme_xml,
    parquet,
    tfrecord,
    via,
    voc,
    yolo,
)
from multibox.annotations.names import NAMES
from multibox.annotations.unread import why_unread
from multibox.errors import BadInput


class Format(Protocol):
    """A format of annotations: the protocol of the modules in :mod:`multibox.annotations.formats`.

    A module that reads JSON also has a function ``is_its(content: Any) -> bool``, which says whether a file holds
    annotations of the format.

    A module may also have a function ``why_not(files: Files) -> str``, which is called if no format finds annotations.
    It says in one line what files that look like this format lack, and how to repair them. It returns an empty text if
    there are no such files.

    Attributes:
        NAME: Short name, by which a user selects the format.
        TITLE: Name of the format in messages.
    """

    NAME: str
    TITLE: str

    def find(self, files: Files) -> list[Path]:
        """Find the annotation files of this format. Empty if there are none."""

    def read(self, files: Files, found: list[Path], options: Options) -> Part:
        """Read the annotation files that :meth:`find` found."""


FORMATS: tuple[Format, ...] = (
    voc,
    cvat,
    labelme_xml,
    coco,
    labelme,
    via,
    label_studio,
    createml,
    datumaro,
    tfrecord,
    keras_text,
    kitti,
    yolo,
    csv,
    parquet,
)
"""All formats. If a folder holds several, the earlier one is read."""


FILE_AN_IMAGE: tuple[Format, ...] = (voc, labelme_xml, labelme, kitti, yolo)
"""The formats that have one annotation file per image, so that a few files of such a format among many others are
strays."""


@dataclass(frozen=True)
class Recognised:
    """A dataset whose annotation format was recognised.

    Attributes:
        format: Format that reads the annotation files.
        files: Files of the dataset.
        found: Paths of the annotation files.
        others: Further formats in the same folder, which are not read.
    """

    format: Format
    files: Files
    found: list[Path]
    others: tuple[Format, ...] = ()

    def read(self, options: Options) -> Part:
        """Read the annotation files."""
        return self.format.read(self.files, self.found, options)


def recognise(path: Path, layout: str | None = None) -> list[Recognised]:
    """Recognise the annotation format of a file or folder.

    Several years of a VOCdevkit, each with its own lists of splits, are returned as several datasets.

    Args:
        path: Path of the file or folder.
        layout: Short name of the only format to try, one of :data:`multibox.annotations.names.NAMES`. None tries all.

    Returns:
        The recognised datasets, at least one.

    Raises:
        BadInput: There is no such file or folder, or no format finds its annotations there.
    """
    if layout is not None and layout not in NAMES:
        raise BadInput("layout", f"{layout}: no such layout; choose one of {', '.join(NAMES)}")
    if not path.exists():
        raise BadInput(path, "no such file or folder; give a folder or file with images and annotations")
    tried = [each for each in FORMATS if layout in (None, each.NAME)]
    tests = [each.is_its for each in tried if hasattr(each, "is_its")]
    return [_recognise(Files(root, tests), tried) for root in _devkit_years(path) or [path]]


def _recognise(files: Files, tried: Sequence[Format]) -> Recognised:
    found = list(_found(files, tried))
    if not found:
        raise BadInput(files.path, why_unread(files) or _why_nothing(files, tried))
    chosen, paths = next((each for each in found if each[0] is yolo and _describes_all(files, each[1])), _first(found))
    others = tuple(each for each, _ in found if each is not chosen)
    return Recognised(chosen, files, paths, others)


def _found(files: Files, tried: Sequence[Format]) -> Iterator[tuple[Format, list[Path]]]:
    for each in tried:
        paths = each.find(files)
        if paths:
            yield each, paths


def _first(found: Sequence[tuple[Format, list[Path]]]) -> tuple[Format, list[Path]]:
    """The first format, unless it has a file an image and another such format has more than twice as many files."""
    if found[0][0] not in FILE_AN_IMAGE:
        return found[0]
    others = [each for each in found if each[0] in FILE_AN_IMAGE]
    return next((each for each in others if len(each[1]) > 2 * len(found[0][1])), found[0])


def _describes_all(files: Files, found: Sequence[Path]) -> bool:
    """Whether a YOLO ``data.yaml`` lies at the root: JSON beside it may be anything."""
    return found[0].suffix in (".yaml", ".yml") and found[0].parent == files.root and not any(files.root.glob("*.xml"))


def _devkit_years(path: Path) -> list[Path]:
    """The folders of a VOCdevkit that have lists of splits of their own, if there are several."""
    if not path.is_dir():
        return []
    below = (folder for base in (path, path / "VOCdevkit") for folder in sorted(base.glob("*/ImageSets/Main")))
    years = [folder.parents[1] for folder in below if any(folder.glob("*.txt"))]
    return years if len(years) > 1 else []


def _why_nothing(files: Files, tried: Sequence[Format]) -> str:
    nothing = f"no annotations found here{_what_is_here(files)}"
    asked = (getattr(each, "why_not", None) for each in tried)
    reasons = [reason for why_not in asked if why_not and (reason := why_not(files))]
    return f"{nothing}: {'; '.join(reasons)}" if reasons else f"{nothing}; {_what_is_read(tried)}"


def _what_is_here(files: Files) -> str:
    if files.path.is_file():
        return ""
    kinds = Counter("image" if is_image(path) else path.suffix.lower() or "other" for path in files.listed)
    listed = ", ".join(
        f"{count:,} {kind}" if kind.startswith(".") else counted(count, kind) for kind, count in kinds.most_common(5)
    )
    if listed:
        return f" among its files ({listed})"
    has_files = any(names for _, _, names in os.walk(files.path))
    return ", as its files are hidden, or a store or run of Multibox" if has_files else ", the folder is empty"


def _what_is_read(tried: Sequence[Format]) -> str:
    return f"formats that can be read: {', '.join(each.TITLE for each in tried)}"
