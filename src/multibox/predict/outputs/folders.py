"""Folders of text files: YOLO's labels, a file a picture; PASCAL VOC's results, a file a class."""

import re
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, ClassVar

import numpy as np

from multibox.boxes import to_centers
from multibox.predict.outputs.names import Stems
from multibox.predict.outputs.output import image_id
from multibox.predict.outputs.stamps import refuse_other, stamp
from multibox.predict.predict import Prediction


class FolderOutput:
    """A folder that is there whole or not at all.

    Args:
        path: of the folder.
        classes: the detector's.
        stems: what sources are called.

    Raises:
        BadInput: there is something of that name that no prediction wrote, or that was changed since.
    """

    draws: ClassVar[bool] = False

    def __init__(self, path: Path, classes: Sequence[str], stems: Stems):
        refuse_other(path)
        self.path, self._classes, self._stems = path, classes, stems
        self._partial: Path | None = None

    def finish(self) -> None:
        """Give the folder its name."""
        partial = self._folder()
        partial.chmod(0o755)
        refuse_other(self.path)
        if self.path.exists():
            shutil.rmtree(self.path)
        partial.rename(self.path)
        self._partial = None
        stamp(self.path)

    def discard(self) -> None:
        """Remove what is not whole."""
        if self._partial is not None:
            shutil.rmtree(self._partial, ignore_errors=True)

    def _folder(self) -> Path:
        if self._partial is None:
            self._partial = Path(tempfile.mkdtemp(prefix=f".{self.path.name}.", dir=self.path.parent))
        return self._partial


class YoloOutput(FolderOutput):
    """A text file a picture, a line a detection: class from 0, centre, width and height in parts of the picture."""

    with_score: ClassVar[bool] = False

    def encode(self, prediction: Prediction) -> str:
        """The file of a picture; empty where nothing was found."""
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
        """Write it; a picture that could not be read has no file."""
        name = image_id(prediction, self._stems[prediction.source])
        if prediction.detections is not None:
            (self._folder() / f"{name}.txt").write_text(encoded, "utf-8")


class YoloScoreOutput(YoloOutput):
    """The same, with the score at the end of each line."""

    with_score: ClassVar[bool] = True


class VocOutput(FolderOutput):
    """The files that PASCAL's devkit reads, ``comp4_det_test_CLASS.txt``; pixels counted from 1, both ends inside."""

    def __init__(self, path: Path, classes: Sequence[str], stems: Stems):
        super().__init__(path, classes, stems)
        self._files: list[IO[str]] = []

    def encode(self, prediction: Prediction) -> list[tuple[int, str]]:
        """Labels and lines."""
        found = prediction.detections
        if not found:
            return []
        name = re.sub(r"\s", "_", image_id(prediction, self._stems[prediction.source]))  # columns are parted by spaces
        return [
            (int(label), f"{name} {score:.6f} {x0 + 1:.6f} {y0 + 1:.6f} {x1:.6f} {y1:.6f}\n")
            for label, score, (x0, y0, x1, y1) in zip(found.labels, found.scores, found.boxes, strict=True)
        ]

    def add(self, prediction: Prediction, encoded: list[tuple[int, str]]) -> None:
        """Write each line to the file of its class."""
        files = self._open()
        for label, line in encoded:
            files[label].write(line)

    def finish(self) -> None:
        """Close the files and give the folder its name."""
        for file in self._open():
            file.close()
        super().finish()

    def discard(self) -> None:
        """Remove what is not whole."""
        for file in self._files:
            with suppress(OSError):  # the disk is full, and what could not be written is not wanted any more
                file.close()
        super().discard()

    def _open(self) -> list[IO[str]]:
        if not self._files:
            names = (f"comp4_det_test_{name.replace('/', '_')}.txt" for name in self._classes)
            paths = (self._folder() / name for name in names)
            self._files = [path.open("w", encoding="utf-8", errors="backslashreplace") for path in paths]
        return self._files
