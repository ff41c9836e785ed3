"""Frames: the pictures of a source, one after the other; a picture is its only frame."""

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
"""Frames a second of a stream that does not say how many it has."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture, or a frame of a video.

    Attributes:
        source: whose it is.
        image: ``(H, W, 3)`` uint8 RGB, upright; None where it could not be read.
        error: why not.
        number: of the frame in its video, from 0; None of a picture.
        rate: frames a second of its video.
    """

    source: Source
    image: np.ndarray | None = None
    error: str = ""
    number: int | None = None
    rate: float = 0.0


def read_picture(source: Source) -> Frame:
    """The frame of a picture; a broken one says why."""
    try:
        if source.encoded is not None:
            return Frame(source, decode(source.encoded, "standard input" if source.name == STDIN else source.name))
        return Frame(source, read_image(source.name))
    except BadInput as error:
        return Frame(source, error=str(error))


def read_video(source: Source, open_capture: Callable[[Source], Any] | None = None) -> Iterator[Frame]:
    """The frames of a video, a camera or a stream.

    Of live pictures only the newest is given: those that arrive while another is looked at are dropped, so that what
    is shown never lags behind.

    Args:
        source: a source of kind ``video`` or ``live``.
        open_capture: opens it; else OpenCV does.

    Yields:
        the frames; where there is none, one that says why.
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
            yield Frame(source, error=f"{source.name}: no frame of it can be decoded; convert it to MP4")
    finally:
        capture.release()


def is_utf8(name: str | os.PathLike[str]) -> bool:
    """Whether a file's name is text; a video of another name OpenCV cannot open without ending the process."""
    return readable(name) == str(name)


def silence_opencv() -> None:
    """Keep OpenCV and FFmpeg from writing to the error stream about what cannot be read; it is reported otherwise."""
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
    """The newest frame whenever one is asked for, each at most once, with its number; a thread reads them all."""
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
