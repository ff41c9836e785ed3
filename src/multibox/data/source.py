"""Reads files and folders of any known annotation layout into one source: classes, and annotated images by split."""

import logging
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from multibox.annotations.annotation import UNSPLIT, Item, Options, Part
from multibox.annotations.class_lists import NAMES, find_class_list
from multibox.annotations.corners import OneBased
from multibox.annotations.counting import counted
from multibox.annotations.files import Files
from multibox.annotations.form import refuse_corners
from multibox.annotations.pseudo_classes import IGNORE, without_pseudo_classes
from multibox.annotations.recognise import Recognised, recognise
from multibox.annotations.rename_classes import rename_classes
from multibox.annotations.splits import divide, folder_split, map_files
from multibox.annotations.understood import Understood, annotations_of, understand
from multibox.annotations.units import in_right_unit
from multibox.data.file_names import readable, refuse_unsafe_split
from multibox.data.remarks import remarks
from multibox.data.store import split_order
from multibox.errors import BadInput

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """The classes and annotated images read from files, before images and boxes are verified.

    Attributes:
        description: Absolute paths of the dataset's files and folders, separated by commas.
        classes: Class names. A class's position in this list is its label, from 0.
        category_ids: Number of each class in the dataset's files, in the order of ``classes``. Empty if the classes
            have no numbers.
        splits: Annotated images by split.
        understood: Summary of what was read from each folder or file: layout, images, splits and corners.
        notes: Warnings about the dataset as a whole, such as images in two splits.
        strays: Paths of annotation files that belong to no image.
        files: Paths of all files that the dataset depends on: those in its folders, annotation files and lists of
            classes in other places, and images in other places.
    """

    description: str
    classes: tuple[str, ...]
    category_ids: tuple[int, ...]
    splits: dict[str, list[Item]]
    understood: tuple[Understood, ...] = ()
    notes: tuple[str, ...] = ()
    strays: tuple[Path, ...] = ()
    files: frozenset[Path] = frozenset()


def open_source(
    paths: Sequence[str | Path],
    *,
    classes: Sequence[str] = (),
    splits: Sequence[str] = (),
    rename: Mapping[str, str] | None = None,
    images: str | Path | None = None,
    one_based: OneBased = "auto",
    layout: str | None = None,
    split_seed: int = 0,
) -> Source:
    """Recognise the layout at the given paths and read the annotations. Images are not opened.

    Several paths, or several years of a VOCdevkit, become one source. Splits of the same name are joined, and ids begin
    with the name of their folder. ``trainval`` is left out if ``train`` and ``val`` are there too.

    Args:
        paths: Paths of files or folders, each in one of the known layouts.
        classes: Class names. A class's position in this list becomes its label. If empty, the class names are taken
            from the data.
        splits: Names of the splits to read. If empty, all splits are read.
        rename: New name of each class to rename, by its old name. Classes with the same new name become one class.
        images: Folder to search for the images. None searches the folders of the sources.
        one_based: Whether whole-number corners are pixels counted from 1, as in PASCAL VOC, and not edges counted from
            0: ``true``, ``false``, or ``auto``, which decides from the files by
            :func:`multibox.annotations.corners.decide`.
        layout: Short name of the layout, such as ``voc``. None means that the layout is recognised from the files.
        split_seed: Random seed for dividing images without a split into train, val and test.

    Returns:
        Classes and annotated images of all paths together.

    Raises:
        BadInput: If there is no dataset, no image or no such split, a path is given twice, or a class name is not in
            ``classes``.
    """
    source = read_source(
        paths,
        classes=classes,
        splits=splits,
        rename=rename,
        images=images,
        one_based=one_based,
        layout=layout,
        split_seed=split_seed,
    )
    unknown = unknown_names(source)
    if unknown:
        listed = ", ".join(f"{name} ({count})" for name, count in unknown.items())
        raise BadInput(
            "classes",
            f"the data has objects of classes that are not listed: {listed}; add these classes, or correct the list",
        )
    return source


