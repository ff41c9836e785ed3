"""What speaks for and against labels and detections: a few numbers for each, from a network's boxes in the image."""

from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np

from multibox.boxes import areas, intersections, iou
from multibox.data.record import Objects
from multibox.labelling.sight import FLOOR, Sight

SAME: Final = 0.5
"""IoU from which two boxes count as the same place."""

NEAR: Final = 0.1
"""IoU from which a detection may be meant by a label that is badly placed."""

NONE: Final = -1


@dataclass(frozen=True, eq=False)
class Columns:
    """Base class of tables whose fields are arrays of equal length."""

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    @classmethod
    def join(cls, parts: "list[Self]") -> Self:
        """Concatenate tables."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)))


@dataclass(frozen=True, eq=False)
class Labelled(Columns):
    """What a network says about N labels.

    Attributes:
        labels: ``(N,)`` int64 class of each label.
        side: ``(N,)`` side of a square of the label's area, as a share of the image's side.
        own: ``(N,)`` highest score of the label's class at boxes of an IoU of at least :data:`SAME` with the label.
        other: ``(N,)`` highest score of any other class there.
        other_label: ``(N,)`` int64 class of that score.
        claim: ``(N,)`` score of the detection of the label's class that fits it best, which may be somewhat beside it.
        claim_iou: ``(N,)`` IoU of that detection with the label. 0 without one.
        claim_box: ``(N, 4)`` box of that detection. The label's own box without one.
        twin: ``(N,)`` IoU with another label of the same class that the network's boxes fit better.
        best_iou: ``(N,)`` largest IoU of the label with a box around that detection, before non-maximum suppression.
            Among many boxes one fits a right label well, even where the best-scored one does not.
    """

    labels: np.ndarray
    side: np.ndarray
    own: np.ndarray
    other: np.ndarray
    other_label: np.ndarray
    claim: np.ndarray
    claim_iou: np.ndarray
    claim_box: np.ndarray
    twin: np.ndarray
    best_iou: np.ndarray


@dataclass(frozen=True, eq=False)
class Unlabelled(Columns):
    """D detections of which no label tells.

    Attributes:
        labels: ``(D,)`` int64 class of each detection.
        side: ``(D,)`` side of a square of the detection's area, as a share of the image's side.
        score: ``(D,)`` score of each detection.
        beside: ``(D,)`` largest IoU with a label of any class.
        inside: ``(D,)`` largest share of the smaller of two boxes that the detection and a label have in common.
        boxes: ``(D, 4)`` boxes of the detections.
    """

    labels: np.ndarray
    side: np.ndarray
    score: np.ndarray
    beside: np.ndarray
    inside: np.ndarray
    boxes: np.ndarray


def judge_labels(
    sight: Sight, boxes: np.ndarray, labels: np.ndarray, context: Objects, place: np.ndarray, image_side: float
) -> Labelled:
    """Collect what a network says about labels.

    Args:
        sight: Boxes of the network in the image.
        boxes: ``(N, 4)`` boxes of the labels.
        labels: ``(N,)`` classes of the labels.
        context: The labels of the image, among which each of the N is judged.
        place: ``(N,)`` position in ``context`` of the label that each of the N stands for, or :data:`NONE`.
        image_side: Side of a square of the image's area, pixels.
    """
    rows = np.arange(len(labels))
    at = np.where((iou(boxes, sight.boxes) >= SAME)[:, :, None], sight.scores[None], 0).max(axis=1, initial=0)
    own = at[rows, labels]
    at[rows, labels] = -1
    other_label = at.argmax(axis=1) if at.shape[1] > 1 else labels
    other = np.maximum(at[rows, other_label], 0)
    same_class = labels[:, None] == context.labels[None]
    is_self = place[:, None] == np.arange(len(context))[None]
    rivals = same_class & ~is_self  # (N, M)
    claim, claim_iou, claim_box = _claims(sight, boxes, labels, context, rivals)
    twin = np.where(rivals, iou(boxes, context.boxes), 0)
    best = twin.argmax(axis=1) if len(context) else np.zeros(len(labels), np.int64)
    theirs = _fit(sight, context.boxes, context.labels)[best] if len(context) else np.zeros(len(labels))
    twin = np.where(theirs >= _fit(sight, boxes, labels), twin.max(axis=1, initial=0), 0)
    return Labelled(
        labels,
        np.sqrt(areas(boxes)) / image_side,
        own,
        other,
        other_label,
        claim,
        claim_iou,
        claim_box,
        twin,
        _best_iou(sight, boxes, labels, claim, claim_box),
    )


def _best_iou(
    sight: Sight, boxes: np.ndarray, labels: np.ndarray, claim: np.ndarray, claim_box: np.ndarray
) -> np.ndarray:
    """``(N,)`` largest IoU of each label with a box around its claim whose score is at least half of the claim's."""
    scores = sight.scores[:, labels].T  # (N, K)
    around = (iou(claim_box, sight.boxes) >= SAME) & (scores >= 0.5 * claim[:, None]) & (claim > 0)[:, None]
    return np.where(around, iou(boxes, sight.boxes), 0).max(axis=1, initial=0)


