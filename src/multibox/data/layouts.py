"""Writers of annotation layouts: PASCAL VOC, COCO, YOLO and CSV."""

import csv
import itertools
import json
import re
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np
import yaml

from multibox.annotations.class_lists import BACKGROUND, is_line, write_names
from multibox.annotations.splits import map_files, map_names
from multibox.annotations.xml_files import refuse_control_characters
from multibox.data.file_names import image_suffix
from multibox.data.record import Record
from multibox.data.store import Meta
from multibox.data.voc_xml import write_xml
from multibox.errors import BadInput


class LayoutWriter(ABC):
    """Writes the annotations of a dataset in one layout, image by image.

    Args:
        folder: Path of an empty folder.
        meta: Description of any of the dataset's stores. All have the same classes.
        ids: Id of each image that will be added, in order, by the name of its file without suffix.
        splits: Names of the splits.
    """

    holds: ClassVar[frozenset[str]]
    """Data that the layout can store: the flags of objects, ``area``, ``ids`` of objects, ``fractions`` of pixels in
    boxes, ``classes`` without an object, and ``spaces`` around class names."""

    def __init__(self, folder: Path, meta: Meta, ids: Mapping[str, str], splits: Sequence[str]):
        self.folder = folder
        self.meta = meta
        self.ids = ids
        self.splits = splits

    @abstractmethod
    def image_path(self, split: str, stem: str, suffix: str) -> PurePosixPath:
        """Path at which an image is written, relative to the exported folder."""

    @abstractmethod
    def add(self, split: str, stem: str, record: Record) -> None:
        """Write the annotation of an image, or keep it until :meth:`close` writes it."""

    @abstractmethod
    def close(self) -> list[str]:
        """Write the annotations that :meth:`add` kept, and the lists of classes and splits.

        Returns:
            One text for each kind of data that was lost, besides data that the layout can never store.
        """

    @abstractmethod
    def gives_order(self) -> bool:
        """Whether the exported files list all classes in their order."""

    def written_boxes(self, record: Record) -> np.ndarray:
        """The boxes of a record as they will be read back, after rounding.

        ``(N, 4)`` corners x0, y0, x1, y1 in pixels.
        """
        return record.objects.boxes

    def read_id(self, stem: str) -> str:
        """The id that an image gets when the exported files are read, by its file name without suffix."""
        return stem

    def keeps_split(self, split: str) -> bool:
        """Whether the split has the same name when the exported files are read.

        A name such as ``dog_train`` may be read as ``train``.
        """
        return map_names(self.splits)[split] == split

    def _write_class_list(self) -> None:
        """Write ``classes.txt``, if each class can be a line of it."""
        if all(map(is_line, self.meta.classes)):
            write_names(self.folder / "classes.txt", self.meta.classes)


class VocWriter(LayoutWriter):
    """``Annotations/*.xml``, ``JPEGImages`` and ``ImageSets/Main/*.txt``, in whole pixels counted from 1.

    ``labelmap.txt`` lists the classes, as Datumaro and CVAT expect. The list of a split names its images.
    """

    holds = frozenset({"difficult", "truncated", "occluded"})

    def __init__(self, folder: Path, meta: Meta, ids: Mapping[str, str], splits: Sequence[str]):
        super().__init__(folder, meta, ids, splits)
        refuse_control_characters(meta.classes)
        self._members: dict[str, list[str]] = defaultdict(list)
        (folder / "Annotations").mkdir()

    def image_path(self, split: str, stem: str, suffix: str) -> PurePosixPath:
        """Path of an image: all images are in the folder ``JPEGImages``."""
        return PurePosixPath("JPEGImages") / (stem + suffix)

    def add(self, split: str, stem: str, record: Record) -> None:
        """Write an image's XML."""
        self._members[split].append(stem)
        objects = record.objects
        write_xml(
            self.folder / "Annotations" / f"{stem}.xml",
            stem + image_suffix(record.image),
            (record.width, record.height),
            [self.meta.classes[label] for label in objects.labels],
            self.written_boxes(record),
            difficult=objects.difficult.tolist(),
            truncated=objects.truncated.tolist(),
            occluded=objects.occluded.tolist(),
        )

    def close(self) -> list[str]:
        """Write the lists of the splits."""
        lists = self.folder / "ImageSets" / "Main"
        lists.mkdir(parents=True)
        for split, stems in self._members.items():
            (lists / f"{split}.txt").write_text("".join(f"{stem}\n" for stem in stems), "utf-8")
        if not self._fits_label_map():
            return ["labelmap.txt, which cannot list a class whose name has a colon, a line break or a '#' in front"]
        lines = ["# label:color_rgb:parts:actions\n", *(f"{name}:::\n" for name in self.meta.classes)]
        (self.folder / "labelmap.txt").write_text("".join(lines), "utf-8")
        return []

    def gives_order(self) -> bool:
        """True if ``labelmap.txt`` can hold the class names, and its first class is not ``background``."""
        return self._fits_label_map() and self.meta.classes[:1] != (BACKGROUND,)

    def _fits_label_map(self) -> bool:
        return all(is_line(name) and ":" not in name and name[0] != "#" for name in self.meta.classes)

    def written_boxes(self, record: Record) -> np.ndarray:
        """Boxes rounded to whole pixels, with sides of at least two pixels.

        In VOC, a box whose corners are the same pixel would have no area.
        """
        limits = np.array([record.width, record.height], np.float32)
        low = np.minimum(np.round(record.objects.boxes[:, :2]), limits - 2).clip(0)
        high = np.maximum(np.round(record.objects.boxes[:, 2:]), low + 2)
        return np.concatenate([low, high], axis=1)

    def keeps_split(self, split: str) -> bool:
        """True, unless the name would be read as the list of a class, such as ``dog_train`` beside ``train``."""
        is_of_class = "_" in split and split.rpartition("_")[2] in self.splits
        return not is_of_class and super().keeps_split(split)