@np.errstate(over="ignore", invalid="ignore")  # A number that becomes infinite is a bad box, and reported as one.
def read_source(
    paths: Sequence[str | Path],
    *,
    classes: Sequence[str] = (),
    splits: Sequence[str] = (),
    rename: Mapping[str, str] | None = None,
    images: str | Path | None = None,
    one_based: OneBased = "auto",
    layout: str | None = None,
    split_seed: int = 0,
) -> Source:
    """Read a dataset like :func:`open_source`, but allow objects of classes that are not in ``classes``.

    A summary of how each path was understood is logged, at level INFO.
    """
    _refuse_twice(paths)
    options = Options(tuple(classes), Path(images) if images is not None else None, one_based)
    recognised = [each for path in paths for each in recognise(Path(path), layout)]
    read = [in_right_unit(each.read(options)) for each in recognised]
    _check_rename(rename or {}, read, recognised)
    parts = _place([_named(each, part, options, rename or {}) for each, part in zip(recognised, read, strict=True)])
    for part in parts:
        refuse_corners(part)
    found = {split: items for split, items in _merge([_divided(part, split_seed) for part in parts]).items() if items}
    if not found:
        raise BadInput(", ".join(map(str, paths)), "has no annotated image; give a dataset with images")
    merged = _choose(found, splits)
    names, origin = _classes(tuple(classes), parts, merged)
    numbers = parts[0].category_ids if len(parts) == 1 and not classes else ()
    category_ids = numbers if len(numbers) == len(names) else ()
    understood = tuple(
        understand(part, each.format.TITLE, each.files, [other.TITLE for other in each.others], split_seed)
        for part, each in zip(parts, recognised, strict=True)
    )
    counts = _count_names(merged.values())
    notes = tuple(remarks(merged, {name: counts[name] for name in names}, is_chosen=bool(splits)))
    lines = [line for each in understood for line in each.lines()]
    for line in (*lines, f"classes: {origin}", *(f"note: {note}" for note in notes)):
        log.info("%s", line)
    description = ", ".join(readable(os.path.abspath(path)) for path in paths)
    files = _files(paths, recognised, parts, merged)
    strays = tuple(path for part in parts for path in part.strays)
    return Source(description, names, category_ids, merged, understood, notes, strays, files)


def _refuse_twice(paths: Sequence[str | Path]) -> None:
    seen: set[Path] = set()
    for path in paths:
        real = Path(path).resolve()
        if real in seen:
            raise BadInput(path, "is given twice; give each file or folder once")
        seen.add(real)


def _files(
    paths: Sequence[str | Path], recognised: Sequence[Recognised], parts: Sequence[Part], splits: dict[str, list[Item]]
) -> frozenset[Path]:
    listed = {each.files.path: each.files for each in recognised}
    images = (item.image for items in splits.values() for item in items if isinstance(item.image, Path))
    read = (path for part in parts for path in (*part.files, part.class_file) if path)
    return frozenset(images).union(read, *((listed.get(Path(path)) or Files(Path(path))).listed for path in paths))


def unknown_names(source: Source) -> dict[str, int]:
    """Class names of objects that are not among the source's classes, with their counts, the most frequent first."""
    counts = _count_names(source.splits.values()).most_common()
    return {name: count for name, count in counts if name not in source.classes}


def _named(recognised: Recognised, part: Part, options: Options, rename: Mapping[str, str]) -> Part:
    """A part with the classes that its folder declares, under their new names."""
    renamed = rename_classes(part, rename)
    return without_pseudo_classes(_with_class_list(recognised, renamed, rename), options.classes)


def _with_class_list(recognised: Recognised, part: Part, rename: Mapping[str, str]) -> Part:
    """The part with the classes of a list beside its files, if it declares none itself."""
    listed = None if part.classes else find_class_list(recognised.files)
    if listed is None:
        return part
    path, written = listed
    names = tuple(dict.fromkeys(rename.get(name, name) for name in written))
    counts = _count_names(part.splits.values())
    unlisted = sorted(name for name in counts if name not in names and name != IGNORE)
    if not unlisted:
        return replace(part, classes=names, classes_from=recognised.files.short(path), class_file=path)
    example = f"{unlisted[0]!r} ({counted(counts[unlisted[0]], 'object')})"
    if len(unlisted) == len(counts.keys() - {IGNORE}) and path.name.lower() in NAMES:
        note = f"{path.name} was not used as the list of classes, because it lacks {example}"
        return replace(part, notes=(*part.notes, note))
    note = f"{path.name} lacks the class {example}, which was added after the listed classes"
    notes = (*part.notes, note)
    return replace(part, classes=names, classes_from=recognised.files.short(path), class_file=path, notes=notes)


