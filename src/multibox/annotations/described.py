"""Formats whose files describe many images each: from what they say to the items of each split."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from os.path import isfile
from pathlib import Path

from multibox.annotations.annotation import UNSPLIT, Annotation, Item, Options, Part, ids_of
from multibox.annotations.drawn import Drawn, annotation_of, drawn_or_problem, shape_notes
from multibox.annotations.files import Files
from multibox.annotations.images import Images
from multibox.annotations.problem import Problem
from multibox.annotations.splits import map_files, renamed, written_split


@dataclass(frozen=True)
class Described:
    """What a file says of one image.

    Attributes:
        file: Path of the file.
        name: Name of the image as written.
        drawn: Objects of the image, or why they cannot be read.
        size: Width and height of the image in pixels, if the file gives them.
        relative: Whether bounds are fractions of the image's size. Otherwise they are pixels.
        second_name: Name of the image if there is none of the first name. Empty if there is no other.
    """

    file: Path
    name: str
    drawn: tuple[Drawn, ...] | Problem
    size: tuple[int, int] | None = None
    relative: bool = False
    second_name: str = ""

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
) -> Described:
    """What a file says of one image.

    Args:
        file: Path of the file.
        name: Name of the image as written, of any type.
        parse: Reads the objects, and raises :class:`multibox.annotations.drawn.Damaged` where it cannot.
        size: Width and height of the image in pixels, if the file gives them.
        relative: Whether bounds are fractions of the image's size. Otherwise they are pixels.
        second_name: Name of the image if there is none of the first name.
    """
    written = name.strip() if isinstance(name, str) and not name.startswith("data:") else ""
    drawn = drawn_or_problem(f"{file}, {written}", parse)
    return Described(file, written, drawn, size, relative, second_name)


def part_of(
    files: Files,
    options: Options,
    found: Sequence[Described],
    *,
    classes: Sequence[str] = (),
    classes_from: str = "",
    notes: Sequence[str] = (),
) -> Part:
    """Make one source of what files say of their images.

    The split of a file is the one in its name, else in its folder's. A single file without one is still to be divided.

    Args:
        files: Files of the source.
        options: What the user said about the data.
        found: What the files say of each image.
        classes: Class names in the order that the files declare. Empty if they declare none.
        classes_from: What declares the order of the classes.
        notes: What else was guessed or left out, a sentence each.

    Returns:
        The items in the order of the files.
    """
    by_file: dict[Path, list[Described]] = defaultdict(list)
    for each in found:
        by_file[each.file].append(each)
    names = {path: written_split(path, files.root) for path in by_file}
    split_of = map_files(names.values())
    images = Images(files, options.images)
    splits: dict[str, list[Item]] = defaultdict(list)
    for path, listed in by_file.items():
        split = split_of[names[path]]
        splits[split] += _items(path, listed, images, split, files.root)
    listed_files = ", ".join(files.short(path) for path in by_file)
    return Part(
        files.path if files.path.is_file() else files.root,
        dict(splits),
        tuple(classes),
        files=tuple(by_file),
        splits_from="" if set(splits) <= {UNSPLIT} else f"the names of the files {listed_files}",
        classes_from=classes_from if classes else "",
        notes=(*notes, *shape_notes(each.drawn for each in found), *renamed(names.values())),
    )


def _items(file: Path, listed: Sequence[Described], images: Images, split: str, root: Path) -> list[Item]:
    named = [each for each in listed if each.name]
    paths = images.of_names([each.name for each in named], file, split)
    known = set(images.paths)
    found = [
        path
        if path in known or not each.second_name or isfile(path)
        else images.of_name(each.second_name, file, split) or path
        for each, path in zip(named, paths, strict=True)
    ]
    items = [
        Item(item_id, path, _annotation(each))
        for item_id, path, each in zip(ids_of(found, root), found, named, strict=True)
    ]
    nameless = [index for index, each in enumerate(listed, 1) if not each.name]
    return items + [Item(f"{file.stem} {index}", file, _nameless(file, index)) for index in nameless]


def _annotation(each: Described) -> Annotation | Problem:
    found = each.drawn
    return found if isinstance(found, Problem) else annotation_of(str(each), found, each.size, relative=each.relative)


def _nameless(file: Path, index: int) -> Problem:
    return Problem("annotation", str(file), f"image {index}", "has no file name")
