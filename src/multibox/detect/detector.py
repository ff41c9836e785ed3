"""The detector: images in, detections out."""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from os import PathLike
from typing import Any, Final, overload

import numpy as np

from multibox import boxes as box_math
from multibox.config import Detect
from multibox.detect.detections import Detections
from multibox.detect.in_batches import in_batches
from multibox.detect.in_threads import in_threads
from multibox.detect.prepare_image import Prepared, prepare_image
from multibox.detect.read_image import to_pixels
from multibox.detect.readers import reader_for
from multibox.detect.views import AS_IT_IS, Tta, View
from multibox.errors import BadInput
from multibox.models.schema import Schema
from multibox.postprocess.fusion import fuse
from multibox.postprocess.nms import Selected
from multibox.postprocess.tiles import merge_tiles
from multibox.prepare.tiles import Tiles, tiles_of
from multibox.prepare.window import Window
from multibox.runtimes import Runtime
from multibox.runtimes.outputs import Outputs, split_batch

BATCH: Final = 8
"""Number of images that go through the network together when a list is given."""

Run = Callable[[Sequence[Prepared]], list[list[Outputs]]]
"""Function that runs the network. It takes prepared images and returns, for each image, the raw outputs of each of its
network inputs."""


class Detector:
    """Finds objects in images.

    Args:
        runtime: Runtime that runs the model.
        config: Configuration of detection: score thresholds, NMS and limits. None takes the configuration in the model
            file.
        tta: Test-time augmentation. If True, each image is also searched mirrored and smaller, and the detections are
            fused.
        tiles: How to cut large images: a tile's side in pixels (``640``) or as a share of the image's longer side
            (``0.25``), rows and columns (``"2x3"``), or ``"none"``. None takes the tiles that the model was trained on,
            if any.

    Attributes:
        runtime: Runtime that runs the model.
        config: Configuration of detection in use.
        tta: Test-time augmentation in use: scales at which each image or tile is searched, and whether also mirrored.
        tiles: Tiles into which images are cut. None cuts no image.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of the network's priors, relative to its input.

    Raises:
        BadInput: The model file runs NMS itself, and ``config`` differs from the values that the file runs it with.
    """

    def __init__(
        self,
        runtime: Runtime,
        config: Detect | None = None,
        *,
        tta: bool | Tta = False,
        tiles: float | str | Tiles | None = None,
    ):
        self.runtime = runtime
        self.config = config or self.schema.detect
        self.tta = tta if isinstance(tta, Tta) else Tta() if tta else AS_IT_IS
        tiles = self.schema.tiles if tiles is None else tiles
        self.tiles = tiles if isinstance(tiles, Tiles) else tiles_of(tiles)
        self.priors_rel = self.schema.make_priors()
        self._reader = reader_for(runtime, self.priors_rel)
        self._reader.check(self.config)
        self._run: Run | None = None

    @property
    def schema(self) -> Schema:
        """Schema of the model file."""
        return self.runtime.schema

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the model's classes, without background."""
        return self.schema.classes

    @property
    def shown(self) -> np.ndarray:
        """``(C,)`` scores that a detection must exceed to be shown to a person, by class."""
        return np.array([self.schema.thresholds.get(name, self.config.show) for name in self.classes])

    @overload
    def __call__(
        self, images: list[Any] | tuple[Any, ...], *, score: float | None = None, nms_iou: float | None = None
    ) -> list[Detections]: ...

    @overload
    def __call__(
        self, images: str | PathLike[str] | np.ndarray, *, score: float | None = None, nms_iou: float | None = None
    ) -> Detections: ...

    @overload
    def __call__(self, images: Any, *, score: float | None = None, nms_iou: float | None = None) -> Any: ...

    def __call__(self, images: Any, *, score: float | None = None, nms_iou: float | None = None) -> Any:
        """Detect objects in an image or in several.

        Args:
            images: An image, or a list of images. An image is an array ``(H, W, 3)`` uint8 RGB, a path, a URL, or a
                Pillow image.
            score: Score that detections of any class must exceed, in [0, 1]. None takes the model's thresholds for
                display.
            nms_iou: IoU with a better detection of the same class above which a detection is suppressed, in [0, 1].
                None takes the model's value.

        Returns:
            :class:`~multibox.detect.detections.Detections` of the image, or a list of them.

        Raises:
            BadInput: An image cannot be read, or a value is out of range.
        """
        thresholds = self.thresholds(score)
        config = self._config(nms_iou)
        if not isinstance(images, (list, tuple)):
            return self.detect([self._read(images)], config, thresholds)[0]
        prepared = in_threads(self._read, images, ahead=2 * BATCH)
        return list(self.detect_each(prepared, BATCH, config, thresholds))

    def prepare(self, image: np.ndarray, *, keep: bool = False) -> Prepared:
        """Prepare an image for :meth:`detect`. Any thread may call this method.

        Args:
            image: ``(H, W, 3)`` uint8 RGB, upright.
            keep: Whether the detections keep the image, so that they can be drawn.

        Returns:
            Network inputs of the image, as :func:`~multibox.detect.prepare_image.prepare_image` returns them.
        """
        return prepare_image(image, self.schema, tiles=self.tiles, tta=self.tta, keep=keep)

    def detect(
        self, batch: Sequence[Prepared], config: Detect | None = None, thresholds: np.ndarray | None = None
    ) -> list[Detections]:
        """Run the network on a batch of prepared images, and convert its outputs to detections.

        Args:
            batch: Prepared images, as :meth:`prepare` returns them.
            config: Configuration of detection: NMS and limits on the number of detections. None takes the detector's
                configuration.
            thresholds: ``(C,)`` scores that detections must exceed, by class. None takes ``config.score`` for every
                class, as evaluation needs it.

        Returns:
            Detections of each image.
        """
        outputs = self.run(batch)
        return [self.finish(image, found, config, thresholds) for image, found in zip(batch, outputs, strict=True)]

    def detect_each(
        self,
        images: Iterable[Prepared],
        size: int,
        config: Detect | None = None,
        thresholds: np.ndarray | None = None,
    ) -> Iterator[Detections]:
        """Detect in many images. While the network runs on a batch, threads read the detections of the one before.

        A runtime with several lanes runs an image in each at the same time, and no batches.

        Args:
            images: Prepared images, which are taken batch by batch.
            size: Number of images that go through the network together.
            config: Configuration of detection, as :meth:`detect` takes it.
            thresholds: Scores that detections must exceed, as :meth:`detect` takes them.

        Yields:
            Detections of each image, in order.
        """
        lanes = self.runtime.lanes
        if lanes > 1:
            yield from in_threads(lambda image: self.detect([image], config, thresholds)[0], images, 2 * lanes, lanes)
            return
        outputs = (pair for batch in in_batches(images, size) for pair in zip(batch, self.run(batch), strict=True))
        yield from in_threads(lambda pair: self.finish(*pair, config, thresholds), outputs, ahead=size)

    def run(self, batch: Sequence[Prepared]) -> list[list[Outputs]]:
        """Run the network on all inputs of prepared images.

        A batch has as many inputs as there are images, or :data:`BATCH` if that is more.

        Args:
            batch: Prepared images, as :meth:`prepare` returns them.

        Returns:
            One list per image, with the raw outputs of each of its inputs, without the batch axis.
        """
        return self._run(batch) if self._run else self._run_network(batch)

    def with_run(self, run: Run) -> "Detector":
        """Make a detector that differs only in how its network is run, such as one whose calls wait in a queue.

        Args:
            run: Function that :meth:`run` calls instead of running the network.

        Returns:
            A new detector with the same model and settings.
        """
        other = copy.copy(self)
        other._run = run
        return other

    def finish(
        self,
        image: Prepared,
        outputs: Sequence[Outputs],
        config: Detect | None = None,
        thresholds: np.ndarray | None = None,
    ) -> Detections:
        """Convert the network's outputs for an image to detections. Any thread may call this method.

        Args:
            image: Prepared image, as :meth:`prepare` returns it.
            outputs: Raw outputs for each input of the image, as :meth:`run` returns them.
            config: Configuration of detection: NMS and limits. None takes the detector's configuration.
            thresholds: ``(C,)`` scores that detections must exceed, by class. None takes ``config.score``.

        Returns:
            Detections of the image.
        """
        config = config or self.config
        least = np.full(len(self.classes), config.score) if thresholds is None else thresholds
        seen = [self._in_view(view, output, config, least) for view, output in zip(image.views, outputs, strict=True)]
        views = len(image.views) // len(image.regions)
        parts = [
            self._in_region(region, some, config, least)
            for region, some in zip(image.regions, in_batches(seen, views), strict=True)
        ]
        found = parts[0]
        if len(parts) > 1:
            found = merge_tiles(parts, image.regions, config.nms_iou, config.agnostic)
        return Detections(found.boxes, found.scores, found.labels, self.classes, image.image_size, image.image)

    def thresholds(self, score: float | None) -> np.ndarray:
        """The scores that detections must exceed.

        Args:
            score: Score for every class, in [0, 1]. None takes the model's thresholds for display.

        Returns:
            ``(C,)`` scores that detections must exceed, by class.

        Raises:
            BadInput: The score is out of range, or the model file runs NMS itself and has a higher threshold.
        """
        if score is None:
            return self.shown
        self._reader.check_score(score)
        return np.full(len(self.classes), _share("score", score))

    def _run_network(self, batch: Sequence[Prepared]) -> list[list[Outputs]]:
        inputs = [pixels for image in batch for pixels in image.inputs]
        outputs = iter(
            [
                output
                for some in in_batches(inputs, max(len(batch), BATCH))
                for output in split_batch(self.runtime.run(np.stack(some)))
            ]
        )
        return [list(islice(outputs, len(image.inputs))) for image in batch]

    def _in_view(self, view: View, output: Outputs, config: Detect, least: np.ndarray) -> Selected:
        """Detections in one view of a region, with boxes in pixels of the image."""
        if self.tta != AS_IT_IS:  # fusing averages scores, so lower ones count as well
            least = np.minimum(least, config.score)
        found = self._reader.read(output, config, least)
        return found._replace(boxes=view.to_image(found.boxes))

    def _in_region(self, region: Window, views: Sequence[Selected], config: Detect, least: np.ndarray) -> Selected:
        """Detections in all views of a region, clipped to the region. Boxes outside the region are dropped."""
        found = views[0]
        if len(views) > 1:
            found = fuse(views, agnostic=config.agnostic)
            found = found.keep(found.scores > least[found.labels]).best(config.per_image)
        found = found._replace(boxes=clip_to(found.boxes, region))
        return found.keep(box_math.areas(found.boxes) > 0)

    def _read(self, image: Any) -> Prepared:
        return self.prepare(to_pixels(image), keep=True)

    def _config(self, nms_iou: float | None) -> Detect:
        config = self.config
        return config if nms_iou is None else config.model_copy(update={"nms_iou": _share("nms_iou", nms_iou)})


def clip_to(boxes: np.ndarray, region: Window) -> np.ndarray:
    """Clip boxes ``(..., 4)``, in pixels of the image, to a rectangle of the image."""
    origin = np.array([region.x0, region.y0] * 2, boxes.dtype)
    return box_math.clip(boxes - origin, region.width, region.height) + origin


def _share(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise BadInput(name, f"{value} is not between 0 and 1")
    return float(value)
