"""Keeps objects unrecognisable in the frames in which the detector misses them."""

from dataclasses import replace
from typing import Final

import numpy as np

from multibox.detect.detections import Detections
from multibox.predict.hidden import LEAST, Hidden
from multibox.predict.redact import redact
from multibox.tracking.tracker import Tracker, TrackSettings

CARRY: Final = 1.0
"""Time in seconds for which an object that is not detected stays unrecognisable where it should be."""


class HiddenTracks:
    """Follows the objects of one video that are made unrecognisable.

    It follows them apart from those that are shown, because it begins at lower scores and at once.

    Args:
        hidden: Classes of the objects.
        classes: Names of the detector's classes.
        shown: ``(C,)`` scores above which detections are shown, by class.
    """

    def __init__(self, hidden: Hidden, classes: tuple[str, ...], shown: np.ndarray):
        self._labels = {how: labels for how, labels in hidden.labels(classes).items() if labels}
        settings = TrackSettings(weak=0.0, memory=CARRY, carry=CARRY, evidence=0.0)
        self._trackers = {how: Tracker(np.minimum(shown, LEAST), settings) for how in self._labels}

    def hide(self, found: Detections, seen: Detections, seconds: float) -> tuple[Detections, int]:
        """Make the objects that are missed in a frame unrecognisable.

        Args:
            found: Detections above :data:`~multibox.predict.hidden.LEAST`, on an image in which they cannot be
                recognised already.
            seen: The same detections on the image as it was.
            seconds: Time of the frame, seconds.

        Returns:
            The detections with the image in which the missed objects cannot be recognised either, and the number of
            these.
        """
        image, count = found.image, 0
        for how, labels in self._labels.items():
            tracks = self._trackers[how].update(seen.keep(np.isin(seen.labels, labels)), seconds)
            missed = tracks.detections.boxes[tracks.carried]
            if image is not None and len(missed):
                image = redact(image, missed, how)
            count += len(missed)
        return replace(found, image=image), count
