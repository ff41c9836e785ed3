"""Videos whose frames can be told apart by their brightness, and what can happen to the files."""

import re

import cv2
import numpy as np

FRAMES, RATE = 12, 10


def brightness(number):
    """Grey value of a frame."""
    return 20 * number + 10


def number_of(image):
    """Number of the frame that an image shows."""
    return round((float(image.mean()) - 10) / 20)


def write_video(path, frames=FRAMES):
    """Write a video of JPEG images, one after the other, so that each frame is damaged by itself."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE, (64, 48))
    for number in range(frames):
        writer.write(np.full((48, 64, 3), brightness(number), np.uint8))
    writer.release()
    return path


def damage(path, *numbers):
    """Overwrite frames with zeros."""
    content = bytearray(path.read_bytes())
    starts = [match.start() for match in re.finditer(b"\xff\xd8\xff", content)]
    for number in numbers:
        end = content.index(b"\xff\xd9", starts[number])
        content[starts[number] : end] = bytes(end - starts[number])
    path.write_bytes(content)
    return path


def cut_off(path, number):
    """Remove everything from the middle of a frame on."""
    content = path.read_bytes()
    starts = [match.start() for match in re.finditer(b"\xff\xd8\xff", content)]
    path.write_bytes(content[: starts[number] + 20])
    return path


class Capture:
    """A capture of OpenCV with prepared answers.

    Args:
        reads: Result of each read: a time in seconds, or None if the read fails. Then reads fail for ever.
        count: Number of frames that the container promises.
        rate: Frames per second.
    """

    def __init__(self, reads, count=0.0, rate=10.0):
        self._reads, self._count, self._rate = list(reads), count, rate
        self._time = 0.0

    def isOpened(self):
        return True

    def get(self, what):
        return {
            cv2.CAP_PROP_FPS: self._rate,
            cv2.CAP_PROP_FRAME_COUNT: self._count,
            cv2.CAP_PROP_POS_MSEC: 1000 * self._time,
        }[what]

    def read(self):
        time = self._reads.pop(0) if self._reads else None
        self._time = 0.0 if time is None else time
        return time is not None, None if time is None else np.zeros((4, 4, 3), np.uint8)

    def release(self):
        pass
