"""Numbers and times of the frames of a video file. Frames that cannot be decoded are counted too."""

import math
from typing import Final

from multibox.predict.container import Promise

LONGEST: Final = 600.0
"""Longest time in seconds that one frame may last in a video of unknown length. A longer gap is an error in the
file."""

TOLERANCE: Final = 0.25
"""Largest rounding error of the duration that a video file declares, as a fraction of the duration of one frame."""


class Timeline:
    """Gives each frame of a video the number and the time that it has in its container.

    A decoder that reorders frames may fail earlier than at the damaged frame. So the position of a frame that failed is
    decided later, by the next gap in the times of the decoded frames.

    Args:
        rate: Frames per second of the video.
        promise: Number of frames and length that the container declares.

    Attributes:
        number: Number of the latest frame, from 0, or -1 before the first.
        seconds: Time of the latest frame, in seconds from the beginning of the video.
        unread: Number of frames that could not be decoded and whose position among the other frames is not known yet.
    """

    def __init__(self, rate: float, promise: Promise):
        self.number, self.seconds, self.unread = -1, 0.0, 0
        self._promise = promise
        self._good = 0
        self._spacing = self._shortest = 1 / rate
        self._longest = promise.seconds or LONGEST
        self._origin = 0.0

    def place(self, position: float) -> list[tuple[int, float]]:
        """Give the next decoded frame its number and time, and the failed frames before it theirs.

        Args:
            position: Time of the frame in seconds, as the decoder gives it.

        Returns:
            Number, and time in seconds, of each unreadable frame between the previous decoded frame and this one.
        """
        before, start, is_first = self.seconds, self.number + 1, self._good == 0
        gap = self._first(position) if is_first else self._later(position)
        missing = min(self.unread, gap)
        self.unread -= missing
        self.number += missing + 1
        self._good += 1
        step = (self.seconds - before) / (missing if is_first and missing else missing + 1)
        first = before if is_first else before + step
        return [(start + lost, first + step * lost) for lost in range(missing)]

    def missing_at_end(self) -> int:
        """Number of frames that are missing after the latest one, or that failed and have no position yet.

        A trimmed video has more frames than it shows, and the last frame of a screen recording may last long. So frames
        count as missing only if both the count and the length in the container say so.
        """
        promise = self._promise
        if promise.is_exact and self._good >= promise.frames:
            return 0
        by_count = promise.frames - self.number - 1
        is_known = promise.is_exact or promise.is_cut_off
        return max(self.unread, min(by_count, self.room) if is_known else 0)

    @property
    def is_exact(self) -> bool:
        """Whether the container stores an exact number of frames."""
        return self._promise.is_exact

    @property
    def room(self) -> int:
        """Number of further frames that would fit into the container's declared length after the latest one."""
        spacing = self.seconds / self.number if self.number > 0 and self.seconds > 0 else self._spacing
        return max(math.floor((self._promise.seconds - self.seconds) / spacing + TOLERANCE) - 1, 0)

    def _first(self, position: float) -> int:
        if not self.unread:
            self._origin = position
            return 0
        self.seconds = position if 0 <= position <= self._longest else 0.0
        return round(self.seconds / self._spacing)

    def _later(self, position: float) -> int:
        elapsed = position - self._origin - self.seconds
        if not 0 < elapsed <= self._longest:  # The container has no times, or wrong ones.
            self.seconds += self._spacing * (1 + self.unread)
            return self.unread
        self.seconds += elapsed
        self._shortest = min(self._shortest, elapsed)
        if not self.unread:
            self._spacing = elapsed
        return max(round(elapsed / self._shortest) - 1, 0)
