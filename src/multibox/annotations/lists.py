"""Reads lists of splits: text files below a folder ``ImageSets`` that name the images of a split, one per line."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from multibox.annotations.annotation import read_text
from multibox.annotations.counting import counted, some
from multibox.annotations.files import Files, is_image
from multibox.annotations.splits import usual_split
from multibox.errors import BadInput

_FLAG = re.compile(r"\s+(-1|0|1)$")
"""Whether an image has a class, in VOC's lists for classes."""


def find_lists(files: Files) -> dict[str, Path]:
    """Find the lists of splits by name: those in ``Main``, else those in ``ImageSets`` itself, else all below it.

    VOC's lists for one class, such as ``dog_train``, are included.

    Raises:
        BadInput: Two folders ``ImageSets`` have lists of the same name.
    """
    if not files.path.is_dir():
        return {}
    listed = files.with_suffix(".txt")
    below = [path for path in listed if path.parent.parent.name.lower() == "imagesets"]
    main = [path for path in below if path.parent.name.lower() == "main"]
    direct = [path for path in listed if path.parent.name.lower() == "imagesets"]
    lists: dict[str, Path] = {}
    for path in main or direct or below:
        other = lists.setdefault(path.stem, path)
        if other.parent.parent != path.parent.parent:
            message = (
                f"has the same name as the list {files.short(other)}; build from the folders above ImageSets one at a "
                "time"
            )
            raise BadInput(path, message)
    return lists


def without_classes(lists: Mapping[str, Path], classes: Collection[str]) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Drop VOC's lists for one class, which only say which images of another list show the class.

    Args:
        lists: Path of each list in ``ImageSets``, by the list's name without suffix.
        classes: Class names of the objects. The list of a class without objects is recognised by the flags in its
            lines.

    Returns:
        The remaining lists, and a sentence about those that were dropped.
    """
    out = []
    for name, path in lists.items():
        label, _, split = name.rpartition("_")
        if label and split in lists and (label in classes or _has_flags(path)):
            out.append(name)
    notes = (f"{counted(len(out), 'list')} in ImageSets for one class left out ({some(out)})",) if out else ()
    return {name: path for name, path in lists.items() if name not in out}, notes


def _has_flags(path: Path) -> bool:
    """Whether every line of a list ends with a flag."""
    return all(_FLAG.search(line.strip()) for line in read_text(path).splitlines() if line.strip())


def of_classes(lists: Mapping[str, Path], classes: Collection[str]) -> dict[str, list[Path]]:
    """Group lists by split if every split has only lists for single classes, as VoTT writes them.

    Args:
        lists: Path of each list in ``ImageSets``, by the list's name without suffix, such as ``dog_train``.
        classes: Names of the classes of the dataset, each once.

    Returns:
        Paths of the lists by split: ``dog_train`` and ``cat_train`` are lists of ``train``. Empty if the name of any
        list is not a class and a usual split.
    """
    found: dict[str, list[Path]] = {}
    for name, path in lists.items():
        label, _, split = name.rpartition("_")
        if label not in classes or not usual_split(split):
            return {}
        found.setdefault(split, []).append(path)
    return found


def read_list(path: Path, known: Collection[str]) -> list[str]:
    """Read the stems of the images that a list names, without duplicates.

    Args:
        path: Path of the list. VOC's lists for a class have -1, 0 or 1 after each name.
        known: Stems of the annotation files. Used to decide whether the number in ``img 1`` is part of the name.

    Raises:
        BadInput: The list names no image.
    """
    lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    if not lines:
        raise BadInput(path, "names no image; remove it, or list one id per line")
    return list(dict.fromkeys(_member(line, known) for line in lines))


def _member(line: str, known: Collection[str]) -> str:
    """The stem that a line means: that of the whole line, of the line without the flag, or of its first word."""
    bare = _FLAG.sub("", line)
    stems = [_stem(text) for text in (line, bare, line.split(maxsplit=1)[0])]
    return next((stem for stem in stems if stem in known), stems[1])


def _stem(member: str) -> str:
    """The id that a line of a list means: its file name, without the suffix of an image or an annotation file."""
    name = member.replace("\\", "/").rpartition("/")[2]
    path = Path(name)
    return path.stem if is_image(path) or path.suffix.lower() in (".xml", ".txt") else name