def _place(parts: Sequence[Part]) -> list[Part]:
    """Parts without splits of their own, in the split that the name of their folder or file means.

    Folders that are given one by one stay apart if the name of any is that of a split.
    """
    whole = [part for part in parts if set(part.splits) == {UNSPLIT}]
    names = {part.root.stem: folder_split(part.root.stem) for part in whole}
    if not any(names.values()):
        return list(parts)
    meant = map_files(part.root.stem for part in whole)
    return [
        replace(part, splits={split: part.splits[UNSPLIT]}, splits_from=f"the name of {part.root.name}")
        if any(part is each for each in whole) and (split := names[part.root.stem] or meant[part.root.stem])
        else part
        for part in parts
    ]


def _divided(part: Part, seed: int) -> Part:
    return replace(part, splits=divide(part.splits, seed))


def _merge(parts: Sequence[Part]) -> dict[str, list[Item]]:
    if len(parts) == 1:
        return parts[0].splits
    merged: dict[str, list[Item]] = {}
    prefixes: Counter[str] = Counter()
    for part in parts:
        prefixes[part.root.stem] += 1
        seen = prefixes[part.root.stem]
        prefix = part.root.stem if seen == 1 else f"{part.root.stem}-{seen}"
        for split, items in part.splits.items():
            merged.setdefault(split, []).extend(replace(item, id=f"{prefix}/{item.id}") for item in items)
    return merged


def _choose(found: dict[str, list[Item]], wanted: Sequence[str]) -> dict[str, list[Item]]:
    missing = [name for name in wanted if name not in found]
    if missing:
        raise BadInput(
            "splits", f"the data has no split {','.join(missing)}; its splits are {', '.join(sorted(found))}"
        )
    if not wanted:
        wanted = [name for name in found if name != "trainval" or not {"train", "val"} <= set(found)]
    for name in wanted:
        refuse_unsafe_split(name)
        ids = Counter(item.id for item in found[name])
        twice = [item_id for item_id, count in ids.most_common(3) if count > 1]
        if twice:
            where = " and ".join([item.annotation.file for item in found[name] if item.id == twice[0]][:2])
            message = f"several images have the same id: {', '.join(twice)} ({where})"
            raise BadInput(name, f"{message}; give each image its own id, or merge the entries of the same image")
    return {name: found[name] for name in sorted(wanted, key=split_order)}


def _classes(
    given: tuple[str, ...], parts: Sequence[Part], splits: dict[str, list[Item]]
) -> tuple[tuple[str, ...], str]:
    """The classes in the order that the user or the data declare, else sorted, and where the order comes from."""
    counts = _count_names(splits.values())
    declared = tuple(dict.fromkeys(name for part in parts for name in part.classes))
    origins = list(dict.fromkeys(part.classes_from for part in parts if part.classes_from))
    more = tuple(sorted(name for name in counts if name not in declared))
    if given:
        names, origin = given, "as given"
    elif declared:
        names, origin = declared + more, f"in the order of {' and then '.join(origins) or 'the data'}"
    else:
        names, origin = more, 'sorted by name, as the data gives no order; set classes="A,B" to choose one'
    _check_classes(names)
    if not names:
        return names, "none, as the data has no objects"
    shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    return names, f"{shown}; {origin}"


def _check_rename(rename: Mapping[str, str], parts: Sequence[Part], recognised: Sequence[Recognised]) -> None:
    """Refuse new names for classes that the data do not have."""
    known = {name for part in parts for name in (*part.classes, *_count_names(part.splits.values()))}
    if not rename.keys() <= known:
        known.update(name for each in recognised for name in (find_class_list(each.files) or (None, ()))[1])
    unknown = [name for name in rename if name not in known]
    if unknown:
        listed = ", ".join(sorted(known)[:10]) or "none"
        raise BadInput("rename", f"the data has no class {', '.join(unknown)}; its classes are {listed}")


def _check_classes(classes: tuple[str, ...]) -> None:
    broken = [name for name in classes if readable(name) != name]
    if broken:
        raise BadInput(f"class {broken[0]!r}", "is not Unicode text; rename it")
    if len(set(classes)) < len(classes):
        twice = [name for name, count in Counter(classes).items() if count > 1]
        raise BadInput("classes", f"{', '.join(twice)} given twice; list each class once")


def _count_names(splits: Iterable[list[Item]]) -> Counter[str]:
    return Counter(name for items in splits for annotation in annotations_of(items) for name in annotation.names)
