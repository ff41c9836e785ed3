"""Writers of pre-labels, one for each labelling tool: Label Studio, CVAT, labelme and tools that read YOLO."""

import json
from abc import ABC, abstractmethod
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Final
from urllib.parse import quote

import numpy as np
from lxml import etree

from multibox.annotations.class_lists import is_line, write_names
from multibox.annotations.xml_files import refuse_control_characters
from multibox.data.layouts import YoloWriter
from multibox.data.record import Record, make_objects
from multibox.data.store import Counts, Meta
from multibox.labelling.prelabelled import PreLabelled

SPLIT: Final = "train"
"""Split of pre-labelled images in formats that have splits, because labels are corrected for training."""

DIGITS: Final = 3
"""Number of decimals of boxes in pixels. The error is at most 0.0005 pixels."""


class PrelabelWriter(ABC):
    """Writes the boxes of images for one tool, image by image.

    Args:
        folder: Path of an empty folder.
        classes: Class names. A class's position is its label, from 0.
        model: Name of the model that found the boxes.

    Raises:
        BadInput: The format cannot hold the name of a class.
    """

    def __init__(self, folder: Path, classes: tuple[str, ...], model: str):
        self.folder, self.classes, self.model = folder, classes, model

    def image_path(self, stem: str, suffix: str) -> PurePosixPath:
        """Path at which an image is copied, relative to the folder."""
        return PurePosixPath("images") / (stem + suffix)

    @abstractmethod
    def add(self, path: PurePosixPath, image: PreLabelled) -> None:
        """Write the boxes of an image, or keep them until :meth:`close` writes them.

        Args:
            path: Path of the copied image, relative to the folder.
            image: The image with its boxes.
        """

    @abstractmethod
    def close(self) -> None:
        """Write what :meth:`add` kept, and the list of classes."""

    def names(self, image: PreLabelled) -> list[str]:
        """The class name of each box."""
        return [self.classes[label] for label in image.labels]


class LabelStudioWriter(PrelabelWriter):
    """``tasks.json`` with a prediction for each image, ``labelling.xml`` with the labelling interface, and ``images``.

    Positions and sizes are percentages of the image. Images are named as Label Studio serves local files, with the
    folder as document root. Predictions are no annotations: a reader finds an image's boxes once a person has submitted
    it, in the project's export.
    """

    FILE: ClassVar = "tasks.json"

    def __init__(self, folder: Path, classes: tuple[str, ...], model: str):
        super().__init__(folder, classes, model)
        refuse_control_characters(classes)
        self._tasks: list[dict[str, Any]] = []

    def add(self, path: PurePosixPath, image: PreLabelled) -> None:
        """Keep the task of an image. Its prediction's score is the mean of its boxes."""
        height, width = image.image_size
        percent = image.boxes.astype(np.float64) * 100 / np.array([width, height] * 2)
        scores = [] if image.scores is None else [round(float(score), 5) for score in image.scores]
        known = [{"score": score} for score in scores] or [{}] * len(image.boxes)
        result = [
            {
                "id": f"{len(self._tasks) + 1}-{number}",
                "type": "rectanglelabels",
                "from_name": "label",
                "to_name": "image",
                "original_width": width,
                "original_height": height,
                "image_rotation": 0,
                "value": _percentages(box) | {"rotation": 0, "rectanglelabels": [name]},
                **score,
            }
            for number, (name, box, score) in enumerate(zip(self.names(image), percent, known, strict=True), start=1)
        ]
        mean = {"score": round(float(np.mean(scores)), 5)} if scores else {}
        prediction = {"model_version": self.model, **mean, "result": result}
        self._tasks.append({"data": {"image": f"/data/local-files/?d={quote(str(path))}"}, "predictions": [prediction]})

    def close(self) -> None:
        """Write the tasks, and the labelling interface that they fit."""
        (self.folder / self.FILE).write_text(json.dumps(self._tasks, indent=1), "utf-8")
        view = etree.Element("View")
        etree.SubElement(view, "Image", name="image", value="$image")
        listed = etree.SubElement(view, "RectangleLabels", name="label", toName="image")
        for name in self.classes:
            etree.SubElement(listed, "Label", value=name)
        # a text that is pasted, and read as text by the SDK, which refuses a declaration of its encoding
        (self.folder / "labelling.xml").write_bytes(etree.tostring(view, pretty_print=True, encoding="utf-8"))


def _percentages(box: np.ndarray) -> dict[str, float]:
    x0, y0, x1, y1 = box.tolist()
    return {name: round(value, 8) for name, value in zip(_SIDES, (x0, y0, x1 - x0, y1 - y0), strict=True)}


_SIDES = ("x", "y", "width", "height")


