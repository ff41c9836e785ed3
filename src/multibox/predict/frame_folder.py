"""A folder of images that are the frames of a video, read as OpenCV reads a video."""

import configparser
import logging
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from multibox.detect.read_image import read_image
from multibox.errors import BadInput
from multibox.predict.sources import SUFFIXES

RATE: Final = 25.0
"""Frames per second of a folder that does not say its rate."""

LOWEST: Final = 0.01
HIGHEST: Final = 1000.0
"""Lowest and highest rate that is believed, frames per second."""

IMAGES: Final = "img1"
"""Folder of the images in a sequence of MOT Challenge."""

log = logging.getLogger("multibox")


class FrameFolder:
    """The images of a folder, in the order of their names, behind the methods of ``cv2.VideoCapture``.

    Numbers in the names count as numbers: ``frame10.jpg`` comes after ``frame9.jpg``. The folder of a sequence of MOT
    Challenge may be given too. The rate is then that of its ``seqinfo.ini``.

    Args:
        folder: Path of the folder.
        rate: Frames per second. None takes that of ``seqinfo.ini``, or else assumes 25 and says so.
    """

    def __init__(self, folder: str, rate: float | None = None):
        images = Path(folder) / IMAGES
        self._paths = frames_in(images if images.is_dir() else Path(folder))
        declared = rate or _declared_rate(Path(folder))
        self._rate = declared or RATE
        if self._paths and not declared:
            log.info(
                f"{folder}: {len(self._paths)} images are taken as frames, {self._paths[0].name} to "
                f"{self._paths[-1].name}, at {self._rate:g} frames per second; set rate if that is wrong"
            )
        self._next = 0

    def isOpened(self) -> bool:  # noqa: N802  OpenCV's name
        """Whether the folder holds images."""
        return bool(self._paths)

    def get(self, field: int) -> float:
        """Rate, number of frames, or time of the frame that was read last in milliseconds, by OpenCV's number."""
        if field == cv2.CAP_PROP_POS_MSEC:
            return 1000 * (self._next - 1) / self._rate
        return {cv2.CAP_PROP_FPS: self._rate, cv2.CAP_PROP_FRAME_COUNT: float(len(self._paths))}.get(field, 0.0)

    def read(self) -> tuple[bool, Any]:
        """Read the next image: whether it could be read, and ``(H, W, 3)`` uint8 BGR."""
        if self._next >= len(self._paths):
            return False, None
        path = self._paths[self._next]
        self._next += 1
        try:
            return True, np.ascontiguousarray(read_image(path)[..., ::-1])
        except BadInput as error:
            log.warning(str(error))
            return False, None

    def release(self) -> None:
        """Do nothing, because no file stays open."""


def frames_in(folder: Path) -> list[Path]:
    """Images of a folder, with numbers in their names counted as numbers."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    return sorted(found, key=lambda path: _natural(path.stem))


def _natural(stem: str) -> list[str | int]:
    """Pieces of a name: text and number in turns, beginning with text."""
    return [int(part) if i % 2 else part for i, part in enumerate(re.split(r"([0-9]+)", stem))]


def _declared_rate(folder: Path) -> float:
    """The rate that a ``seqinfo.ini`` in or above a folder of frames declares, or 0."""
    for path in (folder / "seqinfo.ini", folder.parent / "seqinfo.ini"):
        parser = configparser.ConfigParser()
        try:
            parser.read(path, "utf-8-sig")
            text = parser.get("Sequence", "frameRate")
        except (configparser.Error, ValueError):
            continue
        with suppress(ValueError):
            if LOWEST <= float(text) <= HIGHEST:
                return float(text)
        log.warning(f"{path}: frameRate {text} is not a number from {LOWEST:g} to {HIGHEST:g}, and is not used")
    return 0.0
