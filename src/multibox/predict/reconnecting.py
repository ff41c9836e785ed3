"""Reads a stream, and opens it again when it breaks off."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from multibox.predict.frames import Frame, read_video
from multibox.predict.sources import Source

PAUSE: Final = 1.0
"""Seconds between two attempts to open a stream."""

log = logging.getLogger("multibox")


def read_reconnecting(
    source: Source, patience: float, open_capture: Callable[[Source], Any] | None = None
) -> Iterator[Frame]:
    """Read the newest frames of a stream, also after it has broken off and come back.

    Args:
        source: Source of kind ``live``.
        patience: Seconds without a frame after which a stream that broke off counts as ended. 0 ends with the stream.
        open_capture: Function that opens the source, as :func:`~multibox.predict.frames.read_video` takes it.

    Yields:
        Frames in order. The times of later frames include the breaks. If the stream cannot be opened at first, the only
        frame has an error.
    """
    begin = latest = time.monotonic()
    number, offset = -1, 0.0
    while number < 0 or time.monotonic() - latest < patience:
        first, is_back = number + 1, number >= 0
        for frame in read_video(source, open_capture):
            if frame.number is None or frame.image is None:
                if number < 0:
                    yield frame
                    return
                continue
            if is_back:
                offset, is_back = time.monotonic() - begin - frame.seconds, False
                log.info(f"{source.name}: the stream is back after {time.monotonic() - latest:.0f} seconds")
            number, latest = first + frame.number, time.monotonic()
            yield replace(frame, number=number, seconds=offset + frame.seconds)
        if patience and number >= first:
            log.info(f"{source.name}: the stream broke off; it is opened again for {patience:g} seconds")
        time.sleep(PAUSE if patience else 0)
    if patience:
        log.warning(f"{source.name}: the stream did not come back")
