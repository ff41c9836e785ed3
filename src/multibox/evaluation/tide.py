"""The six errors of TIDE (Bolya et al., arXiv 2008.08115), and the gain from fixing each.

Every false alarm is one of five errors. With tf = 0.5, tb = 0.1 and IoUs with the objects to find, the kind is the
first of these whose condition holds:

- localisation: The best IoU with an object of its class is at least tb and below tf.
- classification: The IoU with an object of another class is at least tf.
- duplicate: The IoU with an object of its class is at least tf, but a detection with a higher score took the object.
- both: The IoU with an object of another class is at least tb.
- background: All IoUs are below tb.

An object is missed if it is not found and there is no classification or localisation error for it. The conditions are
in section 2.2 of the paper. Their order is that of the authors' code.
"""

from dataclasses import dataclass

import numpy as np

from multibox.evaluation.columns import Found, Truth
from multibox.evaluation.pairs import best_of, pairs_of_image
from multibox.evaluation.voc import average_precisions, by_score, count_by_class, find_hits

FOREGROUND, BACKGROUND = 0.5, 0.1
"""Smallest IoU of a hit (tf), and the IoU below which a detection belongs to the background (tb)."""

NAMES = ("classification", "localisation", "both", "duplicate", "background", "missed")
HIT, IGNORED = -1, -2


@dataclass(frozen=True)
class Errors:
    """The errors in a test set, classified into TIDE's kinds.

    Attributes:
        kind: ``(D,)`` int64 kind of each detection: a position in ``NAMES``, or ``HIT`` or ``IGNORED``.
        target: ``(D,)`` int64 position of each detection's object among all objects. It is valid for hits,
            classification and localisation errors.
        missed: ``(M,)`` bool, whether each object is missed.
        counts: Number of errors by name of the kind.
        gains: Gain of mean average precision (area, IoU 0.5) if only the errors of one kind were fixed, by name of the
            kind. Two more entries are ``false alarms`` (all removed) and ``not found`` (all objects that were not found
            removed).
    """

    kind: np.ndarray
    target: np.ndarray
    missed: np.ndarray
    counts: dict[str, int]
    gains: dict[str, float]


def tide(truth: Truth, found: Found) -> Errors:
    """Classify the errors of a detector into TIDE's kinds.

    Args:
        truth: Objects of the test set.
        found: Detections in the test set.

    Returns:
        Kind of each detection, missed objects, and the gain from fixing each kind.
    """
    kind, target = _sort(truth, found)
    about = np.isin(kind, (NAMES.index("classification"), NAMES.index("localisation")))
    found_objects, excused = np.zeros(len(truth), bool), np.zeros(len(truth), bool)
    found_objects[target[kind == HIT]] = True
    excused[target[about]] = True
    missed = truth.counted & ~found_objects & ~excused
    counts = {name: int((kind == i).sum()) for i, name in enumerate(NAMES[:-1])} | {"missed": int(missed.sum())}
    gains = _gains(truth, found, kind, target, missed, found_objects)
    return Errors(kind, target, missed, counts, gains)


def _sort(truth: Truth, found: Found) -> tuple[np.ndarray, np.ndarray]:
    """The kind of each detection, and the row of its object."""
    hits, ignored = find_hits(truth, found)
    pairs = pairs_of_image(truth, found)
    pairs = pairs.keep(truth.counted[pairs.object])
    same = truth.labels[pairs.object] == found.labels[pairs.detection]
    own, own_iou = best_of(pairs.keep(same), len(found))
    other, other_iou = best_of(pairs.keep(~same), len(found))
    conditions = {
        IGNORED: ignored,
        HIT: hits,
        NAMES.index("localisation"): (own_iou >= BACKGROUND) & (own_iou < FOREGROUND),
        NAMES.index("classification"): other_iou >= FOREGROUND,
        NAMES.index("duplicate"): own_iou >= FOREGROUND,
        NAMES.index("both"): other_iou >= BACKGROUND,
    }
    kind = np.select(list(conditions.values()), list(conditions), NAMES.index("background"))
    return kind, np.where(kind == NAMES.index("classification"), other, own)


def _gains(
    truth: Truth, found: Found, kind: np.ndarray, target: np.ndarray, missed: np.ndarray, found_objects: np.ndarray
) -> dict[str, float]:
    """The gain of mAP from each fix in section 2.3 of the paper."""
    positives = count_by_class(truth)
    counted, hits = kind != IGNORED, kind == HIT

    def score(kept: np.ndarray, hits: np.ndarray = hits, found: Found = found, less: np.ndarray | None = None) -> float:
        objects = positives if less is None else positives - np.bincount(truth.labels[less], minlength=len(positives))
        return average_precisions(found.keep(kept), hits[kept], objects).map

    def repaired(name: str) -> float:
        """Turn each error of a kind into a hit on its object. An object keeps only its hit with the highest score."""
        wrong = kind == NAMES.index(name)
        labels = np.where(wrong, truth.labels[target], found.labels) if len(truth) else found.labels
        claims = np.flatnonzero(wrong | hits)
        claims = claims[by_score(found.scores[claims])]
        now = np.zeros(len(found), bool)
        now[claims[np.unique(target[claims], return_index=True)[1]]] = True
        kept = (counted & ~wrong & ~hits) | now
        return score(kept, now, Found(found.images, labels, found.scores, found.boxes))

    def removed(name: str) -> float:
        return score(counted & (kind != NAMES.index(name)))

    before = score(counted)
    after = {name: repaired(name) for name in NAMES[:2]} | {name: removed(name) for name in NAMES[2:5]}
    after["missed"] = score(counted, less=missed)
    after["false alarms"] = score(hits)
    after["not found"] = score(counted, less=truth.counted & ~found_objects)
    return {name: value - before for name, value in after.items()}
