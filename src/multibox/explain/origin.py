"""The origin of detections: the prior of each, the arithmetic of its box, and the boxes that it removed.

The steps are those of :class:`~multibox.detect.detector.Detector`, with the same functions. Only the origin of each box
is kept as well.
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
    """The prior of a detection.

    Attributes:
        box: Corners, pixels of the image. They may lie beyond it.
        box_rel: Centre and size ``cx, cy, w, h``, relative to the network's input.
    """

    box: Box
    box_rel: Box


@dataclass(frozen=True)
class Formula:
    """A line of arithmetic.

    Attributes:
        text: Formula with numbers, such as ``cx = 0.31 + 0.52 * 0.1 * 0.2``.
        value: Result of the detector.
    """

    text: str
    value: float


@dataclass(frozen=True)
class Decoding:
    """How the network's deltas become a box (the inverse of SSD section 2.2, equation 2).

    Attributes:
        prior_cxcywh: Centre and size of the prior, relative to the network's input.
        deltas: Deltas of cx, cy, w and h from the network.
        variances: Factors of the deltas.
        steps: Formulas that lead to the box.
        box_rel: Corners, relative to the network's input, not clipped at its edges.
    """

    prior_cxcywh: Box
    deltas: Box
    variances: Box
    steps: tuple[Formula, ...]
    box_rel: Box


@dataclass(frozen=True)
class Removed:
    """A box that non-maximum suppression removed because of a better one.

    Attributes:
        box: Corners, pixels of the image.
        score: Score in [0, 1].
        iou: IoU with the better box.
        prior: Index of its prior.
    """

    box: Box
    score: float
    iou: float
    prior: int


@dataclass(frozen=True)
class Explained:
    """A detection and its origin.

    Attributes:
        label: Label of its class.
        name: Name of its class.
        score: Score in [0, 1].
        box: Corners, pixels of the image.
        prior: Prior of the detection.
        logits: Logits of the prior from the network: background first, then each class.
        scores: Score of each class.
        deltas: Deltas of the prior from the network.
        decode: Arithmetic of the box.
        removed: Boxes that the detection removed, the best first.
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
    """An image and all of its detections.

    Attributes:
        width: Width of the image, pixels.
        height: Height of the image, pixels.
        input: Height and width of the network's input, pixels.
        window: Part of the image that the input shows, as corners in pixels of the image. A letterbox reaches beyond
            the image.
        detections: Detections in the order of the detector, the best first.
    """

    width: int
    height: int
    input: tuple[int, int]
    window: Box
    detections: tuple[Explained, ...]


def explain_detections(detector: Detector, image: np.ndarray, score: float | None = None) -> ExplainedImage:
    """Detect objects in an image, and explain the origin of each detection.

    Args:
        detector: The detector.
        image: ``(H, W, 3)`` uint8 RGB, upright.
        score: Score that detections must exceed. Without it, the thresholds of the model are used.

    Returns:
        The same detections as those of ``detector(image, score=score)``, explained.

    Raises:
        BadInput: If the detector cannot be explained, as :func:`refuse_unexplained` decides.
    """
    refuse_unexplained(detector)
    prepared = detector.prepare(image)
    return explain_outputs(detector, prepared, detector.run([prepared])[0], score)


def refuse_unexplained(detector: Detector) -> None:
    """Refuse a detector that does more than the steps of SSD, or does them inside the model file.

    Args:
        detector: The detector.

    Raises:
        BadInput: If non-maximum suppression is part of the model file, or the detector uses several views of an image.
    """
    if detector.runtime.has_nms:
        raise BadInput("model", "NMS is part of its file, so nothing is left to explain; export it without NMS")
    if detector.tiles or detector.tta != AS_IT_IS:
        raise BadInput(
            "model", "detections from tiles or several views cannot be explained; load it without tiles and tta"
        )


def explain_outputs(
    detector: Detector, prepared: Prepared, outputs: Sequence[Outputs], score: float | None = None
) -> ExplainedImage:
    """Explain the detections in an image, from outputs of the network.

    Args:
        detector: The detector.
        prepared: The prepared image.
        outputs: Outputs of the network for this image.
        score: Score that detections must exceed. Without it, the thresholds of the model are used.

    Returns:
        The detections, explained.
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

    It is the best of the remaining boxes that overlap the removed box enough. Soft-NMS lowers scores step by step, so
    there it is the box with the largest overlap, because that one has lowered the score most.

    Args:
        candidates: K candidates.
        boxes: ``(K, 4)`` boxes of the candidates.
        stays: ``(K,)`` bool, true for boxes that remain.
        config: Kind of suppression, and its largest overlap.

    Returns:
        ``(K,)`` int64 rows of the removing candidates, or :data:`NOBODY` for boxes that remain or were removed only for
        their score. And ``(K,)`` float32 overlaps with them.
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
        prior_rel: ``(4,)`` corners, relative to the network's input.
        deltas: ``(4,)`` float32 from the network.
        variances: Variances of the four deltas.

    Returns:
        Eight lines: the centre and the size, then the corners.
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
