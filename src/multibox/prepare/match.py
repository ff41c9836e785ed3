"""Match priors to objects (SSD section 2.2, "Matching strategy")."""

import numpy as np

from multibox import boxes as box

NO_OBJECT = -1
LEAST_IOU = 1e-6
"""Smallest IoU of any match, even of an object with its best prior (Caffe's ``MatchBBox``)."""


def match(boxes_rel: np.ndarray, priors_rel: np.ndarray, threshold: float) -> np.ndarray:
    """Match priors to objects.

    First every object gets a prior of its own. Of all pairs of an object and a prior, the pair with the highest IoU is
    matched. Then follows the best pair among the objects and priors that are still free, and so on. Finally every other
    prior is matched to the object it overlaps most, if their IoU reaches the threshold.

    So two objects never compete for the same best prior, and no object is left out as long as a free prior overlaps it.
    Ties go to the first object, then to the first prior.

    Args:
        boxes_rel: ``(N, 4)`` corners of the objects, relative to the image. N may be 0.
        priors_rel: ``(P, 4)`` corners of the priors, relative to the image.
        threshold: Smallest IoU, in [0, 1], at which a prior is matched to an object. An object's own best prior may
            have less.

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
    """Give every object a prior of its own: the greedy first part of :func:`match`.

    To search all N x P pairs N times would cost N^2 P. But a prior that is taken only affects the objects whose best
    prior it was. So the best prior of each object is kept, and only those objects search again.

    Args:
        overlaps: ``(N, P)`` IoU of each object with each prior.

    Returns:
        ``(M,)`` positions of objects and ``(M,)`` positions of their priors, in the order of matching. M is at most N.
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
    """Find the priors over a crowd: a region of objects that were not annotated one by one.

    Args:
        crowds_rel: ``(N, 4)`` corners of the regions, relative to the image. N may be 0.
        priors_rel: ``(P, 4)`` corners of the priors, relative to the image.
        threshold: Smallest share of a prior's area, in [0, 1], that must lie in a region.

    Returns:
        ``(P,)`` bool, true for priors over a crowd.
    """
    over = np.zeros(len(priors_rel), np.bool_)
    for region in crowds_rel:
        over |= box.coverage(priors_rel, region) >= threshold
    return over
