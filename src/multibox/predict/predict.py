"""Detect in all that sources show: decoding, the network and what follows overlap, and nothing is kept."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from multibox.detect.detections import Detections
from multibox.detect.detector import BATCH, Detector
from multibox.detect.in_batches import in_batches
from multibox.detect.in_threads import in_threads
from multibox.detect.prepare_image import Prepared
from multibox.errors import BadInput, RunFailed
from multibox.predict.frames import Frame, read_picture, read_video, silence_opencv
from multibox.predict.sources import Source
from multibox.runtimes.outputs import Outputs

NAMED = 20
"""How many of the files that could not be read a message names."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What came of one picture or frame.

    Attributes:
        source: whose it is.
        detections: what was found in it; None where it could not be read.
        error: why it could not be read.
        number: of the frame in its video, from 0; None of a picture.
        rate: frames a second of its video.
        picture: the name of the annotated picture, where one is saved.
    """

    source: Source
    detections: Detections | None = None
    error: str = ""
    number: int | None = None
    rate: float = 0.0
    picture: str = ""

    def without_image(self) -> "Prediction":
        """The same without the picture's pixels, so that many can be kept."""
        found = self.detections
        return self if found is None else replace(self, detections=replace(found, image=None))

    def to_json(self) -> dict[str, Any]:
        """As values that ``json.dumps`` takes."""
        row: dict[str, Any] = {"file": self.source.name}
        if self.number is not None:
            row |= {"frame": self.number, "seconds": round(self.number / self.rate, 3)}
        row |= {"error": self.error} if self.detections is None else self.detections.to_json()
        return row | {"picture": self.picture} if self.picture else row


def predict(
    detector: Detector,
    sources: Iterable[Source],
    *,
    score: float | None = None,
    batch: int = BATCH,
    keep: bool = True,
) -> Iterator[Prediction]:
    """Detect in sources. What cannot be read is reported, and the others go on.

    Args:
        detector: the detector.
        sources: see :func:`~multibox.predict.sources.find_sources`.
        score: detections must exceed it; without it, the model's thresholds for people.
        batch: images that go through the network together; live pictures go one by one, and so do huge ones, whose
            tiles fill batches.
        keep: whether detections keep their image, to draw on.

    Yields:
        what came of each picture and each frame, in order.
    """
    silence_opencv()
    thresholds = detector.thresholds(score)

    def prepare(frame: Frame) -> tuple[Frame, Prepared | None]:
        return frame, None if frame.image is None else detector.prepare(frame.image, keep=keep)

    def run(some: list[tuple[Frame, Prepared | None]]) -> list[tuple[Frame, Prepared | None, list[Outputs]]]:
        outputs = iter(detector.run([prepared for _, prepared in some if prepared]))
        return [(frame, prepared, next(outputs) if prepared else []) for frame, prepared in some]

    def finish(answered: tuple[Frame, Prepared | None, list[Outputs]]) -> Prediction:
        frame, prepared, outputs = answered
        found = detector.finish(prepared, outputs, thresholds=thresholds) if prepared else None
        return Prediction(frame.source, found, frame.error, frame.number, frame.rate)

    def detect(frames: Iterable[tuple[Frame, Prepared | None]], size: int) -> Iterator[Prediction]:
        answered = in_threads(run, in_batches(frames, size), ahead=1 if size == 1 else 2, threads=1)
        yield from in_threads(finish, (one for some in answered for one in some), ahead=size)

    batch, ahead = (1, 2) if detector.tiles else (batch, batch)
    for are_pictures, group in groupby(sources, lambda source: source.kind == "picture"):
        if are_pictures:
            yield from detect(in_threads(lambda source: prepare(read_picture(source)), group, ahead=ahead), batch)
            continue
        for video in group:
            size = 1 if video.kind == "live" else batch
            yield from detect(in_threads(prepare, read_video(video), ahead=size), size)


class Tally:
    """What a run has come to so far, in a few numbers.

    Attributes:
        images: pictures and frames, with those that could not be read.
        objects: how many of each class were found.
        unread: how many of them could not be read.
        errors: why, of the first few.
    """

    def __init__(self) -> None:
        self.images = 0
        self.objects: Counter[str] = Counter()
        self.unread = 0
        self.errors: list[str] = []
        self._start = time.perf_counter()

    def add(self, prediction: Prediction) -> None:
        """Count a prediction."""
        self.images += 1
        if prediction.detections is None:
            self.unread += 1
            self.errors += [prediction.error] if self.unread <= NAMED else []
        else:
            self.objects.update(prediction.detections.names)

    @property
    def images_per_second(self) -> float:
        """Since the tally was made."""
        return self.images / (time.perf_counter() - self._start)

    def refuse_unread(self) -> None:
        """End a run that met files which could not be read, once the others are done.

        Raises:
            BadInput: nothing could be read.
            RunFailed: some could not.
        """
        if not self.unread:
            return
        more = self.unread - len(self.errors)
        named = [*self.errors, *([f"and {more} more"] if more else [])]
        message = f"{self.unread} of {self.images} images could not be read: {'; '.join(named)}"
        raise BadInput("paths", message) if self.unread == self.images else RunFailed(message)
