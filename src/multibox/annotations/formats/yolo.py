"""YOLO text: one ``.txt`` per image and one line per object, with class, centre x, centre y, width, height.

The four numbers are relative to the size of the image.

``data.yaml``, or darknet's ``obj.data``, names the classes and the images of each split.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from os.path import isdir, isfile
from pathlib import Path

from multibox.annotations.annotation import UNSPLIT, Item, Options, Part, ids_of, read_text
from multibox.annotations.class_lists import LABEL_MAPS, NAMES, find_class_list, refuse_other_lists
from multibox.annotations.class_numbers import refuse_from_one
from multibox.annotations.counting import counted, some
from multibox.annotations.files import Files, is_image, sample, walk
from multibox.annotations.formats.yolo_description import Description, find_description, other_names, read_description
from multibox.annotations.formats.yolo_rows import (
    annotate,
    are_edges,
    kinds_of,
    notes,
    read_rows,
    to_number,
)
from multibox.annotations.images import Images, plain_name
from multibox.annotations.splits import map_names, splits_by_folder, usual_split
from multibox.errors import BadInput

NAME = "yolo"
TITLE = "YOLO text"

_ROW = re.compile(r"\s*\d+(\.0*)?(\s+[-+.\deE]+){4,}\s*(\n|$)")
_OTHERS = (*NAMES, *LABEL_MAPS)


def find(files: Files) -> list[Path]:
    """Find the description of the dataset and the label files.

    The list is empty if there are neither descriptions nor label files with YOLO's rows.
    """
    described = find_description(files)
    labels = _label_files(files) if files.path.is_dir() else []
    if described:
        return [described, *labels]
    stems = {path.stem for path in files.images}
    own = [path for path in labels if path.stem in stems]
    return own if any(_ROW.match(_head(path)) for path in sample(own)) or _are_empty(own) else []


def read(files: Files, found: list[Path], options: Options) -> Part:
    """Read a YOLO dataset.

    Args:
        files: Files of the dataset.
        found: Paths of the label files, after that of ``data.yaml`` or ``obj.data`` if there is one.
        options: Options that the user gave: class names, folder of the images and kind of corners.

    Returns:
        The annotated images, and the classes in the order of their numbers.

    Raises:
        BadInput: A field of ``data.yaml`` or ``obj.data`` is missing or wrong, nothing names the classes, or no image
            has a label file.
    """
    is_described = found[0].suffix.lower() != ".txt"
    described = read_description(found[0], files) if is_described else Description(files.root)
    if options.images is not None and described.images:
        message = f"{options.images}: does not apply here, because {described.path} names the images; leave it out"
        raise BadInput("images", message)
    names, origin = _classes(files, described, options)
    splits, splits_from = _images(files, described, options)
    labels = _pair(files, [image for images in splits.values() for image in images])
    return _part(files, described, splits, labels, names, splits_from, origin)


def _part(
    files: Files,
    described: Description,
    splits: Mapping[str, Sequence[Path]],
    labels: Mapping[Path, Path],
    names: tuple[str, ...],
    splits_from: str,
    classes_from: str,
) -> Part:
    _refuse_no_labels(described.path, labels)
    strays = _strays(files, labels)
    read_files = {file: read_rows(file) for file in labels.values()}
    rows = [row for each in read_files.values() for row in each]
    refuse_from_one(described.path, {to_number(row.label) for row in rows}, len(names), "YOLO")
    if are_edges(rows):
        raise BadInput(described.path, "many boxes reach beyond their images; write centres and sizes, not edges")
    kinds = kinds_of(rows, described.key_points)
    items = {
        split: [
            Item(record_id, image, annotate(labels[image], read_files[labels[image]], names, kinds))
            for record_id, image in zip(ids_of(images, files.root), images, strict=True)
        ]
        for split, images in splits.items()
    }
    return Part(
        files.path if files.path.is_file() else files.root,
        items,
        tuple(dict.fromkeys(names)),
        files=tuple(file for file in read_files if isfile(file)),
        splits_from=splits_from,
        classes_from=classes_from,
        strays=tuple(strays),
        notes=(
            *described.notes,
            *other_names(files, described),
            *notes(rows, kinds),
            *_pair_notes(labels, strays, files),
        ),
    )


def _classes(files: Files, described: Description, options: Options) -> tuple[tuple[str, ...], str]:
    """Class names by number, and where they come from."""
    if described.names:
        return described.names, described.path.name
    listed = None if options.classes else find_class_list(files)
    if listed:
        refuse_other_lists(files, *listed)
        return listed[1], files.short(listed[0])
    if not options.classes:
        message = (
            'has no class names; write names: into data.yaml, or give classes="A,B" in the order of the class numbers'
        )
        raise BadInput(described.path, message)
    return options.classes, "the given classes"


def _images(files: Files, described: Description, options: Options) -> tuple[dict[str, list[Path]], str]:
    """The images of each split, and where the splits come from."""
    images = Images(files, options.images)
    if described.images:
        return {split: _named(paths, images, split) for split, paths in described.images.items()}, described.path.name
    lists = _lists(files)
    if lists:
        by_list: dict[str, list[Path]] = {}
        split_of = map_names(path.stem for path in lists)
        for path in lists:
            by_list.setdefault(split_of[path.stem], []).append(path)
        return {split: _named(paths, images, split) for split, paths in by_list.items()}, "the lists of images"
    by_folder: dict[str, list[Path]] = {}
    for path, split in zip(images.paths, splits_by_folder(images.paths, images.root), strict=True):
        by_folder.setdefault(split, []).append(path)
    return by_folder, "" if set(by_folder) == {UNSPLIT} else "the names of the folders"


def _named(paths: Sequence[Path], images: Images, split: str) -> list[Path]:
    """The images in folders, and in lists of images."""
    found: dict[Path, None] = {}
    for path in paths:
        if isdir(path):
            found |= dict.fromkeys(each for each in walk(path) if is_image(each))
        elif is_image(path):
            found[path] = None
        else:
            found |= dict.fromkeys(images.of_names(_lines(path), path, split))
    return list(found)


def _lines(path: Path) -> list[str]:
    """The lines of a list of images."""
    lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    unnamed = next((line for line in lines if not plain_name(line).name), None)
    if unnamed is not None:
        raise BadInput(path, f"{unnamed!r} names no image; write the path of one image per line")
    return lines


def _lists(files: Files) -> list[Path]:
    """Lists of images at the root, named after splits."""
    named = [path for path in files.with_suffix(".txt") if path.parent == files.root and usual_split(path.stem)]
    return [path for path in named if is_image(Path(_head(path).splitlines()[0].strip() if _head(path) else ""))]


def _label_files(files: Files) -> list[Path]:
    lists = set(_lists(files))
    return [path for path in files.with_suffix(".txt") if path.name.lower() not in _OTHERS and path not in lists]


def _pair(files: Files, images: Sequence[Path]) -> dict[Path, Path]:
    """The label file of each image, possibly one that does not exist."""
    known = set(_label_files(files)) if files.path.is_dir() else set()
    return {image: next(_candidates(image, known)) for image in images}


def _candidates(image: Path, known: set[Path]) -> Iterator[Path]:
    """Where the label file of an image may be: in ``labels`` for ``images``, and beside the image, in any case."""
    beside = image.with_suffix(".txt")
    parts = list(beside.parts)
    swapped = [
        Path(*parts[:i], labels, *parts[i + 1 :])
        for i in reversed(range(len(parts)))
        if parts[i].lower() == "images"
        for labels in ("labels", "Labels", "LABELS")
    ]
    written = (path.with_suffix(suffix) for path in (*swapped, beside) for suffix in (".txt", ".TXT"))
    yield from (path for path in written if path in known or isfile(path))
    yield swapped[0] if swapped else beside


def _refuse_no_labels(path: Path, labels: Mapping[Path, Path]) -> None:
    """Refuse images of which none has a label file. That is a wrong folder, not images without objects."""
    if labels and not any(map(isfile, labels.values())):
        folders = ", ".join(list(dict.fromkeys(str(label.parent) for label in labels.values()))[:3])
        first = next(iter(labels.values()))
        raise BadInput(path, f"no image has a label file; looked for {first.name} and others in {folders}")


def _strays(files: Files, labels: Mapping[Path, Path]) -> list[Path]:
    """The label files that belong to no image of the splits."""
    used = set(labels.values())
    paths = _label_files(files) if files.path.is_dir() else []
    return [path for path in paths if path not in used and _ROW.match(_head(path))]


def _pair_notes(labels: Mapping[Path, Path], strays: Sequence[Path], files: Files) -> Iterator[str]:
    """What is said of images without label file, of label files without image, and of those with several images."""
    bare = [image.name for image, label in labels.items() if not isfile(label)]
    if bare:
        one, many = "image has no label file and counts as", "images have no label file and count as"
        without = "an image without objects" if len(bare) == 1 else "images without objects"
        yield f"{counted(len(bare), one, many)} {without} ({some(bare)})"
    if strays:
        belong = counted(len(strays), "label file belongs", "label files belong")
        yield f"{belong} to no image of the splits ({some([path.name for path in strays])})"
    images: dict[Path, list[Path]] = {}
    for image, label in labels.items():
        images.setdefault(label, []).append(image)
    shared = {label: paths for label, paths in images.items() if len(paths) > 1 and isfile(label)}
    if shared:
        belong = counted(len(shared), "label file belongs", "label files belong")
        label, paths = next(iter(shared.items()))
        names = [files.short(path) for path in paths]
        example = f"{files.short(label)}: {', '.join(names)}" + ("; ..." if len(shared) > 1 else "")
        yield f"{belong} to several images, each of which got its boxes ({example})"


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(512).decode("utf-8-sig", errors="replace")


def _are_empty(paths: Sequence[Path]) -> bool:
    return bool(paths) and all(not path.stat().st_size for path in paths)
