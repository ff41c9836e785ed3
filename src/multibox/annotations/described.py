"""For formats whose annotation files describe many images each: assigns the images to splits."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from os.path import isfile
from pathlib import Path

from multibox.annotations.annotation import UNSPLIT, Annotation, Item, Options, Part, ids_of
from multibox.annotations.counting import some
from multibox.annotations.drawn import Drawn, annotation_of, drawn_or_problem, shape_notes
from multibox.annotations.files import Files
from multibox.annotations.images import Images
from multibox.annotations.problem import Problem
from multibox.annotations.splits import map_files, renamed, written_splits

SHOWN = 6
"""Largest number of file names listed in a message about splits that come from file names."""


@dataclass(frozen=True)
class Described:
    """One image as an annotation file describes it.

    Attributes:
        file: Path of the annotation file.
        name: Name of the image as written in the file.
        drawn: Objects of the image, or the problem that prevents reading them.
        size: Width and height of the image in pixels. None if the file does not give them.
        relative: Whether the objects' bounding boxes are fractions of the image's size. Otherwise they are in pixels.
        second_name: Another name of the image, used if no image has the first name. Empty if there is none.
        subset: Name of the subset (split) that the file assigns the image to. Empty if it assigns none.
    """

    file: Path
    name: str
    drawn: tuple[Drawn, ...] | Problem
    size: tuple[int, int] | None = None
    relative: bool = False
    second_name: str = ""
    subset: str = ""

    def __str__(self) -> str:
        """The image in messages."""
        return f"{self.file}, {self.name}"


def described(
    file: Path,
    name: object,
    parse: Callable[[], Iterable[Drawn]],
    size: tuple[int, int] | None = None,
    *,
    relative: bool = False,
    second_name: str = "",
    subset: str = "",
) -> Described:
    """Describe one image, or the problem in its description.

    Args:
        file: Path of the annotation file.
        name: Name of the image as written in the file, of any type.
        parse: Function that returns the image's objects, or raises :class:`multibox.annotations.drawn.Damaged` if it
            cannot read them.
        size: Width and height of the image in pixels. None if the file does not give them.
        relative: Whether the objects' bounding boxes are fractions of the image's size. Otherwise they are in pixels.
        second_name: Another name of the image, used if no image has the first name. Empty if there is none.
        subset: Name of the subset (split) that the file assigns the image to. Empty if it assigns none.
    """
    written = name.strip() if isinstance(name, str) and not name.startswith("data:") else ""
    drawn = drawn_or_problem(f"{file}, {written}", parse)
    return Described(file, written, drawn, size, relative, second_name, subset)


def part_of(
    files: Files,
    options: Options,
    found: Sequence[Described],
    *,
    classes: Sequence[str] = (),
    classes_from: str = "",
    notes: Sequence[str] = (),
) -> Part:
    """Combine the images that annotation files describe, and assign them to splits.

    The split of an image is the subset that its file names, else the split in the file's name, else the split in its
    folder's name. Images of a single file without any of these are divided later.

    Args:
        files: All files of the dataset, images included.
        options: Options that the user gave: class names, folder of the images and kind of corners.
        found: Each image that the annotation files describe, with its objects.
        classes: Class names in the order that the files declare. Empty if they declare none.
        classes_from: Origin of the order of the classes, for messages.
        notes: Sentences about anything else that was guessed or left out.

    Returns:
        The annotated images by split, in the order of the annotation files.
    """
    written = written_splits(_names_of(found), files.root)
    names = [each.subset or written[each.file] for each in found]
    split_of = map_files(names)
    groups: dict[tuple[str, Path], list[Described]] = defaultdict(list)
    nameless: dict[str, list[Item]] = defaultdict(list)
    counts: Counter[Path] = Counter()
    for each, name in zip(found, names, strict=True):
        counts[each.file] += 1
        if each.name:
            groups[split_of[name], each.file].append(each)
        else:
            nameless[split_of[name]].append(_nameless(each.file, counts[each.file]))
    images = Images(files, options.images)
    placed: dict[str, list[tuple[Described, Path]]] = defaultdict(list)
    for (split, file), listed in groups.items():
        placed[split] += zip(listed, _paths(file, listed, images, split), strict=True)
    splits = {split: _items(placed[split], files.root) + nameless[split] for split in dict.fromkeys(split_of.values())}
    return Part(
        files.path if files.path.is_file() else files.root,
        splits,
        tuple(classes),
        files=tuple(counts),
        splits_from="" if set(splits) <= {UNSPLIT} else _origin(files, found),
        classes_from=classes_from if classes else "",
        notes=(*notes, *shape_notes(each.drawn for each in found), *renamed(names)),
    )


def _origin(files: Files, found: Sequence[Described]) -> str:
    if any(each.subset for each in found):
        return "the subsets that the files name"
    listed = list(dict.fromkeys(files.short(each.file) for each in found))
    return f"the names of the files {some(listed, SHOWN)}"


def _names_of(found: Sequence[Described]) -> dict[Path, list[str]]:
    """Names of the images of each file."""
    names: dict[Path, list[str]] = {}
    for each in found:
        names.setdefault(each.file, []).append(each.name)
    return names


def _paths(file: Path, listed: Sequence[Described], images: Images, split: str) -> list[Path]:
    """The image of each entry of a file."""
    names = [f"{each.subset}/{each.name}" if each.subset else each.name for each in listed]
    paths = images.of_names(names, file, split)
    if not any(each.second_name for each in listed):
        return paths
    return [
        path if not each.second_name or isfile(path) else images.of_name(each.second_name, file, split) or path
        for each, path in zip(listed, paths, strict=True)
    ]


def _items(placed: Sequence[tuple[Described, Path]], root: Path) -> list[Item]:
    ids = ids_of([path for _, path in placed], root)
    return [Item(item_id, path, _annotation(each)) for item_id, (each, path) in zip(ids, placed, strict=True)]


def _annotation(each: Described) -> Annotation | Problem:
    found = each.drawn
    return found if isinstance(found, Problem) else annotation_of(str(each), found, each.size, relative=each.relative)


def _nameless(file: Path, index: int) -> Item:
    return Item(f"{file.stem} {index}", file, Problem("annotation", str(file), f"image {index}", "has no file name"))
