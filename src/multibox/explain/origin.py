"""Detections: which prior each came from, how its box was worked out, and which boxes it removed.

It goes the way of :class:`~multibox.detect.detector.Detector`, with the same functions, and remembers where things are.
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
    """The prior that a detection came from.

    Attributes:
        box: corners, pixels of the picture; they may lie beyond it.
        box_rel: ``cx, cy, w, h`` relative to the network's input.
    """

    box: Box
    box_rel: Box


@dataclass(frozen=True)
class Step:
    """A line of arithmetic.

    Attributes:
        text: such as ``cx = 0.31 + 0.52 * 0.1 * 0.2``.
        value: what comes out, as the detector has it.
    """

    text: str
    value: float


@dataclass(frozen=True)
class Decoding:
    """How the network's deltas become a box (SSD section 2.2, equation 2, read backwards).

    Attributes:
        prior_cxcywh: the prior, relative to the network's input.
        deltas: as the network gives them: of cx, cy, w, h.
        variances: what deltas are multiplied with.
        steps: from these to the box.
        box_rel: corners, relative to the network's input, not cut off at its edges.
    """

    prior_cxcywh: Box
    deltas: Box
    variances: Box
    steps: tuple[Step, ...]
    box_rel: Box


@dataclass(frozen=True)
class Removed:
    """A box that non-maximum suppression removed for a better one.

    Attributes:
        box: corners, pixels of the picture.
        score: in [0, 1].
        iou: with the better one.
        prior: index of the prior that it came from.
    """

    box: Box
    score: float
    iou: float
    prior: int


@dataclass(frozen=True)
class Explained:
    """A detection and how it came about.

    Attributes:
        label: of its class.
        name: of its class.
        score: in [0, 1].
        box: corners, pixels of the picture.
        prior: that it came from.
        logits: what the network says of the prior: of background, then of each class.
        scores: what that makes of each class.
        deltas: what the network says of where the box is.
        decode: how the box was worked out.
        removed: the boxes that went for it, the best first.
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
class ExplainedPicture:
    """A picture and all of its detections.

    Attributes:
        width: of the picture, pixels.
        height: likewise.
        input: height and width of the network's input.
        window: what the input shows: corners, pixels of the picture; beyond it where the input is a letterbox.
        detections: the best first, as the detector gives them.
    """

    width: int
    height: int
    input: tuple[int, int]
    window: Box
    detections: tuple[Explained, ...]


def explain_detections(detector: Detector, image: np.ndarray, score: float | None = None) -> ExplainedPicture:
    """Detect in a picture, and say of each detection how it came about.

    Args:
        detector: the detector.
        image: ``(H, W, 3)`` uint8 RGB, upright.
        score: that detections must exceed; without it, the model's thresholds for people.

    Returns:
        the same detections as ``detector(image, score=score)``, explained.

    Raises:
        BadInput: see :func:`refuse_unexplained`.
    """
    refuse_unexplained(detector)
    prepared = detector.prepare(image)
    return explain_outputs(detector, prepared, detector.run([prepared])[0], score)


def refuse_unexplained(detector: Detector) -> None:
    """Refuse detectors that do more than the steps of SSD, or do them out of sight.

    Raises:
        BadInput: non-maximum suppression is inside the model file, or the detector looks at a picture several times.
    """
    if detector.runtime.has_nms:
        raise BadInput("model", "NMS runs inside its file, so nothing is left to explain; export it without NMS")
    if detector.tiles or detector.tta != AS_IT_IS:
        raise BadInput("model", "tiles and several views cannot be explained; load it without tiles and tta")


def explain_outputs(
    detector: Detector, prepared: Prepared, outputs: Sequence[Outputs], score: float | None = None
) -> ExplainedPicture:
    """Explain what the network says of a picture, where it has run already.

    Args:
        detector: the detector.
        prepared: the picture.
        outputs: of the network, for this picture.
        score: see :func:`explain_detections`.

    Returns:
        the detections, explained.
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
    return ExplainedPicture(width, height, schema.network.size, shown, tuple(detections))


def who_removed(
    candidates: Candidates, boxes: np.ndarray, stays: np.ndarray, config: Detect
) -> tuple[np.ndarray, np.ndarray]:
    """Find the box that each removed box went for.

    That is the best of those that stay and overlap it enough. Soft-NMS lowers scores step by step; there it is the one
    that overlaps it most, which has lowered its score most.

    Args:
        candidates: K of them.
        boxes: ``(K, 4)`` theirs.
        stays: ``(K,)`` bool.
        config: ``nms`` and ``nms_iou``.

    Returns:
        ``(K,)`` int64 rows of the candidates, :data:`NOBODY` for those that stay or fell for their score alone; and
        ``(K,)`` float32 the overlaps with them.
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
    """The arithmetic from a prior and its deltas to a box, with numbers.

    Args:
        prior_rel: ``(4,)`` corners, relative to the network's input.
        deltas: ``(4,)`` float32.
        variances: of the deltas.

    Returns:
        eight lines: the centre and the size, then the corners.
    """
    prior, box = to_centers(prior_rel), decode_centers(deltas, prior_rel, tuple(variances))
    corners = to_corners(box)
    steps = [
        Step(f"{name} = {prior[i]:.4g} {_signed(deltas[i])} * {variances[i]:.4g} * {prior[i + 2]:.4g}", float(box[i]))
        for i, name in ((0, "cx"), (1, "cy"))
    ]
    steps += [
        Step(f"{name} = {prior[i]:.4g} * exp({deltas[i]:.4g} * {variances[i]:.4g})", float(box[i]))
        for i, name in ((2, "w"), (3, "h"))
    ]
    steps += [
        Step(f"{name} = {box[i % 2]:.4g} {sign} {box[i % 2 + 2]:.4g} / 2", float(corners[i]))
        for i, name, sign in ((0, "x0", "-"), (1, "y0", "-"), (2, "x1", "+"), (3, "y1", "+"))
    ]
    return Decoding(as_box(prior), as_box(deltas), as_box(variances), tuple(steps), as_box(corners))


def _prior(detector: Detector, index: int, box: np.ndarray) -> Prior:
    place = place_of(index, detector.schema, detector.priors_rel)
    return Prior(**vars(place), box=as_box(box), box_rel=as_box(to_centers(detector.priors_rel[index])))


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'} {abs(value):.4g}"
