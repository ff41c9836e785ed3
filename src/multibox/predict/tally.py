"""Counting the images and objects of a run."""

from collections import Counter

from multibox.errors import BadInput, RunFailed
from multibox.predict.predict import Prediction

NAMED = 20
"""Number of unreadable files that a message names."""


class Tally:
    """Counts of a run so far.

    Attributes:
        images: Number of images and frames, including those that could not be read.
        objects: Number of detections of each class, by the class's name.
        hidden: Number of objects that were made unrecognisable.
        unread: Number of images and frames that could not be read.
        errors: Reasons why images and frames could not be read, of the first few of them.
    """

    def __init__(self) -> None:
        self.images = 0
        self._frames = self._named = 0
        self.objects: Counter[str] = Counter()
        self.hidden = self.unread = 0
        self.errors: list[str] = []

    def add(self, prediction: Prediction) -> None:
        """Add the image and the objects of a prediction to the counts."""
        self.images += prediction.frames
        self.hidden += prediction.hidden
        self._frames += 0 if prediction.number is None else prediction.frames
        if prediction.detections is None:
            self.unread += prediction.frames
            self._named += prediction.frames if len(self.errors) < NAMED else 0
            self.errors += [prediction.error] if len(self.errors) < NAMED else []
        else:
            self.objects.update(prediction.detections.names)

    def refuse_unread(self) -> None:
        """Report files that could not be read, after all others are done.

        Raises:
            BadInput: No image could be read.
            RunFailed: Some images could not be read.
        """
        if not self.unread:
            return
        more = self.unread - self._named
        named = [*self.errors, *([f"and {more} more"] if more else [])]
        what = "images" if not self._frames else "frames" if self._frames == self.images else "images and frames"
        message = f"{self.unread} of {self.images} {what} could not be read: {'; '.join(named)}"
        raise BadInput("paths", message) if self.unread == self.images else RunFailed(message)
