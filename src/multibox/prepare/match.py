"""Match priors to objects (SSD section 2.2, "Matching strategy")."""

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heapreplace

import numpy as np

from multibox import boxes as box
from multibox.overlaps import Block, overlapping

Turn = tuple[float, int, int]
"""Entry of the priority queue of greedy matching: the negative IoU of an object and its best free prior, the object,
the prior. The smallest entry is next."""

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
        boxes_rel: ``(N, 4)`` corners x0, y0, x1, y1 of the objects, relative to the image. N may be 0.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of the priors, relative to the image.
        threshold: Smallest IoU, in [0, 1], at which a prior is matched to an object. An object's own best prior may
            have less.

    Returns:
        ``(P,)`` int64: the position of each prior's object, or -1 for none.
    """
    blocks = list(overlapping(boxes_rel, priors_rel))
    matches = match_closest(blocks, len(priors_rel), max(threshold, LEAST_IOU))
    objects, priors = match_exclusively(blocks)
    matches[priors] = objects
    return matches


def match_closest(blocks: Sequence[Block], count: int, threshold: float) -> np.ndarray:
    """Match each prior to the object it overlaps most: the second part of :func:`match`.

    Args:
        blocks: Objects and the priors that may overlap them.
        count: Number of priors, P.
        threshold: Smallest IoU of a prior and its object, above 0.

    Returns:
        ``(P,)`` int64: the position of each prior's object, or -1 for none.
    """
    matches, best = np.full(count, NO_OBJECT), np.zeros(count)
    for block in blocks:
        close = np.flatnonzero(block.iou.max(axis=0) >= threshold)
        found = block.iou[:, close]
        rows, columns, overlaps = found.argmax(axis=0), block.columns[close], found.max(axis=0, initial=0)
        objects = block.rows[rows]
        better = (overlaps > best[columns]) | ((overlaps == best[columns]) & (objects < matches[columns]))
        matches[columns[better]], best[columns[better]] = objects[better], overlaps[better]
    return matches


def match_exclusively(blocks: Sequence[Block]) -> tuple[np.ndarray, np.ndarray]:
    """Give every object a prior of its own: the greedy first part of :func:`match`.

    Searching all pairs for the best one repeatedly would cost N^2 P. So the best prior of each object is remembered.
    Only objects whose best prior was taken by another object search again.

    Args:
        blocks: N objects and the priors that may overlap them.

    Returns:
        ``(M,)`` positions of objects and ``(M,)`` positions of their priors, in the order of matching. M is at most N.
    """
    place = {i: (block, k) for block in blocks for k, i in enumerate(block.rows.tolist())}
    turns = [turn for block in blocks for turn in _first_turns(block)]
    heapify(turns)
    free = np.ones(max((block.columns[-1] + 1 for block in blocks), default=0), np.float32)
    pairs = []
    while turns:
        _, i, prior = turns[0]
        if free[prior]:
            pairs.append((i, prior))
            free[prior] = 0
            heappop(turns)
            continue
        block, k = place[i]
        overlaps = block.iou[k] * free.take(block.columns)
        best = overlaps.argmax()
        overlap = float(overlaps[best])
        if overlap > LEAST_IOU:
            heapreplace(turns, (-overlap, i, int(block.columns[best])))
        else:
            heappop(turns)
    objects, priors = np.array(pairs, np.int64).reshape(-1, 2).T
    return objects, priors


def _first_turns(block: Block) -> Iterator[Turn]:
    """The turn of each object of a block that overlaps a prior, with its best prior."""
    best = block.iou.argmax(axis=1)
    overlaps = block.iou[np.arange(len(best)), best]
    for i, prior, overlap in zip(block.rows.tolist(), block.columns[best].tolist(), overlaps.tolist(), strict=True):
        if overlap > LEAST_IOU:
            yield -overlap, i, prior


def over_crowd(crowds_rel: np.ndarray, priors_rel: np.ndarray, threshold: float) -> np.ndarray:
    """Find the priors inside a crowd, which is a region of objects that were not annotated one by one.

    A region that is too small to hold a prior takes the prior that it overlaps most.

    Args:
        crowds_rel: ``(N, 4)`` corners x0, y0, x1, y1 of the crowds' regions, relative to the image. N may be 0.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of the priors, relative to the image.
        threshold: Smallest share of a prior's area, in [0, 1], that must lie in the region of one crowd.

    Returns:
        ``(P,)`` bool, true for priors inside a crowd, or closest to one without priors inside.
    """
    over = np.zeros(len(priors_rel), np.bool_)
    for region in crowds_rel:
        inside = box.coverage(priors_rel, region) >= threshold
        if len(inside) and not inside.any():
            overlap = box.iou(region[None], priors_rel)[0]
            inside[overlap.argmax()] = overlap.max() > LEAST_IOU
        over |= inside
    return over