class CocoWriter(LayoutWriter):
    """``annotations/instances_SPLIT.json`` and ``images/SPLIT``."""

    holds = frozenset({"crowd", "area", "ids", "fractions", "classes", "spaces"})

    def __init__(self, folder: Path, meta: Meta, ids: Mapping[str, str], splits: Sequence[str]):
        super().__init__(folder, meta, ids, splits)
        known = list(ids.values())
        kept = all(map(_is_number, known)) and len(set(known)) == len(known)
        self._numbers = dict(zip(ids, map(int, known) if kept else itertools.count(1), strict=False))
        self._images: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._annotations: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._object_ids: list[str] = []
        self._positions = 0

    def image_path(self, split: str, stem: str, suffix: str) -> PurePosixPath:
        """Path of an image: there is one folder for each split."""
        return PurePosixPath("images") / split / (stem + suffix)

    def gives_order(self) -> bool:
        """True if the category ids, by which readers sort, are in the order of the classes."""
        return list(self.meta.category_ids) == sorted(self.meta.category_ids)

    def keeps_split(self, split: str) -> bool:
        """True, unless a reader would take the split's file name for that of another split."""
        return map_files(self.splits)[split] == split

    def read_id(self, stem: str) -> str:
        """The integer id of an image in the file: its own if all ids are different integers, else a number from 1."""
        return str(self._numbers[stem])

    def add(self, split: str, stem: str, record: Record) -> None:
        """Keep an image and its objects for :meth:`close`."""
        number, name = self._numbers[stem], stem + image_suffix(record.image)
        size = {"width": record.width, "height": record.height}
        self._images[split].append({"id": number, "file_name": name, **size})
        objects = record.objects
        self._object_ids += objects.ids
        self._positions += len(objects) * (objects.ids == tuple(str(i) for i in range(len(objects))))
        for i, (x0, y0, x1, y1) in enumerate(objects.boxes.astype(np.float64).tolist()):
            self._annotations[split].append(
                {
                    "image_id": number,
                    "category_id": self.meta.category_ids[objects.labels[i]],
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "segmentation": [],
                    "area": float(objects.area[i]),
                    "iscrowd": int(objects.crowd[i]),
                }
            )

    def close(self) -> list[str]:
        """Write one file for each split. Objects keep their ids if all are different integers, none of them 0."""
        numbers = set(self._object_ids)
        kept = all(map(_is_number, numbers)) and len(numbers) == len(self._object_ids)
        kept &= "0" not in numbers  # pycocotools takes a match with object 0 for none
        ids = iter(map(int, self._object_ids)) if kept else itertools.count(1)
        named = zip(self.meta.category_ids, self.meta.classes, strict=True)
        categories = [{"id": number, "name": name} for number, name in named]
        (self.folder / "annotations").mkdir(exist_ok=True)
        for split, images in self._images.items():
            annotations = [{"id": next(ids), **annotation} for annotation in self._annotations[split]]
            content = {
                "info": {},
                "licenses": [],
                "images": images,
                "annotations": annotations,
                "categories": categories,
            }
            path = self.folder / "annotations" / f"instances_{split}.json"
            path.write_text(json.dumps(content), "utf-8")
        lost = 0 if kept else len(self._object_ids) - self._positions
        return [f"objects that get another id: {lost:,}"] if lost else []


