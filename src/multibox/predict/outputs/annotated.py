"""Annotated images and videos."""

from collections.abc import Sequence
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
from multibox.regions import Points
from multibox.writing import Scratch, Unfinished, is_own_file, naming

SOFTWARE: Final = "multibox predict"
"""Value of the PNG field ``Software`` in each annotated image, by which a later run recognises that it may replace the
image."""


class ImageOutput:
    """A PNG file for each image. It names Multibox as its software, so that a later run may replace it.

    Args:
        folder: Folder for the annotated images.
        stems: Names of the output files without suffix, by image or video.
        inputs: Resolved paths of the files that the run reads, which are never overwritten.
        frames: Whether frames of videos are saved as well.
        regions: Polygons to draw on each image.
    """

    draws: ClassVar[bool] = True

    def __init__(
        self,
        folder: Path,
        stems: Stems,
        inputs: frozenset[str],
        *,
        frames: bool = True,
        regions: Sequence[Points] = (),
    ):
        self._folder, self._stems, self._inputs, self._frames = folder, stems, inputs, frames
        self._regions = regions
        self._taken: dict[str, int] = {}
        self._scratch: Scratch | None = None

    def name(self, prediction: Prediction) -> str:
        """Choose the file name of a prediction's annotated image, empty if no image is saved.

        Call this method once per prediction.
        """
        if prediction.detections is None or (prediction.number is not None and not self._frames):
            return ""
        return unused(image_id(prediction, self._stems[prediction.source]), self._is_free, self._taken) + ".png"

    def encode(self, prediction: Prediction) -> bytes:
        """Encode the annotated image as a PNG file."""
        if not prediction.annotated or prediction.detections is None:
            return b""
        return png_with_text(encode_png(prediction.draw(self._regions)), "Software", SOFTWARE)

    def add(self, prediction: Prediction, encoded: bytes) -> None:
        """Write the PNG file of a prediction, completely or not at all."""
        if prediction.annotated:
            target = self._folder / prediction.annotated
            with naming(target, always=True):
                self._scratch = self._scratch or Scratch(self._folder)
                new = self._scratch.folder / "image.png"
                new.write_bytes(encoded)
                self._scratch.move(new, target)

    def finish(self) -> None:
        """Do nothing but clean up, because each image was completed when it was added."""
        self.discard()

    def discard(self) -> None:
        """Remove an annotated image that is incomplete."""
        if self._scratch is not None:
            self._scratch.close()

    def _is_free(self, stem: str) -> bool:
        return may_write(self._folder / f"{stem}.png", self._inputs, partial(is_drawing, software=SOFTWARE))


class VideoOutput:
    """An MP4 file for each video and each camera, with the mean frame rate and the timing of its input.

    Each frame is shown until the time of the next, so that the gaps of unreadable and dropped frames are filled. If two
    frames are closer than the frame rate allows, only the later one is shown.

    Args:
        folder: Folder for the videos.
        stems: Names of the output files without suffix, by image or video.
        inputs: Resolved paths of the files that the run reads, which are never overwritten.
        regions: Polygons to draw on each frame.
    """

    draws: ClassVar[bool] = True

    def __init__(self, folder: Path, stems: Stems, inputs: frozenset[str], *, regions: Sequence[Points] = ()):
        self._folder, self._stems, self._inputs, self._regions = folder, stems, inputs, regions
        self._taken: dict[str, int] = {}
        self._source: Source | None = None
        self._writer: Any = None
        self._unfinished: Unfinished | None = None
        self._size = (0, 0)
        self._latest: np.ndarray | None = None
        self._written = 0

    def encode(self, prediction: Prediction) -> np.ndarray | None:
        """Draw the detections on the frame, in BGR as OpenCV's video writer needs it."""
        if prediction.number is None or prediction.detections is None:
            return None
        return cv2.cvtColor(prediction.draw(self._regions), cv2.COLOR_RGB2BGR)

    def add(self, prediction: Prediction, encoded: np.ndarray | None) -> None:
        """Keep the frame, and write the previous one for as long as it was shown.

        Frames are resized to the size of the first frame.
        """
        if prediction.source != self._source:
            self.finish()
        if encoded is None:
            return
        if self._unfinished is None:
            self._begin(prediction, encoded)
        if encoded.shape[1::-1] != self._size:
            encoded = cv2.resize(encoded, self._size, interpolation=cv2.INTER_AREA)
        until = round(prediction.seconds * prediction.rate)
        self._write(encoded if self._latest is None else self._latest, until)
        self._latest = encoded

    def finish(self) -> None:
        """Complete the current video and move it to its place."""
        if self._unfinished is not None:
            self._write(self._latest, self._written + 1)
            self._writer.release()
            self._refuse_cut_off(self._unfinished)
            _frames_of(self._unfinished).rename(self._unfinished.path)
            self._unfinished.finish()
            self._unfinished = None

    def discard(self) -> None:
        """Remove an annotated video that is incomplete."""
        if self._unfinished is not None:
            self._writer.release()
            self._unfinished.discard()

    def _begin(self, prediction: Prediction, frame: np.ndarray) -> None:
        self._source = prediction.source
        name = unused(self._stems[prediction.source], self._is_free, self._taken) + ".mp4"
        self._unfinished = Unfinished(self._folder / name, PREDICTION)
        self._size = frame.shape[1::-1]
        self._latest, self._written = None, 0
        codec = cv2.VideoWriter.fourcc(*"mp4v")  # OpenCV's wheels encode it everywhere
        path = _frames_of(self._unfinished)
        self._writer = cv2.VideoWriter(str(path) if is_utf8(path) else "", codec, prediction.rate, self._size)
        if not self._writer.isOpened():
            raise RunFailed(f"{self._folder / name}: the installed OpenCV cannot write MP4 files; save another format")

    def _write(self, frame: np.ndarray | None, until: int) -> None:
        for _ in range(self._written, until):
            self._writer.write(frame)
        self._written = max(self._written, until)

    def _refuse_cut_off(self, unfinished: Unfinished) -> None:
        """Verify that all frames were written, because OpenCV reports no error when the disk is full."""
        capture = cv2.VideoCapture(str(_frames_of(unfinished)))
        frames = capture.get(cv2.CAP_PROP_FRAME_COUNT) if capture.isOpened() else 0
        capture.release()
        if frames < self._written:
            raise RunFailed(f"{unfinished.given}: the video is incomplete; free disk space, then run it again")

    def _is_free(self, stem: str) -> bool:
        return may_write(self._folder / f"{stem}.mp4", self._inputs, partial(is_own_file, kind=PREDICTION))


def _frames_of(unfinished: Unfinished) -> Path:
    """Path that a video is first written to. Its name is valid UTF-8, because OpenCV opens no others."""
    return unfinished.path.with_name("frames.mp4")
