"""Writes pre-labels: images with a detector's boxes, in folders that labelling tools open and people correct."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from multibox.errors import BadInput
from multibox.labelling.prelabel_writers import WRITERS
from multibox.labelling.prelabelled import PreLabelled
from multibox.predict.outputs.names import unused
from multibox.writing import Kind, check_folder, new_folder

FORMATS: Final = tuple(WRITERS)
"""Names of the formats of pre-labels: ``label-studio``, ``cvat``, ``labelme`` and ``yolo``."""

PRELABELS: Final = Kind("pre-labels")


def write_prelabels(
    folder: str | os.PathLike[str],
    kind: str,
    images: Iterable[PreLabelled],
    classes: Sequence[str],
    *,
    model: str = "multibox",
    replace: bool = False,
) -> dict[Path, str]:
    """Write a folder of pre-labels, with copies of the images.

    The folder needs no other file, so a labelling tool can open it as it is. ``data build`` reads what was corrected:
    in this folder, or in the file that Label Studio or CVAT exports.

    Args:
        folder: Folder to write. An earlier folder of pre-labels is replaced, unless its files were changed.
        kind: Format, from :data:`FORMATS`.
        images: Images with their boxes, in the order in which they are to be labelled.
        classes: Class names. A class's position is its label, from 0.
        model: Name of the model, which Label Studio shows beside its boxes.
        replace: Whether to replace an earlier folder whose files were changed.

    Returns:
        Path of each copied image in the folder, with slashes, by the path of the image. Images of the same name get a
        number.

    Raises:
        BadInput: The format is unknown, the folder may not be replaced, an image cannot be read, or a class has a name
            that the format cannot hold.
    """
    check_prelabels(folder, kind, replace=replace)
    placed: dict[Path, str] = {}
    taken: dict[str, int] = {}
    with new_folder(folder, PRELABELS, replace=replace) as new:
        writer = WRITERS[kind](new, tuple(classes), model)
        for image in images:
            path = writer.image_path(_stem(image.image, taken), image.image.suffix)
            _copy(image.image, new / path)
            writer.add(path, image)
            placed[image.image] = str(path)
        writer.close()
    return placed


def check_prelabels(folder: str | os.PathLike[str], kind: str, *, replace: bool = False) -> None:
    """Verify that a folder of pre-labels may be written, before the work that produces it begins.

    Args:
        folder: Folder to write.
        kind: Format, from :data:`FORMATS`.
        replace: Whether to replace an earlier folder whose files were changed.

    Raises:
        BadInput: The format is unknown, or the folder may not be replaced.
    """
    if kind not in WRITERS:
        raise BadInput("kind", f"{kind!r} is unknown; choose among {', '.join(FORMATS)}")
    check_folder(folder, PRELABELS, replace=replace)


_NOT_IN_NAMES: Final = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff\ufffe\uffff]")
"""Characters of file names that JSON, XML or a reader of other people's paths does not keep."""


def _stem(image: Path, taken: dict[str, int]) -> str:
    """A name for the copy of an image: its own, with a number if another copy has it, whatever its case."""
    stem = _NOT_IN_NAMES.sub("_", image.stem).strip() or "_"
    folded = stem.casefold()
    return stem + unused(folded, lambda name: True, taken).removeprefix(folded)


def _copy(image: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        data = image.read_bytes()
    except OSError as error:
        raise BadInput(image, f"cannot be read: {error.strerror}; correct its path, or leave it out") from None
    target.write_bytes(data)
