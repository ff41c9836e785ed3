"""What goes wrong, and what setting it right would give: the six errors of TIDE (Bolya et al., arXiv 2008.08115).

Every false alarm is one of five errors. With tf = 0.5 and tb = 0.1, and overlaps with the objects to find:

- localisation: its class is there, but overlaps between tb and tf;
- classification: else, an object of another class overlaps at least tf;
- duplicate: else, its class is there with at least tf, but a detection with a higher score has taken the object;
- both: else, an object of another class overlaps at least tb;
- background: nothing overlaps tb.

An object that is not found, and that no detection is about with the wrong class or the wrong box, is missed.
The conditions are the paper's section 2.2; where several hold, this order decides, which is that of its authors' code.
"""

from dataclasses import dataclass

import numpy as np

from multibox.evaluation.columns import Found, Truth
from multibox.evaluation.pairs import best_of, pairs_of_image
from multibox.evaluation.voc import average_precisions, by_score, count_by_class, judge

FOREGROUND, BACKGROUND = 0.5, 0.1
"""The overlaps tf, from which on a detection hits, and tb, below which it is about nothing."""

NAMES = ("classification", "localisation", "both", "duplicate", "background", "missed")
HIT, IGNORED = -1, -2


@dataclass(frozen=True)
class Errors:
    """The errors of a split.

    Attributes:
        kind: ``(D,)`` int64 what each detection is: a position in ``NAMES``, ``HIT`` or ``IGNORED``.
        target: ``(D,)`` int64 the object that a hit, a wrong class or a wrong box is about.
        missed: ``(M,)`` bool the missed objects.
        counts: how many errors there are, by their names.
        gains: what mean average precision (area, IoU 0.5) rises by where one kind of error alone is set right; besides
            the six, ``false alarms`` (all are taken away) and ``not found`` (only what is found is asked for).
    """

    kind: np.ndarray
    target: np.ndarray
    missed: np.ndarray
    counts: dict[str, int]
    gains: dict[str, float]


def tide(truth: Truth, found: Found) -> Errors:
    """Sort the errors of a detector.

    Args:
        truth: the objects.
        found: the detections.

    Returns:
        the errors.
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
    """Say of each detection what it is, and which object it is about."""
    hits, ignored = judge(truth, found)
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
    """What each repair of the paper's section 2.3 gives."""
    positives = count_by_class(truth)
    counted, hits = kind != IGNORED, kind == HIT

    def score(kept: np.ndarray, hits: np.ndarray = hits, found: Found = found, less: np.ndarray | None = None) -> float:
        objects = positives if less is None else positives - np.bincount(truth.labels[less], minlength=len(positives))
        return average_precisions(found.keep(kept), hits[kept], objects).map

    def repaired(name: str) -> float:
        """Each becomes a hit on its object; of all hits on one object the best-scored stays."""
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
