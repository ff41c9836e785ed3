"""Match: which prior answers for which object (SSD section 2.2, "Matching strategy")."""

import numpy as np

from multibox import boxes as box

NO_OBJECT = -1
LEAST_IOU = 1e-6
"""A pair that overlaps less is never made, not even for an object without another prior (Caffe's ``MatchBBox``)."""


def match(boxes_rel: np.ndarray, priors_rel: np.ndarray, threshold: float) -> np.ndarray:
    """Give priors their objects.

    First every object gets a prior of its own: of all pairs of an object and a prior, the one with the highest IoU is
    made, then the highest among those whose object and prior are both still free, and so on. Then every other prior
    takes the object it overlaps most, if their IoU reaches the threshold.

    So two objects never share their first prior, as they can where each object simply takes its best one, and no object
    is forgotten as long as a free prior overlaps it. Ties go to the object, then the prior, that comes first.

    Args:
        boxes_rel: ``(N, 4)`` objects, relative to the image; N may be 0.
        priors_rel: ``(P, 4)``.
        threshold: the IoU from which a prior answers for an object.

    Returns:
        ``(P,)`` int64: the position of each prior's object, or -1 for none.
    """
    matches = np.full(len(priors_rel), NO_OBJECT)
    if len(boxes_rel) == 0 or len(priors_rel) == 0:
        return matches
    overlaps = box.iou(boxes_rel, priors_rel)  # (N, P)
    close = np.flatnonzero(overlaps.max(axis=0) >= max(threshold, LEAST_IOU))
    matches[close] = overlaps[:, close].argmax(axis=0)
    objects, priors = match_exclusively(overlaps)
    matches[priors] = objects
    return matches


def match_exclusively(overlaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The greedy first part of :func:`match`.

    Looking for the highest of all N x P pairs N times would cost N^2 P. But a taken prior changes only the rows of the
    objects that had it as their best, so each object's best is kept and only theirs are looked for again.

    Args:
        overlaps: ``(N, P)`` IoU of objects and priors.

    Returns:
        ``(M,)`` objects and ``(M,)`` their priors, in the order in which the pairs were made; M is at most N.
    """
    overlaps = overlaps.copy()
    best_prior = overlaps.argmax(axis=1)  # (N,)
    best_overlap = overlaps.max(axis=1)  # (N,)
    pairs = []
    for _ in range(len(overlaps)):
        i = best_overlap.argmax()
        if best_overlap[i] <= LEAST_IOU:
            break
        taken = best_prior[i]
        pairs.append((i, taken))
        overlaps[:, taken] = -1
        best_overlap[i] = -1
        for j in np.flatnonzero((best_prior == taken) & (best_overlap >= 0)):
            best_prior[j] = overlaps[j].argmax()
            best_overlap[j] = overlaps[j, best_prior[j]]
    objects, priors = np.array(pairs, np.int64).reshape(-1, 2).T
    return objects, priors


def over_crowd(crowds_rel: np.ndarray, priors_rel: np.ndarray, threshold: float) -> np.ndarray:
    """Which priors lie over a crowd, a region with objects that nobody drew one by one.

    Args:
        crowds_rel: ``(N, 4)`` regions, relative to the image; N may be 0.
        priors_rel: ``(P, 4)``.
        threshold: the share of a prior's area, from which it lies over the crowd.

    Returns:
        ``(P,)`` bool.
    """
    over = np.zeros(len(priors_rel), np.bool_)
    for region in crowds_rel:
        over |= box.coverage(priors_rel, region) >= threshold
    return over