def _is_number(text: str) -> bool:
    """Whether a text is a 64-bit integer in its usual notation."""
    return re.fullmatch(r"0|[1-9][0-9]{0,17}", text) is not None


class YoloWriter(LayoutWriter):
    """``images/SPLIT``, ``labels/SPLIT``, ``data.yaml`` and ``classes.txt``."""

    holds = frozenset({"fractions", "classes"})

    def image_path(self, split: str, stem: str, suffix: str) -> PurePosixPath:
        """Path of an image: there is one folder for each split."""
        if split in _WORDS_OF_YOLO:
            raise BadInput(
                f"split {split!r}",
                "has a meaning of its own in YOLO's data.yaml; rename the split, or choose another format",
            )
        return PurePosixPath("images") / split / (stem + suffix)

    def gives_order(self) -> bool:
        """Always True, because ``data.yaml`` can hold any class name."""
        return True

    def keeps_split(self, split: str) -> bool:
        """Always True: ``data.yaml`` always has the keys ``train`` and ``val``, so no other key is taken for them."""
        return map_names(["train", "val", *self.splits])[split] == split

    def add(self, split: str, stem: str, record: Record) -> None:
        """Write the label file of an image."""
        x0, y0, x1, y1 = record.objects.boxes.astype(np.float64).T
        columns = [(x0 + x1) / 2 / record.width, (y0 + y1) / 2 / record.height]
        columns += [(x1 - x0) / record.width, (y1 - y0) / record.height]
        lines = [
            f"{label} " + " ".join(map(_decimal, row)) + "\n"
            for label, row in zip(record.objects.labels, np.stack(columns, axis=1).tolist(), strict=True)
        ]
        path = self.folder / "labels" / split / f"{stem}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines), "utf-8")

    def close(self) -> list[str]:
        """Write the names of the classes and the folders of the splits.

        Ultralytics refuses a ``data.yaml`` without ``train`` and ``val``, so both keys are written even if there is no
        such split. No ``path`` is written: Ultralytics would resolve it from the working folder, while without it paths
        are relative to the file.
        """
        content: dict[str, Any] = {"train": None, "val": None} | {split: f"images/{split}" for split in self.splits}
        content |= {"nc": len(self.meta.classes), "names": dict(enumerate(self.meta.classes))}
        (self.folder / "data.yaml").write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), "utf-8")
        self._write_class_list()
        return []


_WORDS_OF_YOLO = frozenset(
    {"channels", "download", "flip_idx", "images", "kpt_names", "kpt_shape", "labels", "names", "nc", "path"}
)
"""Keys of ``data.yaml`` and folders that have a meaning of their own."""


def _decimal(value: float) -> str:
    """A number without an exponent, which Datumaro does not take for a number."""
    return np.format_float_positional(value, precision=12, trim="0")


class CsvWriter(LayoutWriter):
    """``annotations.csv`` with one row for each object, ``images`` and ``classes.txt``.

    An image without objects has a row without a box.
    """

    holds = frozenset({"fractions"})

    HEADER: ClassVar = ("image", "class", "x0", "y0", "x1", "y1", "split", "width", "height")

    def __init__(self, folder: Path, meta: Meta, ids: Mapping[str, str], splits: Sequence[str]):
        super().__init__(folder, meta, ids, splits)
        self._rows: list[list[Any]] = []

    def image_path(self, split: str, stem: str, suffix: str) -> PurePosixPath:
        """Path of an image: all images are in the folder ``images``."""
        return PurePosixPath("images") / (stem + suffix)

    def gives_order(self) -> bool:
        """True if ``classes.txt`` can hold the class names, and its first class is not ``background``."""
        return all(map(is_line, self.meta.classes)) and self.meta.classes[:1] != (BACKGROUND,)

    def add(self, split: str, stem: str, record: Record) -> None:
        """Keep one row for each object for :meth:`close`."""
        name = stem + image_suffix(record.image)
        tail = [split, record.width, record.height]
        objects = record.objects
        for label, box in zip(objects.labels, objects.boxes.astype(np.float64).tolist(), strict=True):
            self._rows.append([name, self.meta.classes[label], *(f"{value:.9g}" for value in box), *tail])
        if not len(objects):
            self._rows.append([name, *[""] * 5, *tail])

    def close(self) -> list[str]:
        """Write the table."""
        with open(self.folder / "annotations.csv", "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([self.HEADER, *self._rows])
        self._write_class_list()
        return []
