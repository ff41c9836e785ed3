"""Targets: what the network should say for each prior."""

import numpy as np

from multibox.boxes import VARIANCES, encode
from multibox.data.record import Objects
from multibox.prepare.match import NO_OBJECT, match, over_crowd

IGNORED = -1
BACKGROUND = 0


def make_targets(
    objects_rel: Objects,
    priors_rel: np.ndarray,
    *,
    iou: float = 0.5,
    variances: tuple[float, ...] = VARIANCES,
) -> tuple[np.ndarray, np.ndarray]:
    """Say for each prior what is there, and how to move it there.

    Args:
        objects_rel: the objects of the image, N of them, their boxes relative to it and of positive area.
        priors_rel: ``(P, 4)``.
        iou: from which a prior answers for an object.
        variances: of the deltas.

    Returns:
        ``(P,)`` int32 classes: 0 background, k + 1 the user's class k, -1 neither (over a crowd);
        ``(P, 4)`` float32 deltas, 0 where there is no object.
    """
    crowd = objects_rel.crowd
    boxes_rel, labels = objects_rel.boxes[~crowd], objects_rel.labels[~crowd]
    matches = match(boxes_rel, priors_rel, iou)  # (P,)
    positive = np.flatnonzero(matches != NO_OBJECT)

    classes = np.full(len(priors_rel), BACKGROUND, np.int32)
    classes[over_crowd(objects_rel.boxes[crowd], priors_rel, iou)] = IGNORED
    classes[positive] = labels[matches[positive]] + 1

    deltas = np.zeros((len(priors_rel), 4), np.float32)
    deltas[positive] = encode(boxes_rel[matches[positive]], priors_rel[positive], variances)
    return classes, deltas