def _fit(sight: Sight, boxes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """``(N,)`` largest product of score and IoU of the detections of each label's class with the label."""
    found = sight.found
    value = np.where(labels[:, None] == found.labels[None], iou(boxes, found.boxes) * found.scores[None], 0)
    return value.max(axis=1, initial=0)


def _claims(
    sight: Sight, boxes: np.ndarray, labels: np.ndarray, context: Objects, rivals: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score, IoU and box of the detection that each label may mean: one that fits no rival better."""
    found = sight.found
    overlap = iou(boxes, found.boxes)  # (N, D)
    if len(found) == 0:
        return np.zeros(len(boxes)), np.zeros(len(boxes)), boxes
    theirs = iou(context.boxes, found.boxes)  # (M, D)
    taken = np.where(rivals[:, :, None], theirs[None], 0).max(axis=1, initial=0)  # (N, D)
    free = (labels[:, None] == found.labels[None]) & (overlap >= NEAR) & (overlap >= taken)
    value = np.where(free, overlap * found.scores[None], 0)
    best, rows = value.argmax(axis=1), np.arange(len(boxes))
    any_ = value[rows, best] > 0
    return (
        np.where(any_, found.scores[best], 0),
        np.where(any_, overlap[rows, best], 0),
        np.where(any_[:, None], found.boxes[best], boxes),
    )


def judge_detections(sight: Sight, context: Objects, image_side: float) -> Unlabelled:
    """Collect the detections of which no label tells.

    A detection is told of by a label of any class at the same place, by a crowd that covers it, and by a label of its
    class that has no better detection. Of several detections at one place the best remains.

    Args:
        sight: Boxes of the network in the image.
        context: The labels of the image.
        image_side: Side of a square of the image's area, pixels.
    """
    found = sight.found
    overlap = iou(context.boxes, found.boxes)  # (M, D)
    told = (overlap >= SAME).sum(axis=0) > 0
    in_crowd = intersections(context.boxes[context.crowd], found.boxes) >= SAME * areas(found.boxes)
    told[in_crowd.any(axis=0)] = True
    for i in range(len(context)):
        mine = np.where(found.labels == context.labels[i], overlap[i] * found.scores, 0)
        if mine.max(initial=0) > 0 and overlap[i, mine.argmax()] >= NEAR:
            told[mine.argmax()] = True
    rows = np.flatnonzero(~told & (found.scores > FLOOR))
    kept: list[int] = []
    for row in rows:  # the best first
        if not kept or iou(found.boxes[[row]], found.boxes[kept]).max() < SAME:
            kept.append(int(row))
    return _unlabelled(sight, np.array(kept, np.int64), context.boxes, image_side)


def _unlabelled(sight: Sight, rows: np.ndarray, labels: np.ndarray, image_side: float) -> Unlabelled:
    found = sight.found
    boxes = found.boxes[rows]
    smaller = np.minimum(areas(boxes)[:, None], areas(labels)[None])
    inside = intersections(boxes, labels) / np.maximum(smaller, np.finfo(np.float32).tiny)
    return Unlabelled(
        found.labels[rows],
        np.sqrt(areas(boxes)) / image_side,
        found.scores[rows],
        iou(boxes, labels).max(axis=1, initial=0),
        inside.max(axis=1, initial=0),
        boxes,
    )


def judge_as_if_missing(sight: Sight, context: Objects, which: np.ndarray, image_side: float) -> Unlabelled:
    """The detections that would be without a label if a label were missing, for one label after the other.

    Args:
        sight: Boxes of the network in the image.
        context: The labels of the image.
        which: Positions of the labels that are left out in turn. Labels without a detection give nothing.
        image_side: Side of a square of the image's area, pixels.
    """
    found, parts = sight.found, []
    overlap = iou(context.boxes, found.boxes)
    for i in which:
        mine = np.where((found.labels == context.labels[i]) & (overlap[i] >= SAME), found.scores, 0)
        if mine.max(initial=0) > FLOOR:
            others = np.delete(context.boxes, i, axis=0)
            parts.append(_unlabelled(sight, np.array([mine.argmax()]), others, image_side))
    return Unlabelled.join(parts) if parts else _unlabelled(sight, np.zeros(0, np.int64), context.boxes, image_side)
