"""Folders of text files: YOLO labels with a file per image, and PASCAL VOC results with a file per class."""

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, ClassVar

import numpy as np
import yaml

from multibox.annotations.class_lists import is_line, write_names
from multibox.boxes import to_centers
from multibox.predict.outputs.names import Stems
from multibox.predict.outputs.output import TextOutput, image_id
from multibox.predict.outputs.stamps import PREDICTION
from multibox.predict.predict import Prediction
from multibox.writing import Unfinished, check_folder, naming


class FolderOutput:
    """A folder that is written completely or not at all.

    Args:
        path: Path of the folder.
        classes: Names of the detector's classes.
        stems: Names of the output files without suffix, by image or video.
        replace: Whether to replace a folder that was changed since Multibox wrote it.

    Raises:
        BadInput: The path holds something that may not be replaced.
    """

    draws: ClassVar[bool] = False

    def __init__(self, path: Path, classes: Sequence[str], stems: Stems, *, replace: bool = False):
        check_folder(path, PREDICTION, replace=replace)
        self.path, self._classes, self._stems, self._replace = path, classes, stems, replace
        self._unfinished: Unfinished | None = None

    def finish(self) -> None:
        """Complete the folder and move it to its place."""
        self._begun().finish()

    def discard(self) -> None:
        """Remove the incomplete folder."""
        if self._unfinished is not None:
            self._unfinished.discard()

    def _begun(self) -> Unfinished:
        if self._unfinished is None:
            self._unfinished = Unfinished(self.path, PREDICTION, is_folder=True, replace=self._replace)
        return self._unfinished


class YoloOutput(FolderOutput):
    """YOLO labels: a text file per image, with a line per detection: class number from 0, relative centre and size.

    ``classes.txt``, in the same folder as labelImg expects, holds the names of the classes.
    """

    with_score: ClassVar[bool] = False

    def encode(self, prediction: Prediction) -> str:
        """Format the content of an image's label file. Empty if nothing was detected."""
        found = prediction.detections
        if not found:
            return ""
        height, width = found.image_size
        centers = to_centers(found.boxes) / np.array([width, height] * 2, np.float32)
        ends = (f" {score:.6f}" if self.with_score else "" for score in found.scores)
        return "".join(
            f"{label} {' '.join(f'{value:.6f}' for value in center)}{end}\n"
            for label, center, end in zip(found.labels, centers, ends, strict=True)
        )

    def add(self, prediction: Prediction, encoded: str) -> None:
        """Write the file of an image. An image that could not be read gets no file."""
        name = image_id(prediction, self._stems[prediction.source])
        if prediction.detections is not None:
            with naming(self.path):
                (self._begun().path / f"{name}.txt").write_text(encoded, "utf-8")

    def finish(self) -> None:
        """Write the names of the classes, complete the folder and move it to its place."""
        names = self._begun().path / "classes.txt"
        if not names.exists() and all(map(is_line, self._classes)):  # the file may be the labels of an image
            with naming(self.path):
                write_names(names, self._classes)
        super().finish()


class YoloScoreOutput(YoloOutput):
    """YOLO labels with the score at the end of each line."""

    with_score: ClassVar[bool] = True


class YoloDataOutput(TextOutput):
    """YOLO's ``data.yaml``, which describes a dataset made of the folder ``labels`` and a folder ``images`` next to it.

    Args:
        path: Path of the file.
        classes: Names of the detector's classes, in the order of the numbers in the labels.
        replace: Whether to replace a file that Multibox did not write, or that was changed since Multibox wrote it.
    """

    def __init__(self, path: Path, classes: Sequence[str], *, replace: bool = False):
        super().__init__(path, replace=replace)
        content = {"train": "images", "val": None, "nc": len(classes), "names": dict(enumerate(classes))}
        self.head = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)

    def encode(self, prediction: Prediction) -> str:
        """An empty text, because ``data.yaml`` does not list images."""
        return ""


def without_spaces(stem: str) -> str:
    """A file name's stem for VOC results, without spaces because spaces separate their columns."""
    return re.sub(r"\s", "_", stem)


class VocOutput(FolderOutput):
    """VOC results for the devkit, ``comp4_det_test_CLASS.txt``. Pixels count from 1, and both edges are inclusive."""

    def __init__(self, path: Path, classes: Sequence[str], stems: Stems, *, replace: bool = False):
        super().__init__(path, classes, stems, replace=replace)
        self._files: list[IO[str]] = []

    def encode(self, prediction: Prediction) -> list[tuple[int, str]]:
        """Format the detections of an image: the label and the line of text of each."""
        found = prediction.detections
        if not found:
            return []
        name = image_id(prediction, self._stems[prediction.source])
        return [
            (int(label), f"{name} {score:.6f} {x0 + 1:.6f} {y0 + 1:.6f} {x1:.6f} {y1:.6f}\n")
            for label, score, (x0, y0, x1, y1) in zip(found.labels, found.scores, found.boxes, strict=True)
        ]

    def add(self, prediction: Prediction, encoded: list[tuple[int, str]]) -> None:
        """Write each line to the file of its class."""
        with naming(self.path):
            files = self._open()
            for label, line in encoded:
                files[label].write(line)

    def finish(self) -> None:
        """Complete the files and move the folder to its place."""
        with naming(self.path):
            for file in self._open():
                file.close()
        super().finish()

    def discard(self) -> None:
        """Remove the incomplete folder."""
        for file in self._files:
            with suppress(OSError):  # the disk is full, and the rest is discarded anyway
                file.close()
        super().discard()

    def _open(self) -> list[IO[str]]:
        if not self._files:
            names = (f"comp4_det_test_{name.replace('/', '_')}.txt" for name in self._classes)
            paths = (self._begun().path / name for name in names)
            self._files = [path.open("w", encoding="utf-8", errors="backslashreplace") for path in paths]
        return self._files
