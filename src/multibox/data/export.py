"""Exports stores as files in a layout that other tools can read, and that Multibox can build a dataset from again."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from multibox.data.file_names import file_stem, image_suffix, refuse_unsafe_split, safe_stems
from multibox.data.layouts import CocoWriter, CsvWriter, LayoutWriter, VocWriter, YoloWriter
from multibox.data.record import Record
from multibox.data.store import Meta, Store
from multibox.progress import Progress
from multibox.writing import Kind, new_folder

Format = Literal["voc", "coco", "yolo", "csv"]

WRITERS: dict[str, type[LayoutWriter]] = {"voc": VocWriter, "coco": CocoWriter, "yolo": YoloWriter, "csv": CsvWriter}


EXPORTED = Kind("exported dataset")


@dataclass(frozen=True)
class Export:
    """Result of an export.

    Attributes:
        path: Path of the exported folder.
        format: Layout of the exported files, such as ``coco``.
        images: Number of images written.
        objects: Number of objects written.
        lost: Sentences about what the format cannot hold.
        classes: Class names to pass as ``classes`` when a dataset is built from the exported folder, because its files
            do not hold their order. Empty if they do.
    """

    path: str
    format: str
    images: int
    objects: int
    lost: tuple[str, ...]
    classes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON-able values, without the classes."""
        return {name: value for name, value in asdict(self).items() if name != "classes"}


def export_dataset(
    stores: Sequence[Store],
    kind: Format,
    folder: str | Path,
    *,
    replace: bool = False,
    progress: Progress | None = None,
) -> Export:
    """Write the stores of a dataset as files. The images keep their bytes.

    An image keeps the file name that its annotations give, if no other image has that name. Any other image is named
    after its id.

    Args:
        stores: Stores of the dataset's splits.
        kind: Layout to write: ``voc``, ``coco``, ``yolo`` or ``csv``.
        folder: Folder to write. An earlier export is replaced, unless its files were changed.
        replace: Whether to replace an earlier export whose files were changed.
        progress: Function called with the number of finished images and of all images.

    Returns:
        What was written, and what the format could not hold.

    Raises:
        BadInput: If the folder holds files that are not an earlier export, or a class or split has a name that the
            layout cannot store.
    """
    for store in stores:
        refuse_unsafe_split(store.meta.split)
    ids = [record_id for store in stores for record_id in store.ids]
    stems = safe_stems(_names(stores, ids))
    lost: Counter[str] = Counter()
    objects = 0
    with new_folder(folder, EXPORTED, replace=replace) as building:
        writer = WRITERS[kind](
            building, stores[0].meta, dict(zip(stems, ids, strict=True)), [store.meta.split for store in stores]
        )
        records = ((store.meta.split, record) for store in stores for record in store)
        for done, (stem, (split, record)) in enumerate(zip(stems, records, strict=True), start=1):
            lost.update(_lost(record, stem, writer))
            held = _held(record, writer)
            objects += len(held.objects)
            _put(building / writer.image_path(split, stem, image_suffix(record.image)), record.image)
            writer.add(split, stem, held)
            if progress:
                progress(done, len(stems))
        late = writer.close()
    sentences = [f"{what}: {count:,}" for what, count in lost.items()] + late + _lost_of_all(stores, writer)
    return Export(str(folder), kind, len(stems), objects, tuple(sentences), _classes_to_give(stores[0].meta, writer))


def _names(stores: Sequence[Store], ids: Sequence[str]) -> list[str]:
    """A name for each image: that of its file if the annotations give one which no other image has, else its id."""
    records = (store.without_image(i) for store in stores for i in range(len(store)))
    named = [file_stem(record) if "file_name" in record.extra else "" for record in records]
    count = Counter(name.lower() for name in named)
    return [name if name and count[name.lower()] == 1 else one for name, one in zip(named, ids, strict=True)]


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _held(record: Record, writer: LayoutWriter) -> Record:
    """A record without its crowds, if the layout would turn them into ordinary objects."""
    if "crowd" in writer.holds or not record.objects.crowd.any():
        return record
    return dataclasses.replace(record, objects=record.objects.keep(~record.objects.crowd))


def _lost(record: Record, stem: str, writer: LayoutWriter) -> dict[str, int]:
    """What the layout cannot hold of a record, with counts."""
    held = _held(record, writer)
    objects = held.objects
    sides = (objects.boxes[:, 2:] - objects.boxes[:, :2]).astype(np.float64).prod(axis=1)
    moved = np.abs(objects.boxes - writer.written_boxes(held)).max(axis=1, initial=0) > TOLERANCE
    counts = {"crowds left out, as they would become ordinary objects": len(record.objects) - len(objects)}
    for flag in ("difficult", "truncated", "occluded"):
        counts[f"objects no longer marked {flag}"] = int(getattr(objects, flag).sum()) * (flag not in writer.holds)
    if "area" not in writer.holds:
        other = np.abs(objects.area - sides) > TOLERANCE * np.maximum(sides, 1)
        counts["objects whose area becomes the area of their box"] = int(other.sum())
    counts["boxes moved to whole pixels"] = int(moved.sum())
    if "ids" not in writer.holds and record.objects.ids != tuple(str(i) for i in range(len(record.objects))):
        counts["objects that lose their id"] = len(objects)
    counts["images that get another id"] = int(writer.read_id(stem) != record.id)
    counts["images that lose further data from their source"] = int(bool(record.extra.keys() - {"file_name"}))
    return {what: count for what, count in counts.items() if count}


TOLERANCE = 1e-3
"""Difference that counts as rounding: in pixels of a corner, or as a share of an area."""


def _lost_of_all(stores: Sequence[Store], writer: LayoutWriter) -> list[str]:
    """What the layout cannot hold of the dataset as a whole."""
    classes = stores[0].meta.classes
    renamed = [store.meta.split for store in stores if not writer.keeps_split(store.meta.split)]
    absent = [name for name in classes if not any(store.meta.counts.per_class[name] for store in stores)]
    padded = [name for name in classes if name != name.strip()]
    sentences = []
    if padded and "spaces" not in writer.holds:
        sentences.append(f"spaces around the names of classes: {', '.join(map(repr, padded))}")
    if renamed:
        sentences.append(f"splits whose name is not kept: {', '.join(renamed)}")
    if absent and not ("classes" in writer.holds or writer.gives_order()):
        sentences.append(f"classes without an object: {', '.join(absent)}")
    if list(classes) != sorted(classes) and not writer.gives_order():
        sentences.append("the order of the classes")
    return sentences


def _classes_to_give(meta: Meta, writer: LayoutWriter) -> tuple[str, ...]:
    """The classes, if the files do not give their order or give numbers that mean another one."""
    return () if writer.gives_order() or any("," in name for name in meta.classes) else meta.classes
