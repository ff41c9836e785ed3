"""The detector: pictures in, detections out."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from multibox import boxes as box_math
from multibox.config import Detect
from multibox.detect.detections import Detections
from multibox.detect.images import to_pixels
from multibox.detect.in_threads import in_batches, in_threads
from multibox.detect.views import AS_IT_IS, Tta, View, show, views_of
from multibox.errors import BadInput
from multibox.models.schema import Schema
from multibox.postprocess.decode import decode
from multibox.postprocess.fusion import fuse
from multibox.postprocess.nms import Selected, select
from multibox.postprocess.tiles import Tiles, put_together
from multibox.prepare.window import Window, whole
from multibox.runtimes import Runtime

BATCH = 8
"""Images that go through the network together when a list is given."""

Outputs = list[tuple[np.ndarray, np.ndarray]]
"""Of each input its logits ``(P, C + 1)`` and its deltas ``(P, 4)``."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """An image, ready for the network.

    Attributes:
        inputs: ``(V, H, W, 3)`` uint8 RGB of the network's size, one for each view.
        views: V, what each input shows; those of a region together.
        regions: the parts of the image that are looked at, each in equally many views.
        image_size: height and width of the image, pixels.
        image: the image, where it is to be kept with its detections.
    """

    inputs: np.ndarray
    views: tuple[View, ...]
    regions: tuple[Window, ...]
    image_size: tuple[int, int]
    image: np.ndarray | None = None


class Detector:
    """Finds the objects in pictures.

    Args:
        runtime: what runs the network, and knows its schema.
        config: scores, overlaps and limits; without it, the model's.
        tta: test-time augmentation: each image is looked at mirrored and smaller too, and what is found is fused.
        tiles: for huge images: a tile's side in pixels (``640``), or rows and columns (``"2x3"``).

    Attributes:
        runtime: as given.
        config: as given, or the model's.
        tiles: None, or how an image is cut.
        priors_rel: ``(P, 4)`` the network's priors, relative to its input.
    """

    def __init__(
        self,
        runtime: Runtime,
        config: Detect | None = None,
        *,
        tta: bool | Tta = False,
        tiles: int | str | Tiles | None = None,
    ):
        self.runtime = runtime
        self.config = config or self.schema.detect
        self.tta = tta if isinstance(tta, Tta) else Tta() if tta else AS_IT_IS
        self.tiles = tiles if tiles is None or isinstance(tiles, Tiles) else Tiles.parse(str(tiles))
        self.priors_rel = self.schema.make_priors()

    @property
    def schema(self) -> Schema:
        """What the model file says about itself."""
        return self.runtime.schema

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.schema.classes

    @property
    def shown(self) -> np.ndarray:
        """``(C,)`` the scores that a detection must exceed to be shown to a person, by class."""
        return np.array([self.schema.thresholds.get(name, self.config.show) for name in self.classes])

    def __call__(self, images: Any, *, score: float | None = None, nms_iou: float | None = None) -> Any:
        """Detect.

        Args:
            images: a picture, or a list of pictures. A picture is an array ``(H, W, 3)`` uint8 RGB, a path, or an
                image of Pillow.
            score: detections must exceed it, whatever their class; without it, the model's thresholds for people.
            nms_iou: how much two detections of a class may overlap; without it, as the model says.

        Returns:
            :class:`~multibox.detect.detections.Detections` of the picture, or a list of them.

        Raises:
            BadInput: something is not a picture.
        """
        thresholds = self.thresholds(score)
        config = self._config(nms_iou)
        if not isinstance(images, (list, tuple)):
            return self.detect([self._read(images)], config, thresholds)[0]
        prepared = in_threads(self._read, images, ahead=2 * BATCH)
        return [found for batch in in_batches(prepared, BATCH) for found in self.detect(batch, config, thresholds)]

    def prepare(self, image: np.ndarray, *, keep: bool = False) -> Prepared:
        """Prepare an image for :meth:`detect`; may run in any thread.

        Args:
            image: ``(H, W, 3)`` uint8 RGB, upright.
            keep: whether its detections keep it, to draw on.

        Returns:
            the network's input, and the way back.
        """
        image_size, size = (image.shape[0], image.shape[1]), self.schema.network.size
        regions = self.tiles.regions(image_size) if self.tiles else [whole(image_size)]
        views = [v for region in regions for v in views_of(region, image_size, size, self.schema.resize, self.tta)]
        inputs = np.stack([show(image, view, size) for view in views])
        return Prepared(inputs, tuple(views), tuple(regions), image_size, image if keep else None)

    def detect(
        self, batch: Sequence[Prepared], config: Detect | None = None, thresholds: np.ndarray | None = None
    ) -> list[Detections]:
        """Run the network on prepared images, all at once, and read what it says.

        Args:
            batch: the images.
            config: overlap and limits; without it, the detector's.
            thresholds: ``(C,)`` scores to exceed, by class; without them ``config.score``, as for evaluation.

        Returns:
            the detections of each image.
        """
        outputs = self.run(batch)
        return [self.finish(image, found, config, thresholds) for image, found in zip(batch, outputs, strict=True)]

    def run(self, batch: Sequence[Prepared]) -> list[Outputs]:
        """Run the network on all inputs of prepared images, as many at a time as there are images, or :data:`BATCH`.

        Args:
            batch: the images.

        Returns:
            of each image, what the network says of each of its inputs.
        """
        inputs = [pixels for image in batch for pixels in image.inputs]
        outputs = [
            output
            for some in in_batches(inputs, max(len(batch), BATCH))
            for output in zip(*self.runtime(np.stack(some)), strict=True)
        ]
        rest = iter(outputs)
        return [list(islice(rest, len(image.inputs))) for image in batch]

    def finish(
        self,
        image: Prepared,
        outputs: Outputs,
        config: Detect | None = None,
        thresholds: np.ndarray | None = None,
    ) -> Detections:
        """Turn what the network says of an image into its detections; may run in any thread.

        Args:
            image: the image.
            outputs: of its inputs, as :meth:`run` gives them.
            config: see :meth:`detect`.
            thresholds: see :meth:`detect`.

        Returns:
            the detections.
        """
        config = config or self.config
        least = np.full(len(self.classes), config.score) if thresholds is None else thresholds
        seen = [self._look(view, *output, config, least) for view, output in zip(image.views, outputs, strict=True)]
        views = len(image.views) // len(image.regions)
        parts = [
            self._of_region(region, some, config, least)
            for region, some in zip(image.regions, in_batches(seen, views), strict=True)
        ]
        found = parts[0]
        if len(parts) > 1:
            found = put_together(parts, image.regions, config.nms_iou, config.agnostic)
        return Detections(found.boxes, found.scores, found.labels, self.classes, image.image_size, image.image)

    def thresholds(self, score: float | None) -> np.ndarray:
        """``(C,)`` the scores to exceed: ``score``, or without it the model's for people."""
        return self.shown if score is None else np.full(len(self.classes), _share("score", score))

    def _look(self, view: View, logits: np.ndarray, deltas: np.ndarray, config: Detect, least: np.ndarray) -> Selected:
        """What one view shows, in pixels of the image."""
        if self.tta != AS_IT_IS:  # fusing takes means of scores, so that lower ones count as well
            least = np.minimum(least, config.score)
        scores, boxes_rel = decode(
            logits,
            deltas,
            self.priors_rel,
            self.schema.priors.variances,
            least.min(initial=1),
            activation=self.schema.activation,
        )
        found = select(scores, boxes_rel, config, least)
        return found._replace(boxes=view.to_image(found.boxes))

    def _of_region(self, region: Window, views: Sequence[Selected], config: Detect, least: np.ndarray) -> Selected:
        """What all views of a region show, clipped to it; what lies beyond it, as in a letterbox's bars, is nothing."""
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
    """Cut boxes ``(..., 4)``, pixels of the image, off at the edges of a part of it."""
    origin = np.array([region.x0, region.y0] * 2, boxes.dtype)
    return box_math.clip(boxes - origin, region.width, region.height) + origin


def _share(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise BadInput(name, f"{value} is not between 0 and 1")
    return float(value)
