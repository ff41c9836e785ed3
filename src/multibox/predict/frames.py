"""The frames of a source, one after the other. An image is a single frame."""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from multibox.data.file_names import readable
from multibox.detect.read_image import read_image
from multibox.errors import BadInput
from multibox.predict.sources import STDIN, Source
from multibox.prepare.render import decode

RATE = 25.0
"""Frames per second of a stream that does not declare its rate."""


@dataclass(frozen=True, eq=False)
class Frame:
    """An image, or a frame of a video.

    Attributes:
        source: Image, video or stream that the frame comes from.
        image: ``(H, W, 3)`` uint8 RGB, upright, or None if the frame could not be read.
        error: Reason why the frame could not be read. Empty if it could.
        number: Number of the frame in its video, from 0, or None for an image.
        rate: Frames per second of the frame's video. 0 for an image.
    """

    source: Source
    image: np.ndarray | None = None
    error: str = ""
    number: int | None = None
    rate: float = 0.0


def read_still(source: Source) -> Frame:
    """Read an image. If it cannot be read, the frame holds the reason."""
    try:
        if source.encoded is not None:
            return Frame(source, decode(source.encoded, "standard input" if source.name == STDIN else source.name))
        return Frame(source, read_image(source.name))
    except BadInput as error:
        return Frame(source, error=str(error))


def read_video(source: Source, open_capture: Callable[[Source], Any] | None = None) -> Iterator[Frame]:
    """Read the frames of a video, a camera or a stream.

    A live source gives its newest frame only. Frames that arrive while another is processed are dropped, so that the
    display never lags behind.

    Args:
        source: Source of kind ``video`` or ``live``.
        open_capture: Function that opens the source as an object like OpenCV's ``VideoCapture``. None takes OpenCV's
            own.

    Yields:
        Frames in order. If the source has no frames, a single frame holds the reason.
    """
    capture = (open_capture or _open)(source)
    try:
        if not capture.isOpened():
            advice = "is it there, and free?" if source.kind == "live" else "check the name, or convert it to MP4"
            yield Frame(source, error=f"{source.name}: cannot be opened; {advice}")
            return
        rate = capture.get(cv2.CAP_PROP_FPS)
        rate = rate if 0 < rate < 1000 else RATE
        number = -1
        for number, image in _newest(capture) if source.kind == "live" else enumerate(_all(capture)):
            yield Frame(source, cv2.cvtColor(image, cv2.COLOR_BGR2RGB), number=number, rate=rate)
        if number < 0:
            yield Frame(source, error=f"{source.name}: none of its frames can be decoded; convert it to MP4")
    finally:
        capture.release()


def is_utf8(name: str | os.PathLike[str]) -> bool:
    """Whether a file's name is valid UTF-8. OpenCV ends the process when it opens a video of another name."""
    return readable(name) == str(name)


def silence_opencv() -> None:
    """Keep OpenCV and FFmpeg from printing about files that they cannot read. Multibox reports such files itself."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def _open(source: Source) -> Any:
    if source.name.startswith("camera:"):
        return cv2.VideoCapture(int(source.name.removeprefix("camera:")))
    if not is_utf8(source.name):
        return cv2.VideoCapture()
    return cv2.VideoCapture(source.name)


def _all(capture: Any) -> Iterator[np.ndarray]:
    while True:
        there, image = capture.read()
        if not there:
            return
        yield image


def _newest(capture: Any) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the newest frame with its number, each frame at most once. A thread reads all frames."""
    changed = threading.Condition()
    newest: list[tuple[int, np.ndarray]] = []
    ended = stopped = False

    def follow() -> None:
        nonlocal ended
        try:
            for numbered in enumerate(_all(capture)):
                with changed:
                    newest[:] = [numbered]
                    changed.notify()
                    if stopped:
                        break
        finally:
            with changed:
                ended = True
                changed.notify()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        while True:
            with changed:
                changed.wait_for(lambda: newest or ended)
                if not newest:
                    return
                numbered = newest.pop()
            yield numbered
    finally:
        with changed:
            stopped = True
        thread.join()