class CvatWriter(PrelabelWriter):
    """``train.xml`` in the form "CVAT for images 1.1", and ``images``. The boxes' source is ``auto``.

    Datumaro reads an image only if its subset is the name of the file.
    """

    FILE: ClassVar = f"{SPLIT}.xml"

    def __init__(self, folder: Path, classes: tuple[str, ...], model: str):
        super().__init__(folder, classes, model)
        refuse_control_characters(classes)
        self._root = etree.Element("annotations")
        etree.SubElement(self._root, "version").text = "1.1"
        task = etree.SubElement(etree.SubElement(self._root, "meta"), "task")
        etree.SubElement(task, "name").text = model
        labels = etree.SubElement(task, "labels")
        for name in classes:
            label = etree.SubElement(labels, "label")
            etree.SubElement(label, "name").text = name
            etree.SubElement(label, "type").text = "rectangle"
            etree.SubElement(label, "attributes")
        self._count = 0

    def add(self, path: PurePosixPath, image: PreLabelled) -> None:
        """Keep the element of an image. It is named as CVAT names a file that is uploaded alone."""
        height, width = image.image_size
        about = {"id": self._count, "name": path.name, "subset": SPLIT, "width": width, "height": height}
        node = etree.SubElement(self._root, "image", {name: str(value) for name, value in about.items()})
        for name, box in zip(self.names(image), image.boxes.astype(np.float64).tolist(), strict=True):
            edges = zip(("xtl", "ytl", "xbr", "ybr"), box, strict=True)
            values = {edge: f"{value:.{DIGITS}f}" for edge, value in edges}
            etree.SubElement(node, "box", {"label": name, "source": "auto", "occluded": "0", **values, "z_order": "0"})
        self._count += 1

    def close(self) -> None:
        """Write the file."""
        (self.folder / self.FILE).write_bytes(
            etree.tostring(self._root, pretty_print=True, xml_declaration=True, encoding="utf-8")
        )


class LabelmeWriter(PrelabelWriter):
    """In ``train`` an image and a JSON file of the same name, side by side. A box's description gives its score."""

    def image_path(self, stem: str, suffix: str) -> PurePosixPath:
        """Path of an image, beside its annotation as labelme expects it."""
        return PurePosixPath(SPLIT) / (stem + suffix)

    def add(self, path: PurePosixPath, image: PreLabelled) -> None:
        """Write the annotation of an image."""
        height, width = image.image_size
        scores = () if image.scores is None else image.scores
        notes = [f"score {score:.2f}" for score in scores] or [""] * len(image.boxes)
        corners = image.boxes.astype(np.float64).round(DIGITS).reshape(-1, 2, 2).tolist()
        shapes: list[dict[str, Any]] = [
            {
                "label": name,
                "points": points,
                "group_id": None,
                "description": note,
                "shape_type": "rectangle",
                "flags": {},
                "mask": None,
            }
            for name, points, note in zip(self.names(image), corners, notes, strict=True)
        ]
        content: dict[str, Any] = {
            "version": "5.5.0",
            "flags": {},
            "shapes": shapes,
            "imagePath": path.name,
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        (self.folder / path.with_suffix(".json")).write_text(json.dumps(content, indent=1, ensure_ascii=False), "utf-8")

    def close(self) -> None:
        """Write the names of the classes for ``labelme --labels``, if each can be a line."""
        if all(map(is_line, self.classes)):
            write_names(self.folder / "labels.txt", self.classes)


class YoloPrelabelWriter(PrelabelWriter):
    """The layout of YOLO: ``images/train``, ``labels/train``, ``data.yaml`` and ``classes.txt``."""

    def __init__(self, folder: Path, classes: tuple[str, ...], model: str):
        super().__init__(folder, classes, model)
        meta = Meta(model, SPLIT, classes, tuple(range(1, len(classes) + 1)), "", Counts(), "", "")
        self._writer = YoloWriter(folder, meta, {}, (SPLIT,))

    def image_path(self, stem: str, suffix: str) -> PurePosixPath:
        """Path of an image, in the folder of its split."""
        return self._writer.image_path(SPLIT, stem, suffix)

    def add(self, path: PurePosixPath, image: PreLabelled) -> None:
        """Write the label file of an image."""
        height, width = image.image_size
        self._writer.add(
            SPLIT, path.stem, Record(path.stem, b"", width, height, make_objects(image.boxes, image.labels))
        )

    def close(self) -> None:
        """Write the names of the classes and the folder of the images."""
        self._writer.close()


WRITERS: Final[dict[str, type[PrelabelWriter]]] = {
    "label-studio": LabelStudioWriter,
    "cvat": CvatWriter,
    "labelme": LabelmeWriter,
    "yolo": YoloPrelabelWriter,
}
