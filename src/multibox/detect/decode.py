"""From the network's numbers to scores and boxes, before anything is left out (SSD section 2.2, "Inference")."""

import numpy as np

from multibox import boxes as box_math


def scores_of(logits: np.ndarray) -> np.ndarray:
    """Turn logits into the probabilities of the user's classes.

    Args:
        logits: ``(P, C + 1)`` as the network gives them; column 0 is background.

    Returns:
        ``(P, C)`` float32 in [0, 1]: the softmax over all columns, without background's.
    """
    by_class = np.ascontiguousarray(logits.T, np.float32)  # (C + 1, P): sums over long rows are several times faster
    by_class -= by_class.max(axis=0)
    np.exp(by_class, out=by_class)
    by_class /= by_class.sum(axis=0)
    return by_class[1:].T


def decode(
    logits: np.ndarray,
    deltas: np.ndarray,
    priors_rel: np.ndarray,
    variances: tuple[float, ...] = box_math.VARIANCES,
    above: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Read one image's output.

    Args:
        logits: ``(P, C + 1)``; column 0 is background.
        deltas: ``(P, 4)`` from the priors, as :func:`multibox.boxes.encode` gives them.
        priors_rel: ``(P, 4)`` corners, relative to the network's input.
        variances: of the deltas.
        above: priors without any score above this are left out, which most are.

    Returns:
        of the K priors that are left, in their order: ``(K, C)`` scores in [0, 1], and ``(K, 4)`` float32 corners
        relative to the input, not clipped to it.
    """
    scores = scores_of(logits)
    live = np.flatnonzero(scores.max(axis=1, initial=0) > above)
    boxes_rel = box_math.decode(np.asarray(deltas[live], np.float32), priors_rel[live], variances)
    return scores.T[:, live].T, boxes_rel  # still stored class by class, as the choice by class reads them
