"""Annotated pictures, and annotated videos."""

import os
from pathlib import Path
from typing import Any, ClassVar, Final

import cv2
import numpy as np

from multibox.draw import encode_png
from multibox.errors import RunFailed
from multibox.image_file import is_png_with_text, png_with_text
from multibox.predict.frames import is_utf8
from multibox.predict.outputs.names import Stems, may_write, unused
from multibox.predict.outputs.output import image_id
from multibox.predict.outputs.stamps import is_ours, stamp
from multibox.predict.predict import Prediction
from multibox.predict.sources import Source

_MARK: Final = ("Software", "multibox predict")
"""The text in each of our images, by which a later run recognises it."""


class PictureOutput:
    """A PNG file for each picture, that says itself that it is ours, so that a later run knows what it may replace.

    Args:
        folder: for the pictures.
        stems: what sources are called.
        inputs: the real paths of what the run reads.
        frames: whether frames of videos get pictures too.
    """

    draws: ClassVar[bool] = True

    def __init__(self, folder: Path, stems: Stems, inputs: frozenset[str], *, frames: bool = True):
        self._folder, self._stems, self._inputs, self._frames = folder, stems, inputs, frames
        self._taken: dict[str, int] = {}

    def name(self, prediction: Prediction) -> str:
        """The name of a prediction's picture, empty where it gets none; to be asked once, in order."""
        if prediction.detections is None or (prediction.number is not None and not self._frames):
            return ""
        return unused(image_id(prediction, self._stems[prediction.source]), self._is_free, self._taken) + ".png"

    def encode(self, prediction: Prediction) -> bytes:
        """The file's bytes."""
        if not prediction.picture or prediction.detections is None:
            return b""
        return png_with_text(encode_png(prediction.detections.draw()), *_MARK)

    def add(self, prediction: Prediction, encoded: bytes) -> None:
        """Write the file; it is there whole or not at all."""
        if prediction.picture:
            partial = _partial(self._folder)
            try:
                partial.write_bytes(encoded)
                os.replace(partial, self._folder / prediction.picture)
            finally:
                partial.unlink(missing_ok=True)

    def finish(self) -> None:
        """Nothing to do: each picture is whole."""

    def discard(self) -> None:
        """Nothing to do."""

    def _is_free(self, stem: str) -> bool:
        return may_write(self._folder / f"{stem}.png", self._inputs, is_our_picture)


def _partial(folder: Path, suffix: str = "") -> Path:
    """Where a file is written before it gets its name, which may be as long as a name can be."""
    return folder / f".multibox-{os.getpid()}.partial{suffix}"


def is_our_picture(path: Path) -> bool:
    """Whether a file is a picture that :class:`PictureOutput` wrote."""
    try:
        with path.open("rb") as file:
            return is_png_with_text(file.read(1024), *_MARK)
    except OSError:
        return False


class VideoOutput:
    """An MP4 file for each video and each camera.

    Args:
        folder: for the files.
        stems: what sources are called.
        inputs: the real paths of what the run reads.
    """

    draws: ClassVar[bool] = True

    def __init__(self, folder: Path, stems: Stems, inputs: frozenset[str]):
        self._folder, self._stems, self._inputs = folder, stems, inputs
        self._taken: dict[str, int] = {}
        self._source: Source | None = None
        self._writer: Any = None
        self._path = self._partial = folder
        self._size = (0, 0)
        self._first = self._next = 0

    def encode(self, prediction: Prediction) -> np.ndarray | None:
        """The frame, BGR as OpenCV's writers want it."""
        if prediction.number is None or prediction.detections is None:
            return None
        return cv2.cvtColor(prediction.detections.draw(), cv2.COLOR_RGB2BGR)

    def add(self, prediction: Prediction, encoded: np.ndarray | None) -> None:
        """Write the frame, stretched to the first one's size; and once more for each that was dropped before it."""
        if prediction.source != self._source:
            self.finish()
        if encoded is None:
            return
        if self._writer is None:
            self._begin(prediction, encoded)
        if encoded.shape[1::-1] != self._size:
            encoded = cv2.resize(encoded, self._size, interpolation=cv2.INTER_AREA)
        number = prediction.number or 0
        for _ in range(self._next, number + 1):
            self._writer.write(encoded)
        self._next = number + 1

    def finish(self) -> None:
        """Close the file that is written and give it its name."""
        if self._writer is not None:
            self._writer.release()
            self._refuse_cut_off()
            os.replace(self._partial, self._path)
            self._writer = None
            stamp(self._path)

    def discard(self) -> None:
        """Remove the file that is not whole."""
        if self._writer is not None:
            self._writer.release()
            self._partial.unlink(missing_ok=True)

    def _begin(self, prediction: Prediction, frame: np.ndarray) -> None:
        self._source = prediction.source
        self._path = self._folder / (unused(self._stems[prediction.source], self._is_free, self._taken) + ".mp4")
        self._partial = _partial(self._folder, ".mp4")
        self._size = frame.shape[1::-1]
        self._first = self._next = prediction.number or 0
        codec = cv2.VideoWriter.fourcc(*"mp4v")  # the one that OpenCV's wheels encode everywhere
        name = str(self._partial) if is_utf8(self._partial) else ""
        self._writer = cv2.VideoWriter(name, codec, prediction.rate, self._size)
        if not self._writer.isOpened():
            raise RunFailed(f"{self._path}: OpenCV cannot write MP4 here; save other things, as with --save jsonl")

    def _refuse_cut_off(self) -> None:
        """OpenCV says nothing when a disk is full."""
        capture = cv2.VideoCapture(str(self._partial))
        frames = capture.get(cv2.CAP_PROP_FRAME_COUNT) if capture.isOpened() else 0
        capture.release()
        if frames < self._next - self._first:
            raise RunFailed(f"{self._path}: could not be written to its end; is the disk full?")

    def _is_free(self, stem: str) -> bool:
        return may_write(self._folder / f"{stem}.mp4", self._inputs, is_ours)
