"""The errors of TIDE against a plain transcription of the paper's definitions, sections 2.2 and 2.3."""

import numpy as np
import pytest

from multibox.boxes import iou
from multibox.evaluation.tide import HIT, IGNORED, NAMES, tide

TF, TB = 0.5, 0.1


def overlap(a, b):
    """IoU of two boxes."""
    return float(iou(np.array([a], np.float64), np.array([b], np.float64))[0, 0])


def mean_ap(rows, positives):
    """``rows`` of (class, score, hit), in the order of equal scores; the mean of the areas under the curves."""
    areas = []
    for label, total in enumerate(positives):
        if not total:
            continue
        ranked = sorted((row for row in rows if row[0] == label), key=lambda row: -row[1])
        points, hits = [], 0
        for place, (_, _, hit) in enumerate(ranked, start=1):
            hits += hit
            points.append((hits / total, hits / place))
        steps = [(0.0, 0.0), *points]
        areas.append(sum((steps[i][0] - steps[i - 1][0]) * max(p for _, p in steps[i:]) for i in range(1, len(steps))))
    return sum(areas) / len(areas) if areas else float("nan")


def slow(truth, found):
    """Kinds, gains and missed objects, one detection after the other."""
    objects = [i for i in range(len(truth)) if not (truth.difficult[i] or truth.crowd[i])]
    order = sorted(range(len(found)), key=lambda d: -found.scores[d])
    kinds, targets, taken = {}, {}, {}
    for d in order:
        inside = [i for i in range(len(truth)) if truth.images[i] == found.images[d]]
        ious = {i: overlap(found.boxes[d], truth.boxes[i]) for i in inside}
        own_all = [i for i in inside if truth.labels[i] == found.labels[d]]
        own = [i for i in own_all if i in objects]
        other = [i for i in inside if i in objects and truth.labels[i] != found.labels[d]]
        best_all = max(own_all, key=lambda i: ious[i], default=None)
        best_own = max(own, key=lambda i: ious[i], default=None)
        best_other = max(other, key=lambda i: ious[i], default=None)
        own_iou = -1 if best_own is None else ious[best_own]
        other_iou = -1 if best_other is None else ious[best_other]
        if best_all is not None and ious[best_all] >= TF and best_all not in objects:
            kinds[d] = "ignored"
        elif best_all is not None and ious[best_all] >= TF and best_all not in taken:
            kinds[d], targets[d] = "hit", best_all
            taken[best_all] = d
        elif TB <= own_iou < TF:
            kinds[d], targets[d] = "localisation", best_own
        elif other_iou >= TF:
            kinds[d], targets[d] = "classification", best_other
        elif own_iou >= TF:
            kinds[d] = "duplicate"
        elif other_iou >= TB:
            kinds[d] = "both"
        else:
            kinds[d] = "background"
    excused = {targets[d] for d in order if kinds[d] in ("localisation", "classification")}
    missed = [i for i in objects if i not in taken and i not in excused]
    return kinds, targets, missed, slow_gains(truth, found, objects, kinds, targets, missed, taken)


def slow_gains(truth, found, objects, kinds, targets, missed, taken):
    def count(rows):
        return [sum(truth.labels[i] == label for i in rows) for label in range(len(truth.classes))]

    def row(d, label=None, hit=None):
        return (found.labels[d] if label is None else label, found.scores[d], kinds[d] == "hit" if hit is None else hit)

    judged = [d for d in range(len(found)) if kinds[d] != "ignored"]
    before = mean_ap([row(d) for d in judged], count(objects))
    after = {}
    for name in ("classification", "localisation"):
        claims = {}
        for d in judged:
            if kinds[d] in (name, "hit"):
                claims.setdefault(targets[d], []).append(d)
        kept = {max(rivals, key=lambda d: found.scores[d]) for rivals in claims.values()}
        rows = [
            row(d, truth.labels[targets[d]], True) if d in kept else row(d)
            for d in judged
            if d in kept or kinds[d] not in (name, "hit")
        ]
        after[name] = mean_ap(rows, count(objects))
    for name in ("both", "duplicate", "background"):
        after[name] = mean_ap([row(d) for d in judged if kinds[d] != name], count(objects))
    rows = [row(d) for d in judged]
    after["missed"] = mean_ap(rows, count([i for i in objects if i not in missed]))
    after["false alarms"] = mean_ap([row(d) for d in judged if kinds[d] == "hit"], count(objects))
    after["not found"] = mean_ap(rows, count(list(taken)))
    return {name: value - before for name, value in after.items()}


@pytest.mark.parametrize("seed", range(20))
def test_equal_to_the_transcription(make_random_case, seed):
    truth, found = make_random_case(seed, objects=30, detections=80)
    kinds, targets, missed, gains = slow(truth, found)
    errors = tide(truth, found)
    names = dict(enumerate(NAMES)) | {HIT: "hit", IGNORED: "ignored"}
    assert [names[kind] for kind in errors.kind] == [kinds[d] for d in range(len(found))]
    assert {d: errors.target[d] for d in targets} == targets
    assert np.flatnonzero(errors.missed).tolist() == missed
    assert errors.counts["missed"] == len(missed)
    assert errors.gains == pytest.approx(gains, abs=1e-12)


def test_the_random_cases_have_errors_of_all_kinds(make_random_case):
    counts = [tide(*make_random_case(seed, objects=30, detections=80)).counts for seed in range(20)]
    assert all(sum(count[name] for count in counts) >= 5 for name in NAMES)


def test_by_hand(make_truth, make_found):
    box, far = (0, 0, 40, 40), (100, 0, 140, 40)
    truth = make_truth([(0, 0, box), (1, 1, box), (1, 0, far)])
    # The one of image 0 is found; in image 1 the other class is named, and the far one is missed.
    errors = tide(truth, make_found([(0, 0, 0.9, box), (1, 0, 0.8, box)]))
    assert errors.counts == {
        "classification": 1, "localisation": 0, "both": 0, "duplicate": 0, "background": 0, "missed": 1
    }  # fmt: skip
    # AP is 1/2 and 0. With the class set right 1/2 and 1; without the missed object 1 and 0.
    assert errors.gains["classification"] == pytest.approx(0.5)
    assert errors.gains["missed"] == pytest.approx(0.25)
    assert errors.gains["background"] == errors.gains["localisation"] == 0


def test_nothing(make_truth, make_found):
    box = (0, 0, 40, 40)
    assert tide(make_truth([(0, 0, box)]), make_found([])).counts["missed"] == 1
    assert tide(make_truth([]), make_found([(0, 0, 0.9, box)])).counts["background"] == 1
    assert sum(tide(make_truth([], images=0), make_found([])).counts.values()) == 0
