"""Verification that an exported file detects the same as the Keras model."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from multibox.boxes import iou
from multibox.detect.readers import reader_for
from multibox.errors import RunFailed
from multibox.models.schema import Schema
from multibox.postprocess.nms import Selected
from multibox.runtimes import Runtime
from multibox.runtimes.agreement import PIXELS, SCORE, Difference, difference
from multibox.runtimes.outputs import Outputs, split_batch

MISSED = 0.01
"""Largest share of detections without a counterpart that is accepted. If the scores of two overlapping boxes differ
only in the seventh digit, rounding decides which box NMS keeps."""

LEAST_FOUND = 0.5
"""Smallest share of the Keras model's shown detections that a file of lower precision must find too."""

SAME_THING = 0.5
"""Smallest IoU of two boxes that count as the same detection."""


class Check(NamedTuple):
    """Result of verifying an exported file.

    Attributes:
        images: Number of images that the file was run on.
        difference: Largest differences in score and box from the Keras model. None for a file of lower precision than
            float32.
        found: Share of the Keras model's detections above ``detect.show`` that the file finds too. None if there are no
            such detections.
    """

    images: int
    difference: Difference | None
    found: float | None


def check(expected: Runtime, given: Runtime, images: np.ndarray, precision: str) -> Check:
    """Run an exported file on images and compare the detections with those of the Keras model.

    In float32, scores must agree within 0.001 and boxes within 0.1 pixels of the input: for all priors, or for the
    detections if the file runs NMS itself. In a lower precision, the file must find half of the detections that the
    Keras model shows. How much worse it is can be measured as mean average precision.

    Args:
        expected: Runtime that runs the Keras model.
        given: Runtime that runs the exported file.
        images: ``(N, H, W, 3)`` uint8 RGB images of the network's input size.
        precision: Precision of the file: ``fp32``, ``fp16`` or ``int8``.

    Returns:
        Number of images, largest differences from the Keras model, and share of its detections that the file finds.

    Raises:
        RunFailed: If the file does not detect the same as the Keras model.
    """
    schema, original, written = expected.schema, expected.run(images), given.run(images)
    if not given.has_nms and not all(np.isfinite(values).all() for values in written.values()):
        raise RunFailed("export: the exported model computes numbers that are not finite, so the file was removed")
    wanted, got = _read(expected, original), _read(given, written)
    found = share_found(wanted, got, schema)
    if precision == "fp32":
        if given.has_nms:
            worst = difference_of_detections(wanted, got, schema)
        else:
            worst = difference(original, written, schema)
        if not worst.is_small:
            raise RunFailed(
                f"export: the exported model differs from the original: boxes by {worst.pixels:.2g} pixels, scores "
                f"by {worst.score:.2g}; the file was removed"
            )
        if given.has_nms and found is not None and found < LEAST_FOUND:  # lists of one detection are all edge
            raise RunFailed(
                f"export: the exported model finds {found:.0%} of the original's detections; the file was removed"
            )
        return Check(len(images), worst, found)
    if found is not None and found < LEAST_FOUND:
        raise RunFailed(
            f"export: the written model finds {found:.0%} of the original's detections; the file was removed. Choose "
            "a higher precision, or for int8 other images to calibrate with"
        )
    return Check(len(images), None, found)


def difference_of_detections(expected: Sequence[Selected], given: Sequence[Selected], schema: Schema) -> Difference:
    """Compare detections one by one, each with the nearest detection of the other model.

    Detections without a match whose scores are at the threshold, or at the lowest of a full list, are ignored, because
    rounding decides whether they are included.

    Args:
        expected: Detections of each image by the Keras model.
        given: Detections of each image by the exported file.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.

    Returns:
        Largest differences in score and box. They are infinite if a larger share of the detections than :data:`MISSED`
        has no match.
    """
    near = [_nearest(*pair, schema) for one, other in zip(expected, given, strict=True) for pair in _both(one, other)]
    score, pixels = (np.concatenate(values) for values in zip(*near, strict=True))
    same = (score <= SCORE) & (pixels <= PIXELS)
    if (~same).sum() > MISSED * len(same):
        return Difference(np.inf, np.inf)
    return Difference(float(score[same].max(initial=0)), float(pixels[same].max(initial=0)))


def _both(one: Selected, other: Selected) -> tuple[tuple[Selected, Selected], tuple[Selected, Selected]]:
    return (one, other), (other, one)


def _nearest(some: Selected, others: Selected, schema: Schema) -> tuple[np.ndarray, np.ndarray]:
    """Distance in score and box to the nearest of ``others``, infinite without one.

    Detections at the threshold are ignored if none of ``others`` is like them.
    """
    height, width = schema.network.size
    scale = np.array((width, height, width, height), np.float32)
    full = len(some.scores) == schema.detect.per_image
    edge = max(schema.detect.score, float(some.scores[-1]) if full else 0.0)
    pixels = abs(np.clip(some.boxes, 0, 1)[:, None] - np.clip(others.boxes, 0, 1)) * scale  # (K, L, 4)
    score = abs(some.scores[:, None] - others.scores)
    apart = np.maximum(pixels.max(axis=2, initial=0) / PIXELS, score / SCORE)
    apart[some.labels[:, None] != others.labels] = np.inf
    least = apart.min(axis=1, initial=np.inf)
    counts = (some.scores > edge + SCORE) | (least <= 1)
    if not len(others.scores):
        return np.full(counts.sum(), np.inf), np.full(counts.sum(), np.inf)
    at = np.arange(len(some.scores)), apart.argmin(axis=1)
    nowhere = np.isinf(least)
    far_score, far_pixels = np.where(nowhere, np.inf, score[at]), np.where(nowhere, np.inf, pixels.max(axis=2)[at])
    return far_score[counts], far_pixels[counts]


def share_found(expected: Sequence[Selected], given: Sequence[Selected], schema: Schema) -> float | None:
    """Share of the expected detections above ``detect.show`` that the file finds, with equal class and similar box.

    Args:
        expected: Detections of each image by the Keras model.
        given: Detections of each image by the exported file.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.

    Returns:
        Share in [0, 1]. None if no expected detection is above ``detect.show``.
    """
    hits: list[bool] = []
    for one, other in zip(expected, given, strict=True):
        shown = one.keep(one.scores > schema.detect.show)
        alike = shown.labels[:, None] == other.labels
        hits.extend((alike & (iou(shown.boxes, other.boxes) > SAME_THING)).any(axis=1))
    return float(np.mean(hits)) if hits else None


def _read(runtime: Runtime, outputs: Outputs) -> list[Selected]:
    """Read the detections of each input with scores above ``detect.score``."""
    schema = runtime.schema
    reader = reader_for(runtime, schema.make_priors())
    thresholds = np.full(len(schema.classes), schema.detect.score)
    return [reader.read(output, schema.detect, thresholds) for output in split_batch(outputs)]
