"""Training targets: the class and the box deltas that the network should predict for each prior."""

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
    """Make the targets of each prior: a class, and the deltas that move the prior onto its object.

    Args:
        objects_rel: N objects of the image. Their boxes are relative to the image and have a positive area.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of the priors, relative to the image.
        config: Method and thresholds of matching.
        grids: Layout of each map's priors, as :func:`multibox.priors.prior_grids` returns it. Needed by the method
            ``atss`` only.
        variances: Divisors of the four deltas (centre x, centre y, width, height), such as (0.1, 0.1, 0.2, 0.2).

    Returns:
        ``(P,)`` int32 classes: 0 for background, k + 1 for class k, and -1 for priors to ignore (over a crowd). And
        ``(P, 4)`` float32 deltas, 0 for priors without an object.
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
    """Match priors to objects by the configured method.

    Args:
        boxes_rel: ``(N, 4)`` corners x0, y0, x1, y1 of the objects, relative to the image. N may be 0.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of the priors, relative to the image.
        config: Method and thresholds of matching.
        grids: Layout of each map's priors, as :func:`multibox.priors.prior_grids` returns it. Needed by the method
            ``atss`` only.

    Returns:
        ``(P,)`` int64: the position of each prior's object, or -1 for none.
    """
    if config.method == "atss":
        return match_atss(boxes_rel, priors_rel, grids, config.candidates)
    return match(boxes_rel, priors_rel, config.iou)
