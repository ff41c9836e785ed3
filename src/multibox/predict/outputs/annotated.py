"""Annotated pictures, and annotated videos."""

from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

import cv2
import numpy as np

from multibox.draw import encode_png, is_drawing
from multibox.errors import RunFailed
from multibox.image_file import png_with_text
from multibox.predict.frames import is_utf8
from multibox.predict.outputs.names import Stems, may_write, unused
from multibox.predict.outputs.output import image_id
from multibox.predict.outputs.stamps import PREDICTION
from multibox.predict.predict import Prediction
from multibox.predict.sources import Source
from multibox.writing import Scratch, Unfinished, is_own_file, naming

SOFTWARE: Final = "multibox predict"
"""The name in each annotated image, by which a later run recognizes it."""


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
        self._scratch: Scratch | None = None

    def name(self, prediction: Prediction) -> str:
        """The name of a prediction's picture, empty where it gets none; to be asked once, in order."""
        if prediction.detections is None or (prediction.number is not None and not self._frames):
            return ""
        return unused(image_id(prediction, self._stems[prediction.source]), self._is_free, self._taken) + ".png"

    def encode(self, prediction: Prediction) -> bytes:
        """The file's bytes."""
        if not prediction.picture or prediction.detections is None:
            return b""
        return png_with_text(encode_png(prediction.detections.draw()), "Software", SOFTWARE)

    def add(self, prediction: Prediction, encoded: bytes) -> None:
        """Write the file; it is there whole or not at all."""
        if prediction.picture:
            target = self._folder / prediction.picture
            with naming(target, always=True):
                self._scratch = self._scratch or Scratch(self._folder)
                new = self._scratch.folder / "image.png"
                new.write_bytes(encoded)
                self._scratch.move(new, target)

    def finish(self) -> None:
        """Nothing is left to write: each picture is whole."""
        self.discard()

    def discard(self) -> None:
        """Remove a picture that is not whole."""
        if self._scratch is not None:
            self._scratch.close()

    def _is_free(self, stem: str) -> bool:
        return may_write(self._folder / f"{stem}.png", self._inputs, partial(is_drawing, software=SOFTWARE))


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
        self._unfinished: Unfinished | None = None
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
        if self._unfinished is None:
            self._begin(prediction, encoded)
        if encoded.shape[1::-1] != self._size:
            encoded = cv2.resize(encoded, self._size, interpolation=cv2.INTER_AREA)
        number = prediction.number or 0
        for _ in range(self._next, number + 1):
            self._writer.write(encoded)
        self._next = number + 1

    def finish(self) -> None:
        """Close the file that is written and give it its name."""
        if self._unfinished is not None:
            self._writer.release()
            self._refuse_cut_off(self._unfinished)
            _frames_of(self._unfinished).rename(self._unfinished.path)
            self._unfinished.finish()
            self._unfinished = None

    def discard(self) -> None:
        """Remove the file that is not whole."""
        if self._unfinished is not None:
            self._writer.release()
            self._unfinished.discard()

    def _begin(self, prediction: Prediction, frame: np.ndarray) -> None:
        self._source = prediction.source
        name = unused(self._stems[prediction.source], self._is_free, self._taken) + ".mp4"
        self._unfinished = Unfinished(self._folder / name, PREDICTION)
        self._size = frame.shape[1::-1]
        self._first = self._next = prediction.number or 0
        codec = cv2.VideoWriter.fourcc(*"mp4v")  # the one that OpenCV's wheels encode everywhere
        path = _frames_of(self._unfinished)
        self._writer = cv2.VideoWriter(str(path) if is_utf8(path) else "", codec, prediction.rate, self._size)
        if not self._writer.isOpened():
            raise RunFailed(
                f"{self._folder / name}: OpenCV cannot write MP4 here; save other things, as with --save jsonl"
            )

    def _refuse_cut_off(self, unfinished: Unfinished) -> None:
        """OpenCV says nothing when a disk is full."""
        capture = cv2.VideoCapture(str(_frames_of(unfinished)))
        frames = capture.get(cv2.CAP_PROP_FRAME_COUNT) if capture.isOpened() else 0
        capture.release()
        if frames < self._next - self._first:
            raise RunFailed(f"{unfinished.given}: could not be written to its end; is the disk full?")

    def _is_free(self, stem: str) -> bool:
        return may_write(self._folder / f"{stem}.mp4", self._inputs, partial(is_own_file, kind=PREDICTION))


def _frames_of(unfinished: Unfinished) -> Path:
    """Where a video is written: OpenCV takes no name that is not UTF-8."""
    return unfinished.path.with_name("frames.mp4")
