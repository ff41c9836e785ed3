"""Text files of Keras code for YOLO.

There is one line per image: its name, then ``x0,y0,x1,y1,class`` in pixels for each object.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from multibox.annotations.annotation import UNSPLIT, Annotation, Item, Options, Part, ids_of, read_text
from multibox.annotations.class_lists import find_class_list, read_names, refuse_other_lists
from multibox.annotations.class_numbers import refuse_from_one
from multibox.annotations.files import IMAGE_SUFFIXES, Files, sample
from multibox.annotations.images import Images
from multibox.annotations.problem import Problem
from multibox.annotations.splits import map_files, written_split
from multibox.errors import BadInput

NAME = "keras-text"
TITLE = "text of boxes (Keras YOLO)"

_NUMBER = r"-?\d+(?:\.\d+)?"
_BOXES = re.compile(rf"(?:\s+{_NUMBER}(?:,{_NUMBER}){{4}})+\s*$")
_LINE = re.compile(rf".+({'|'.join(map(re.escape, IMAGE_SUFFIXES))}){_BOXES.pattern}", re.IGNORECASE)


def find(files: Files) -> list[Path]:
    """Find the text files that have a line with an image's name followed by boxes."""
    texts = files.with_suffix(".txt")
    by_folder: dict[Path, list[Path]] = defaultdict(list)
    for path in texts:
        by_folder[path.parent].append(path)
    claimed = [paths for paths in by_folder.values() if any(map(_has_boxes, sample(paths)))]
    return [path for paths in claimed for path in paths if _has_boxes(path)]


def _has_boxes(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(8192).decode("utf-8-sig", errors="replace")
    return any(_LINE.match(line) for line in head.splitlines())


def read(files: Files, found: list[Path], options: Options) -> Part:
    """Read text files of boxes.

    Args:
        files: Files of the dataset.
        found: Paths of the text files. The name of each file or of its folder gives its split.
        options: Options that the user gave: class names, folder of the images and kind of corners.

    Returns:
        The annotated images, and the classes in the order of their numbers.

    Raises:
        BadInput: Neither a file nor the user's options name the classes, or the class numbers count from 1.
    """
    names, origin = _classes(files, found, options)
    refuse_from_one(found[0], _numbers(found), len(names), "Keras' text")
    images = Images(files, options.images)
    written = {path: written_split(path, files.root) for path in found}
    split_of = map_files(written.values())
    pairs: dict[str, list[tuple[Path, Annotation | Problem]]] = defaultdict(list)
    for path in found:
        split = split_of[written[path]]
        pairs[split] += _pairs(path, split, names, images)
    splits = {split: _items(each, files.root) for split, each in pairs.items()}
    return Part(
        found[0] if files.path.is_file() else files.root,
        splits,
        names,
        files=tuple(found),
        splits_from="" if set(splits) == {UNSPLIT} else "the names of the files",
        classes_from=origin,
    )


def _classes(files: Files, found: list[Path], options: Options) -> tuple[tuple[str, ...], str]:
    beside = found[0].with_name("_classes.txt")
    if options.classes:
        return options.classes, "the given classes"
    if beside.is_file():
        return read_names(beside), files.short(beside)
    listed = find_class_list(files)
    if listed is None:
        raise BadInput(found[0], 'numbers its classes, but no file names them; give classes="A,B" in that order')
    refuse_other_lists(files, *listed)
    return listed[1], files.short(listed[0])


def _numbers(found: list[Path]) -> set[float]:
    """The class numbers of all objects."""
    boxes = (_BOXES.search(line.rstrip()) for path in found for line in read_text(path).splitlines())
    return {float(word.rpartition(",")[2]) for match in boxes if match for word in match[0].split()}


def _pairs(path: Path, split: str, names: tuple[str, ...], images: Images) -> list[tuple[Path, Annotation | Problem]]:
    """The images that a text names, and their annotations."""
    lines = [(number, line.rstrip()) for number, line in enumerate(read_text(path).splitlines(), 1) if line.strip()]
    boxes = [_BOXES.search(line) for _, line in lines]
    called = [line[: match.start()] if match else line for (_, line), match in zip(lines, boxes, strict=True)]
    found = images.of_names(called, path, split)
    return [
        (image, _annotation(path, number, match[0] if match else "", names))
        for image, (number, _), match in zip(found, lines, boxes, strict=True)
    ]


def _items(pairs: Sequence[tuple[Path, Annotation | Problem]], root: Path) -> list[Item]:
    ids = ids_of([image for image, _ in pairs], root)
    return [Item(item_id, image, annotation) for item_id, (image, annotation) in zip(ids, pairs, strict=True)]


def _annotation(path: Path, number: int, text: str, names: tuple[str, ...]) -> Annotation | Problem:
    rows = [[float(value) for value in word.split(",")] for word in text.split()]
    wrong = [row[4] for row in rows if not row[4].is_integer() or not 0 <= row[4] < len(names)]
    if wrong:
        detail = f"{wrong[0]:g} is not a class number from 0 to {len(names) - 1}"
        return Problem("annotation", str(path), f"line {number}", detail)
    boxes = np.array([row[:4] for row in rows], np.float64).reshape(-1, 4)
    return Annotation(f"{path}, line {number}", tuple(names[int(row[4])] for row in rows), boxes)
