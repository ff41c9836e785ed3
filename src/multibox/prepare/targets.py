"""Targets: what the network should say for each prior."""

from collections.abc import Sequence

import numpy as np

from multibox.boxes import VARIANCES, encode
from multibox.config import Match
from multibox.data.record import Objects
from multibox.prepare.atss import match_atss
from multibox.prepare.match import NO_OBJECT, match, over_crowd
from multibox.priors import Grid

IGNORED = -1
BACKGROUND = 0
PAPER = Match()


def make_targets(
    objects_rel: Objects,
    priors_rel: np.ndarray,
    *,
    config: Match = PAPER,
    grids: Sequence[Grid] = (),
    variances: tuple[float, ...] = VARIANCES,
) -> tuple[np.ndarray, np.ndarray]:
    """Say for each prior what is there, and how to move it there.

    Args:
        objects_rel: the objects of the image, N of them, their boxes relative to it and of positive area.
        priors_rel: ``(P, 4)``.
        config: which prior answers for which object.
        grids: of the priors, see :func:`multibox.priors.prior_grids`; where ``config.method`` is ``atss``.
        variances: of the deltas.

    Returns:
        ``(P,)`` int32 classes: 0 background, k + 1 the user's class k, -1 neither (over a crowd);
        ``(P, 4)`` float32 deltas, 0 where there is no object.
    """
    crowd = objects_rel.crowd
    boxes_rel, labels = objects_rel.boxes[~crowd], objects_rel.labels[~crowd]
    matches = find_matches(boxes_rel, priors_rel, config, grids)  # (P,)
    positive = np.flatnonzero(matches != NO_OBJECT)

    classes = np.full(len(priors_rel), BACKGROUND, np.int32)
    classes[over_crowd(objects_rel.boxes[crowd], priors_rel, config.iou)] = IGNORED
    classes[positive] = labels[matches[positive]] + 1

    deltas = np.zeros((len(priors_rel), 4), np.float32)
    deltas[positive] = encode(boxes_rel[matches[positive]], priors_rel[positive], variances)
    return classes, deltas


def find_matches(
    boxes_rel: np.ndarray, priors_rel: np.ndarray, config: Match, grids: Sequence[Grid] = ()
) -> np.ndarray:
    """Give priors their objects, by the method that is configured.

    Args:
        boxes_rel: ``(N, 4)`` objects, relative to the image; N may be 0.
        priors_rel: ``(P, 4)``.
        config: the method and its numbers.
        grids: as :func:`make_targets` takes them.

    Returns:
        ``(P,)`` int64: the position of each prior's object, or -1 for none.
    """
    if config.method == "atss":
        return match_atss(boxes_rel, priors_rel, grids, config.candidates)
    return match(boxes_rel, priors_rel, config.iou)
