"""Confusion, calibration and crowding, against loops and by hand."""

from dataclasses import replace

import numpy as np
import pytest

from multibox.boxes import iou
from multibox.evaluation.calibration import calibration
from multibox.evaluation.confusion import confusion, most_confused
from multibox.evaluation.crowding import by_crowding
from multibox.evaluation.outcomes import find_outcomes
from multibox.evaluation.voc import voc

BOX, FAR = (0, 0, 40, 40), (100, 0, 140, 40)


def slow_confusion(truth, found, thresholds):
    classes = len(truth.classes)
    matrix, taken = np.zeros((classes + 1, classes + 1), int), set()
    for d in sorted(range(len(found)), key=lambda d: -found.scores[d]):
        if found.scores[d] <= thresholds[found.labels[d]]:
            continue
        best = None
        for i in np.flatnonzero(truth.images == found.images[d]):
            overlap = iou(np.float64(found.boxes[d : d + 1]), np.float64(truth.boxes[i : i + 1]))[0, 0]
            counted = not (truth.difficult[i] or truth.crowd[i])
            if overlap >= 0.5 and i not in taken and (best is None or (counted, overlap) > best[:2]):
                best = (counted, overlap, i)
        if best is None:
            matrix[classes, found.labels[d]] += 1
        elif best[0]:
            taken.add(best[2])
            matrix[truth.labels[best[2]], found.labels[d]] += 1
    for i in range(len(truth)):
        matrix[truth.labels[i], classes] += i not in taken and not (truth.difficult[i] or truth.crowd[i])
    return matrix


@pytest.mark.parametrize("seed", range(10))
def test_confusion_is_equal_to_the_loop(make_random_case, seed):
    truth, found = make_random_case(seed)
    thresholds = np.array([0.1, 0.25, 0.5])
    np.testing.assert_array_equal(confusion(truth, found, thresholds), slow_confusion(truth, found, thresholds))


def test_confusion_by_hand(make_truth, make_found):
    truth = make_truth([(0, 0, BOX), (0, 1, FAR), (1, 2, BOX), (1, 0, FAR, "difficult")])
    found = make_found([(0, 0, 0.9, BOX), (0, 2, 0.8, FAR), (0, 2, 0.7, FAR), (1, 0, 0.9, FAR), (1, 1, 0.1, BOX)])
    matrix = confusion(truth, found, np.full(3, 0.5))
    assert matrix.tolist() == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 1, 0]]
    assert most_confused(matrix, 5) == [(1, 2, 1)]


def test_calibration_by_hand(make_truth, make_found):
    # Two at 0.75 of which one hits, one at 0.25 that does not: gaps 0.25 (weight 2) and 0.25 (weight 1).
    truth = make_truth([(0, 0, BOX)])
    found = make_found([(0, 0, 0.75, BOX), (0, 0, 0.75, FAR), (0, 0, 0.25, FAR)])
    result = calibration(find_outcomes(truth, found))
    assert result.detections.tolist() == [0, 0, 1, 0, 0, 0, 0, 2, 0, 0]
    assert (result.score[7], result.precision[7], result.precision[2]) == (0.75, 0.5, 0)
    assert result.ece == pytest.approx(0.25)
    assert np.isnan(calibration(find_outcomes(truth, make_found([]))).ece)


def test_crowding_judges_each_image_once(make_random_case):
    truth, found = make_random_case(2)
    groups = by_crowding(find_outcomes(truth, found), np.full(3, 0.4))
    assert sum(group.images for group in groups) == len(truth.image_ids)
    assert sum(group.objects for group in groups) == truth.counted.sum()
    there = np.bincount(truth.images[truth.counted], minlength=len(truth.image_ids))
    inside = np.flatnonzero((there >= 2) & (there <= 4))
    objects, detections = np.isin(truth.images, inside), np.isin(found.images, inside)
    names = ("images", "labels", "boxes", "difficult", "crowd", "area")
    columns = {name: getattr(truth, name)[objects] for name in names}
    alone = voc(replace(truth, **columns), found.keep(detections)).map
    assert next(group.map for group in groups if group.name == "2 to 4") == pytest.approx(alone)


def test_crowding_counts_false_alarms(make_truth, make_found):
    truth = make_truth([(0, 0, BOX)], images=3)
    found = make_found([(1, 0, 0.9, BOX), (1, 0, 0.8, FAR), (2, 0, 0.1, FAR), (0, 0, 0.9, BOX)])
    groups = by_crowding(find_outcomes(truth, found), np.full(3, 0.5))
    assert [(group.name, group.images, group.false_alarms) for group in groups] == [("0", 2, 1.0), ("1", 1, 0.0)]
    assert np.isnan(groups[0].map)
    assert groups[1].map == 1
