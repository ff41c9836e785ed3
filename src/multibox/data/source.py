"""From files and folders of any known layout to one source: classes, and the items of each split."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from multibox.data.annotation import UNSPLIT, Annotation, Item, Part
from multibox.data.coco import find_coco, read_coco
from multibox.data.csv import read_csv
from multibox.data.file_names import readable, refuse_unsafe_split
from multibox.data.store import split_order
from multibox.data.voc import OneBased, is_voc, read_voc
from multibox.data.yolo import find_yolo, read_yolo
from multibox.errors import BadInput

SHARES = (0.70, 0.15)
"""Of the images of a source without splits: train and val; the rest is test."""

LAYOUTS = "a folder in VOC layout, a VOCdevkit, COCO JSON, YOLO (data.yaml, or images and labels), or CSV"


@dataclass(frozen=True)
class Source:
    """A dataset as its files have it.

    Attributes:
        description: Paths of the source.
        classes: Class names. The position is the label.
        category_ids: Numbers of the classes in their source. Empty if it has none.
        splits: Items by split.
    """

    description: str
    classes: tuple[str, ...]
    category_ids: tuple[int, ...]
    splits: dict[str, list[Item]]


def open_source(
    paths: Sequence[str | Path],
    *,
    classes: Sequence[str] = (),
    splits: Sequence[str] = (),
    images: str | Path | None = None,
    one_based: OneBased = "auto",
    split_seed: int = 0,
) -> Source:
    """Recognise the layout at the given paths and read the annotations. Images are not opened.

    Several paths, or several years of a VOCdevkit, become one source. Splits of the same name are joined, and ids begin
    with the name of their folder. ``trainval`` is left out if ``train`` and ``val`` are there too.

    Args:
        paths: Paths of files or folders, each in one of the known layouts.
        classes: Class names in the order of their labels. Empty takes those of the data.
        splits: Splits to take. Empty takes all.
        images: Folder of the images, if it is not the layout's usual one.
        one_based: Whether VOC coordinates start at 1, as :func:`multibox.data.voc.read_voc` takes it.
        split_seed: Seed of the division into train, val and test of data without splits.

    Returns:
        The source.

    Raises:
        BadInput: If there is no dataset, no image or no such split, or a class name is not in ``classes``.
    """
    source = read_source(
        paths, classes=classes, splits=splits, images=images, one_based=one_based, split_seed=split_seed
    )
    unknown = unknown_names(source)
    if unknown:
        listed = ", ".join(f"{name} ({count})" for name, count in unknown.items())
        field = "classes" if classes else f"{source.description}: its list of classes"
        raise BadInput(field, f"objects of the data have names that are not listed: {listed}; add or correct them")
    return source


def read_source(
    paths: Sequence[str | Path],
    *,
    classes: Sequence[str] = (),
    splits: Sequence[str] = (),
    images: str | Path | None = None,
    one_based: OneBased = "auto",
    split_seed: int = 0,
) -> Source:
    """Like :func:`open_source`, but objects may have names that are not in ``classes``."""
    folder = Path(images) if images is not None else None
    if folder is not None and not folder.is_dir():
        raise BadInput("images", f"{folder}: no such folder")
    parts = [part for path in paths for part in _read(Path(path), folder, one_based, tuple(classes))]
    parts = [replace(part, splits=divide(part.splits, split_seed)) for part in parts]
    found = {split: items for split, items in _merge(parts).items() if items}
    if not found:
        raise BadInput(", ".join(map(str, paths)), "names no image; give a dataset that has some")
    merged = _choose(found, splits)
    category_ids = parts[0].category_ids if len(parts) == 1 and not classes else ()
    names = tuple(classes) or _classes(parts, merged)
    _check_classes(names)
    return Source(", ".join(str(path) for path in paths), names, category_ids, merged)


def unknown_names(source: Source) -> dict[str, int]:
    """Names of objects that are no class of the source, with their counts, the most frequent first."""
    counts = _count_names(source.splits).most_common()
    return {name: count for name, count in counts if name not in source.classes}


def divide(splits: dict[str, list[Item]], seed: int) -> dict[str, list[Item]]:
    """Divide the items that have no split into train, val and test, at random.

    Args:
        splits: Items by split, some possibly under :data:`UNSPLIT`.
        seed: The same seed and items give the same division.

    Returns:
        Items by split. No item is left under :data:`UNSPLIT`.
    """
    divided = {name: list(items) for name, items in splits.items() if name != UNSPLIT}
    loose = sorted(splits.get(UNSPLIT, ()), key=lambda item: item.id)
    order = np.random.default_rng(seed).permutation(len(loose))
    held_out = max(1, round(len(loose) * SHARES[1])) if len(loose) >= 3 else 0
    ends = (len(loose) - 2 * held_out, len(loose) - held_out)
    for name, chosen in zip(("train", "val", "test"), np.split(order, ends), strict=True):
        if len(chosen):
            divided.setdefault(name, []).extend(loose[i] for i in sorted(chosen))
    return divided


def _read(path: Path, images: Path | None, one_based: OneBased, classes: tuple[str, ...]) -> list[Part]:
    if not path.exists():
        raise BadInput(path, f"no such file or folder; give {LAYOUTS}")
    if path.is_dir() and is_voc(path):
        return [read_voc(path, images=images, one_based=one_based)]
    years = [folder for folder in _folders_below(path) if (folder / "Annotations").is_dir() and is_voc(folder)]
    if years:
        return [read_voc(folder, images=images, one_based=one_based) for folder in years]
    coco, yolo = find_coco(path), find_yolo(path)
    # JSON side by side with a data.yaml may be anything; in COCO's own layout it is COCO.
    is_described = yolo is not None and yolo.is_file() and all(file.parent == path for file in coco)
    if coco and not is_described:
        return [read_coco(coco, images=images)]
    if yolo:
        if images is not None:
            raise BadInput("images", f"{images}: does not apply to YOLO, whose images {yolo} names; leave it out")
        return [read_yolo(yolo, classes=classes)]
    tables = [path] if path.suffix == ".csv" else sorted(path.glob("*.csv"))
    if tables:
        return [read_csv(table, images=images) for table in tables]
    raise BadInput(path, f"no dataset found here; give {LAYOUTS}")


def _folders_below(path: Path) -> list[Path]:
    """Folders in ``path``, and in ``path/VOCdevkit``."""
    return sorted(folder for base in (path, path / "VOCdevkit") for folder in base.glob("*/") if folder.is_dir())


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
        raise BadInput("splits", f"{','.join(missing)}: not in the data, which has {', '.join(sorted(found))}")
    if not wanted:
        wanted = [name for name in found if name != "trainval" or not {"train", "val"} <= set(found)]
    for name in wanted:
        refuse_unsafe_split(name)
        ids = Counter(item.id for item in found[name])
        twice = [item_id for item_id, count in ids.most_common(3) if count > 1]
        if twice:
            raise BadInput(
                name, f"several images have the same id: {', '.join(twice)}; build them apart or rename them"
            )
    return {name: found[name] for name in sorted(wanted, key=split_order)}


def _classes(parts: Sequence[Part], splits: dict[str, list[Item]]) -> tuple[str, ...]:
    """The order on which the parts agree, else all names sorted."""
    orders = {part.classes for part in parts}
    if len(orders) == 1 and parts[0].classes:
        return parts[0].classes
    declared = {name for part in parts for name in part.classes}
    return tuple(sorted(declared | set(_count_names(splits))))


def _check_classes(classes: tuple[str, ...]) -> None:
    broken = [name for name in classes if readable(name) != name]
    if broken:
        raise BadInput(f"class {broken[0]!r}", "is not Unicode text; rename it")
    if len(set(classes)) < len(classes):
        twice = [name for name, count in Counter(classes).items() if count > 1]
        raise BadInput("classes", f"{', '.join(twice)} given twice; a class is listed once")


def _count_names(splits: dict[str, list[Item]]) -> Counter[str]:
    found = (item.annotation for items in splits.values() for item in items)
    return Counter(name for annotation in found if isinstance(annotation, Annotation) for name in annotation.names)
