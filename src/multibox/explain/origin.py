"""The origin of detections: the prior of each, the arithmetic of its box, and the boxes that it suppressed.

The steps are those of :class:`~multibox.detect.detector.Detector`, with the same functions. In addition, the prior of
each box is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from multibox.boxes import areas, decode_centers, to_centers, to_corners
from multibox.config import Detect
from multibox.detect.detector import Detector, clip_to
from multibox.detect.prepare_image import Prepared
from multibox.detect.views import AS_IT_IS
from multibox.errors import BadInput
from multibox.evaluation.voc import by_score
from multibox.explain.cells import Box, Place, as_box, place_of
from multibox.postprocess.decode import scores_of
from multibox.postprocess.groups import overlaps
from multibox.postprocess.nms import Candidates, rank, settle_overlaps
from multibox.runtimes.outputs import Outputs

NOBODY = -1


@dataclass(frozen=True)
class Prior(Place):
    """The prior that a detection comes from.

    Attributes:
        box: Corners x0, y0, x1, y1 of the prior in pixels of the image. They may be outside the image.
        box_rel: Centre and size ``cx, cy, w, h`` of the prior, relative to the network's input.
    """

    box: Box
    box_rel: Box


@dataclass(frozen=True)
class Formula:
    """One line of the arithmetic that decodes a box.

    Attributes:
        text: The formula with its numbers, such as ``cx = 0.31 + 0.52 * 0.1 * 0.2``.
        value: Result of the formula, as the detector computed it.
    """

    text: str
    value: float


@dataclass(frozen=True)
class Decoding:
    """How a prior and the network's deltas become a box (the inverse of SSD section 2.2, equation 2).

    Attributes:
        prior_cxcywh: Centre and size ``cx, cy, w, h`` of the prior, relative to the network's input.
        deltas: Deltas of cx, cy, w and h that the network returned.
        variances: Factors that the deltas of cx, cy, w and h are multiplied with.
        steps: Formulas from the prior to the corners of the box, in order.
        box_rel: Corners x0, y0, x1, y1 of the decoded box, relative to the network's input and not clipped at its
            edges.
    """

    prior_cxcywh: Box
    deltas: Box
    variances: Box
    steps: tuple[Formula, ...]
    box_rel: Box


@dataclass(frozen=True)
class Removed:
    """A box that non-maximum suppression removed because a box of higher score overlaps it.

    Attributes:
        box: Corners x0, y0, x1, y1 of the removed box in pixels of the image.
        score: Score of the removed box, in [0, 1].
        iou: IoU of the removed box with the box of higher score, in [0, 1].
        prior: Index of the removed box's prior among all priors.
    """

    box: Box
    score: float
    iou: float
    prior: int


@dataclass(frozen=True)
class Explained:
    """A detection with its prior, its arithmetic and the boxes that it suppressed.

    Attributes:
        label: Label of the detected class, from 0.
        name: Name of the detected class.
        score: Score of the detection, in [0, 1].
        box: Corners x0, y0, x1, y1 of the detection in pixels of the image.
        prior: Prior that the detection comes from.
        logits: Logits that the network returned for the prior: background first, then each class.
        scores: Score of each class at the prior, in [0, 1].
        deltas: Deltas of cx, cy, w and h that the network returned for the prior.
        decode: Arithmetic from the prior to the box.
        removed: Boxes that non-maximum suppression removed because of this detection, the highest score first.
    """

    label: int
    name: str
    score: float
    box: Box
    prior: Prior
    logits: tuple[float, ...]
    scores: tuple[float, ...]
    deltas: Box
    decode: Decoding
    removed: tuple[Removed, ...]


@dataclass(frozen=True)
class ExplainedImage:
    """An image with all of its detections explained.

    Attributes:
        width: Width of the image in pixels.
        height: Height of the image in pixels.
        input: Height and width of the network's input in pixels.
        window: Region of the image that the network's input shows: corners x0, y0, x1, y1 in pixels of the image. With
            a letterbox it reaches beyond the image.
        detections: Explained detections, the highest score first.
    """

    width: int
    height: int
    input: tuple[int, int]
    window: Box
    detections: tuple[Explained, ...]


def explain_detections(detector: Detector, image: np.ndarray, score: float | None = None) -> ExplainedImage:
    """Detect objects in an image, and explain where each detection comes from.

    Args:
        detector: Detector to run and explain.
        image: Pixels of the upright image, ``(H, W, 3)`` uint8 RGB.
        score: Score that detections must exceed, in [0, 1]. Without it, the model's thresholds are used.

    Returns:
        The detections of ``detector(image, score=score)``, explained.

    Raises:
        BadInput: If NMS is part of the model file, or the detector uses several views of an image, or tiles of it.
    """
    prepared = prepare_explained(detector, image)
    return explain_outputs(detector, prepared, detector.run([prepared])[0], score)


def prepare_explained(detector: Detector, image: np.ndarray) -> Prepared:
    """Prepare an image for a detector whose steps are to be explained.

    Args:
        detector: Detector to explain.
        image: Pixels of the upright image, ``(H, W, 3)`` uint8 RGB.

    Returns:
        The image as the network takes it, with one input.

    Raises:
        BadInput: If NMS is part of the model file, or the detector uses several views of an image, or tiles of it.
    """
    if detector.runtime.has_nms:
        raise BadInput(
            "model", "NMS is part of the model file, so detections cannot be explained; export the model without NMS"
        )
    prepared = detector.prepare(image)
    if len(prepared.regions) > 1 or detector.tta != AS_IT_IS:
        raise BadInput(
            "model",
            "detections from tiles or several views cannot be explained; load the model with tiles=none and without "
            "tta, or give an image that is no larger than a tile",
        )
    return prepared


def explain_outputs(
    detector: Detector, prepared: Prepared, outputs: Sequence[Outputs], score: float | None = None
) -> ExplainedImage:
    """Explain the detections in an image, from given network outputs.

    Args:
        detector: Detector whose priors and configuration are used.
        prepared: Image as the network takes it, from :meth:`~multibox.detect.detector.Detector.prepare`.
        outputs: Logits and deltas that the network returned for this image.
        score: Score that detections must exceed, in [0, 1]. Without it, the model's thresholds are used.

    Returns:
        The image with its detections explained.
    """
    schema, config, least = detector.schema, detector.config, detector.thresholds(score)
    (view,), (region,), (output,) = prepared.views, prepared.regions, outputs
    logits, deltas = output["classes"], np.asarray(output["boxes"], np.float32)
    variances = schema.priors.variances

    scores = scores_of(logits, schema.activation)  # (P, C)
    boxes_rel = to_corners(decode_centers(deltas, detector.priors_rel, variances))  # (P, 4)
    candidates = rank(scores, config, least)  # K
    stays, left = settle_overlaps(candidates, boxes_rel[candidates.priors], config, least)
    boxes = clip_to(view.to_image(boxes_rel[candidates.priors]), region)  # (K, 4)
    kept = np.flatnonzero(stays)
    kept = kept[by_score(left[kept])][: config.per_image]
    kept = kept[areas(boxes[kept]) > 0]

    remover, iou = who_removed(candidates, boxes_rel[candidates.priors], stays, config)
    detections = []
    for row in kept.tolist():
        prior, label = int(candidates.priors[row]), int(candidates.labels[row])
        gone = np.flatnonzero(remover == row)
        gone = gone[by_score(candidates.scores[gone])]
        detections.append(
            Explained(
                label=label,
                name=schema.classes[label],
                score=float(left[row]),
                box=as_box(boxes[row]),
                prior=_prior(detector, prior, view.to_image(detector.priors_rel[prior])),
                logits=tuple(np.asarray(logits[prior], np.float32).tolist()),
                scores=tuple(scores[prior].tolist()),
                deltas=as_box(deltas[prior]),
                decode=explain_decoding(detector.priors_rel[prior], deltas[prior], variances),
                removed=tuple(
                    Removed(as_box(boxes[i]), float(candidates.scores[i]), float(iou[i]), int(candidates.priors[i]))
                    for i in gone.tolist()
                ),
            )
        )
    (height, width), window = prepared.image_size, view.window
    shown = (window.x0, window.y0, window.x1, window.y1)
    return ExplainedImage(width, height, schema.network.size, shown, tuple(detections))


def who_removed(
    candidates: Candidates, boxes: np.ndarray, stays: np.ndarray, config: Detect
) -> tuple[np.ndarray, np.ndarray]:
    """Find the box that removed each removed box.

    This is the highest-scored of the remaining boxes that overlap the removed box enough. Soft-NMS lowers scores step
    by step, so with Soft-NMS it is the box with the largest overlap, which lowered the score most.

    Args:
        candidates: K candidate detections before suppression, by group, and in falling order of score within each
            group.
        boxes: ``(K, 4)`` corners x0, y0, x1, y1 of the candidates' boxes, relative to the network's input.
        stays: ``(K,)`` bool, whether each box remains after suppression.
        config: Detection configuration with the kind of suppression and its IoU limit.

    Returns:
        ``(K,)`` int64 index of the candidate that removed each box, and ``(K,)`` float32 IoU with it. The index is
        :data:`NOBODY` for boxes that remain, or that were removed only because of their score.
    """
    remover, iou = np.full(len(boxes), NOBODY), np.zeros(len(boxes), np.float32)
    for group in np.unique(candidates.groups[~stays]):
        members = np.flatnonzero(candidates.groups == group)
        winners, losers = members[stays[members]], members[~stays[members]]
        if not winners.size:
            continue
        overlap = overlaps(boxes[winners][None], boxes[losers][None])[0]  # (W, L)
        best = (overlap > config.nms_iou if config.nms == "hard" else overlap).argmax(axis=0)
        found = overlap[best, np.arange(len(losers))]
        remover[losers], iou[losers] = np.where(found > 0, winners[best], NOBODY), found
    return remover, iou


def explain_decoding(prior_rel: np.ndarray, deltas: np.ndarray, variances: Sequence[float]) -> Decoding:
    """Write out the arithmetic from a prior and its deltas to a box.

    Args:
        prior_rel: ``(4,)`` corners x0, y0, x1, y1 of the prior, relative to the network's input.
        deltas: ``(4,)`` float32 deltas of cx, cy, w and h that the network returned.
        variances: Factors that the deltas of cx, cy, w and h are multiplied with.

    Returns:
        Eight formulas: for the centre and the size, then for the corners.
    """
    prior, box = to_centers(prior_rel), decode_centers(deltas, prior_rel, tuple(variances))
    corners = to_corners(box)
    steps = [
        Formula(
            f"{name} = {prior[i]:.4g} {_signed(deltas[i])} * {variances[i]:.4g} * {prior[i + 2]:.4g}", float(box[i])
        )
        for i, name in ((0, "cx"), (1, "cy"))
    ]
    steps += [
        Formula(f"{name} = {prior[i]:.4g} * exp({deltas[i]:.4g} * {variances[i]:.4g})", float(box[i]))
        for i, name in ((2, "w"), (3, "h"))
    ]
    steps += [
        Formula(f"{name} = {box[i % 2]:.4g} {sign} {box[i % 2 + 2]:.4g} / 2", float(corners[i]))
        for i, name, sign in ((0, "x0", "-"), (1, "y0", "-"), (2, "x1", "+"), (3, "y1", "+"))
    ]
    return Decoding(as_box(prior), as_box(deltas), as_box(variances), tuple(steps), as_box(corners))


def _prior(detector: Detector, index: int, box: np.ndarray) -> Prior:
    place = place_of(index, detector.schema, detector.priors_rel)
    return Prior(**vars(place), box=as_box(box), box_rel=as_box(to_centers(detector.priors_rel[index])))


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'} {abs(value):.4g}"
