"""Detection in sources. Decoding images, running the network and reading its outputs overlap in time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Self

import numpy as np

from multibox.detect.detections import Detections
from multibox.detect.detector import BATCH, Detector
from multibox.detect.in_batches import in_batches
from multibox.detect.in_threads import in_threads
from multibox.detect.prepare_image import Prepared
from multibox.draw import draw_outline
from multibox.predict.chosen import Chosen
from multibox.predict.frames import Frame, read_still, read_video, silence_opencv
from multibox.predict.hidden import Hidden, Hiding, are_finite
from multibox.predict.sources import Source
from multibox.regions import Points
from multibox.runtimes.outputs import Outputs


@dataclass(frozen=True, eq=False)
class Prediction:
    """The result for one image or frame.

    Attributes:
        source: Image file, video or stream that the prediction belongs to.
        detections: Detections in the image, or None if it could not be read.
        error: Reason why the image could not be read. Empty if it could.
        number: Number of the frame in its video, from 0, or None for an image. Unreadable frames are
            counted.
        rate: Frames per second of the frame's video. 0 for an image.
        seconds: Time of the frame from the beginning of its video, in seconds. 0 for an image.
        frames: Number of frames that the prediction stands for: 1, or more if consecutive frames could not be read for
            the same reason.
        annotated: File name of the annotated image. Empty if no annotated image is saved.
        hidden: Number of objects that were made unrecognisable in the image.
        original: ``(H, W, 3)`` uint8 RGB, the image before that, if it was asked for. Else None.
    """

    source: Source
    detections: Detections | None = None
    error: str = ""
    number: int | None = None
    rate: float = 0.0
    seconds: float = 0.0
    frames: int = 1
    annotated: str = ""
    hidden: int = 0
    original: np.ndarray | None = field(default=None, repr=False)

    def draw(self, regions: Sequence[Points] = ()) -> np.ndarray:
        """Draw the detections on their image.

        Args:
            regions: Polygons whose outlines are drawn below the detections.

        Returns:
            ``(H, W, 3)`` uint8 RGB, a new image.

        Raises:
            BadInput: The image was not kept.
        """
        assert self.detections is not None
        return self.detections.draw(self.outlined(regions))

    def outlined(self, regions: Sequence[Points]) -> np.ndarray | None:
        """The image with the outlines of polygons, or None if it was not kept.

        Args:
            regions: The polygons.
        """
        assert self.detections is not None
        image = self.detections.image
        if image is not None:
            for region in regions:
                image = draw_outline(image, region.pixels(self.detections.image_size))
        return image

    def without_image(self) -> Self:
        """A copy without the image's pixels, so that many predictions can be kept in memory."""
        found = self.detections
        return self if found is None else replace(self, detections=replace(found, image=None), original=None)

    def to_json(self) -> dict[str, Any]:
        """Values for ``json.dumps``: the file, the frame, and the detections or the error."""
        row: dict[str, Any] = {"file": self.source.name}
        if self.number is not None:
            row |= {"frame": self.number, "seconds": round(self.seconds, 3)}
        if self.frames > 1:
            row["frames"] = self.frames
        row |= {"error": self.error} if self.detections is None else self.detections.to_json()
        return row | {"picture": self.annotated} if self.annotated else row


def predict(
    detector: Detector,
    sources: Iterable[Source],
    *,
    score: float | None = None,
    batch: int = BATCH,
    keep: bool = True,
    read: Callable[[Source], Iterable[Frame]] = read_video,
    only: Chosen | None = None,
    hide: Hidden | None = None,
    original: bool = False,
) -> Iterator[Prediction]:
    """Detect objects in images, videos, cameras and streams.

    An image or frame that cannot be read gives a prediction with an error, and detection goes on.

    Args:
        detector: Detector to run.
        sources: Images, videos and streams, as :func:`~multibox.predict.sources.find_sources` returns them.
        score: Score that detections must exceed, in [0, 1]. None takes the model's thresholds for display.
        batch: Number of images that go through the network together. Live frames, and images that are cut into tiles,
            always go one by one.
        keep: Whether detections keep their image, so that they can be drawn.
        read: Function that reads the frames of a video, camera or stream.
        only: Classes and regions whose detections are given. None gives all.
        hide: Classes whose objects are made unrecognisable in the images of the detections, whatever ``only`` says.
        original: Whether predictions also hold the image as it was before objects were made unrecognisable.

    Yields:
        Prediction of each image and each frame, in order.

    Raises:
        BadInput: The score is out of range, the model lacks a class, or an image would have too many tiles.
    """
    silence_opencv()
    finish = _Finish(detector, detector.thresholds(score), only or Chosen(), hide if keep else None, original=original)

    def prepare(frame: Frame) -> tuple[Frame, Prepared | None]:
        return frame, None if frame.image is None else detector.prepare(frame.image, keep=keep)

    def run(some: list[tuple[Frame, Prepared | None]]) -> list[tuple[Frame, Prepared | None, list[Outputs]]]:
        outputs = iter(detector.run([prepared for _, prepared in some if prepared]))
        return [(frame, prepared, next(outputs) if prepared else []) for frame, prepared in some]

    def detect(frames: Iterable[tuple[Frame, Prepared | None]], size: int, lanes: int = 1) -> Iterator[Prediction]:
        ahead = 2 * lanes if lanes > 1 or size > 1 else 1
        answered = in_threads(run, in_batches(frames, size), ahead=ahead, threads=lanes)
        yield from in_threads(finish, (one for some in answered for one in some), ahead=max(size, lanes))

    lanes = detector.runtime.lanes
    batch, ahead = (1, 2 * lanes) if detector.tiles or lanes > 1 else (batch, batch)
    for are_images, group in groupby(sources, lambda source: source.kind == "image"):
        if are_images:
            stills = in_threads(lambda source: prepare(read_still(source)), group, ahead=ahead)
            yield from detect(stills, batch, lanes)
            continue
        for video in group:
            is_live = video.kind == "live"
            size = 1 if is_live else batch
            yield from detect(in_threads(prepare, read(video), ahead=size), size, 1 if is_live else lanes)


class _Finish:
    """Turns a network's outputs for a frame into a prediction. Any thread may call it."""

    def __init__(
        self, detector: Detector, thresholds: np.ndarray, only: Chosen, hide: Hidden | None, *, original: bool
    ):
        only.check(detector.classes)
        self._detector, self._thresholds, self._only = detector, thresholds, only
        self._hiding = Hiding(hide, detector, thresholds) if hide else None
        self._original = original

    def __call__(self, answered: tuple[Frame, Prepared | None, list[Outputs]]) -> Prediction:
        frame, prepared, outputs = answered
        read = Prediction(frame.source, None, frame.error, frame.number, frame.rate, frame.seconds, frame.frames)
        if prepared is None:
            return read
        if self._hiding and not are_finite(outputs):
            error = f"{frame.source.name}: the model's outputs are not finite, so that no object could be hidden"
            return replace(read, error=error)
        found, hidden = self._detector.finish(prepared, outputs, thresholds=self._thresholds), 0
        original = found.image if self._original else None
        if self._hiding:
            found, hidden = self._hiding.hide(prepared, outputs, found)
        return replace(read, detections=self._only.select(found), hidden=hidden, original=original)
