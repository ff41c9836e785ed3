"""Reads the frames of an image, a video, a camera or a stream. An image is a single frame."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from multibox.data.file_names import readable
from multibox.detect.read_image import read_image
from multibox.errors import BadInput
from multibox.predict.container import read_promise
from multibox.predict.sources import STDIN, Source
from multibox.predict.timeline import Timeline
from multibox.prepare.render import decode

RATE = 25.0
"""Frames per second of a stream that does not declare its rate."""

PATIENCE = 500
"""Number of consecutive failed reads after which a video counts as ended. Damage may affect all frames up to the next
key frame."""

LONGEST_WAIT = 10.0
"""Seconds without a decodable frame after which a failed read counts as the end of a video or stream."""

log = logging.getLogger("multibox")


@dataclass(frozen=True, eq=False)
class Frame:
    """An image, or a frame of a video.

    Attributes:
        source: Image, video or stream that the frame comes from.
        image: ``(H, W, 3)`` uint8 RGB, upright, or None if the frame could not be read.
        error: Reason why the frame could not be read. Empty if it could.
        number: Number of the frame in its video, from 0, or None for an image. Unreadable frames are
            counted.
        rate: Frames per second of the frame's video. 0 for an image.
        seconds: Time of the frame from the beginning of its video, in seconds. 0 for an image.
        frames: Number of frames that this object stands for: 1, or more if consecutive frames could not be read for the
            same reason.
    """

    source: Source
    image: np.ndarray | None = None
    error: str = ""
    number: int | None = None
    rate: float = 0.0
    seconds: float = 0.0
    frames: int = 1


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

    Of a camera or stream, only the newest frame is given. Frames that arrive while another is processed are dropped, so
    that the display never lags behind. Undecodable frames of a camera or stream are dropped too.

    Args:
        source: Source of kind ``video`` or ``live`` (a camera or stream).
        open_capture: Function that opens the source and returns an object like OpenCV's ``VideoCapture``. None uses
            ``VideoCapture``.

    Yields:
        Frames in order. A frame that cannot be decoded holds the reason in ``error``. If fewer frames can be read than
        the container declares, a last frame with an error stands for the missing ones. If no frame can be decoded, the
        only frame has an error.
    """
    capture = (open_capture or _open)(source)
    try:
        if not capture.isOpened():
            advice = (
                "check that it is connected and no other program uses it"
                if source.kind == "live"
                else "check the name, or convert it to MP4"
            )
            yield Frame(source, error=f"{source.name}: cannot be opened; {advice}")
            return
        rate = capture.get(cv2.CAP_PROP_FPS)
        rate = rate if 0 < rate <= 1000 else RATE
        number = -1
        for frame in (_live if source.kind == "live" else _recorded)(source, capture, rate):
            number = frame.number or 0
            yield frame
        if number < 0:
            yield Frame(source, error=f"{source.name}: none of its frames can be decoded; convert it to MP4")
    finally:
        capture.release()


def is_utf8(name: str | os.PathLike[str]) -> bool:
    """Whether a file's name is valid UTF-8. OpenCV crashes the process when it opens a video whose name is not."""
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


def _live(source: Source, capture: Any, rate: float) -> Iterator[Frame]:
    for number, image in _newest(capture):
        yield Frame(source, _rgb(image), number=number, rate=rate, seconds=number / rate)


def _recorded(source: Source, capture: Any, rate: float) -> Iterator[Frame]:
    """Yield all frames, and an error for each that fails before a good one, and for those missing at the end."""
    promise = read_promise(source, capture, rate)
    timeline = Timeline(rate, promise)
    for image in _reads(capture, promise.frames):
        if image is None:
            timeline.unread += 1
            continue
        for number, seconds in timeline.place(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000):
            yield Frame(source, None, f"{source.name}: frame {number} cannot be decoded", number, rate, seconds)
        yield Frame(source, _rgb(image), number=timeline.number, rate=rate, seconds=timeline.seconds)
    yield from _missing_at_end(source, timeline, promise.is_cut_off, rate)


def _missing_at_end(source: Source, timeline: Timeline, is_cut_off: bool, rate: float) -> Iterator[Frame]:
    if timeline.number < 0:
        return
    start, missing = timeline.number + 1, timeline.missing_at_end()
    if missing:
        what = f"frame {start} is" if missing == 1 else f"{missing} frames from frame {start} on are"
        why = "the file is cut off" if is_cut_off else "the file is damaged or cut off"
        why = "its images cannot be read" if source.kind == "frames" else why
        error = f"{source.name}: {what} missing; {why}"
        yield Frame(source, None, error, start, rate, timeline.seconds + 1 / rate, missing)
    elif timeline.room and not timeline.is_exact:
        log.info(
            f"{source.name}: its declared length fits {timeline.room} more frames than the {start} that were read; "
            f"this is normal if the sound is longer or the video starts late, otherwise check whether the end is "
            f"missing"
        )


def _reads(capture: Any, promised: int = 0) -> Iterator[np.ndarray | None]:
    """Read on until nothing comes any more. A read that fails before a good one gives None.

    Args:
        capture: OpenCV's ``VideoCapture`` of the video.
        promised: Number of frames that the container promises.
    """
    good = failed = 0
    last = time.monotonic()
    while failed <= max(PATIENCE, promised - good) and (not failed or time.monotonic() - last < LONGEST_WAIT):
        there, image = capture.read()
        if not there:
            failed += 1
            continue
        yield from [None] * failed
        yield image
        good, failed, last = good + 1 + failed, 0, time.monotonic()


def _rgb(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _newest(capture: Any) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the newest frame with its number, each frame at most once. A thread reads all frames."""
    changed = threading.Condition()
    newest: list[tuple[int, np.ndarray]] = []
    ended = stopped = False

    def follow() -> None:
        nonlocal ended
        try:
            for number, image in enumerate(_reads(capture)):
                if image is None:
                    continue
                with changed:
                    newest[:] = [(number, image)]
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
