import numpy as np
import pytest

from multibox.evaluation import voc as metric
from multibox.evaluation.voc import area, best_objects, eleven_points, find_hits, precision_recall, voc

LEFT, RIGHT = (0, 0, 50, 50), (100, 0, 150, 50)


def devkit(truth, found, min_iou=0.5):
    """The devkit's metric as its program goes: class by class, detection by detection, in pixels counted from 1."""
    aps, aps_11 = [], []
    for label in range(len(truth.classes)):
        objects = {}
        positives = 0
        for row in np.flatnonzero(truth.labels == label):
            x0, y0, x1, y1 = map(float, truth.boxes[row])
            ignored = bool(truth.difficult[row] or truth.crowd[row])
            positives += not ignored
            objects.setdefault(int(truth.images[row]), []).append([(x0 + 1, y0 + 1, x1, y1), ignored, False])
        rows = sorted(np.flatnonzero(found.labels == label).tolist(), key=lambda row: -float(found.scores[row]))
        hits, alarms = [], []
        for row in rows:
            x0, y0, x1, y1 = map(float, found.boxes[row])
            box = (x0 + 1, y0 + 1, x1, y1)
            best, best_overlap = None, float("-inf")
            for candidate in objects.get(int(found.images[row]), []):
                other = candidate[0]
                width = min(box[2], other[2]) - max(box[0], other[0]) + 1
                height = min(box[3], other[3]) - max(box[1], other[1]) + 1
                if width > 0 and height > 0:
                    union = _pixels(box) + _pixels(other) - width * height
                    if width * height / union > best_overlap:
                        best, best_overlap = candidate, width * height / union
            hit = alarm = 0
            if best_overlap >= min_iou:
                if not best[1]:
                    hit, alarm = (0, 1) if best[2] else (1, 0)
                    best[2] = True
            else:
                alarm = 1
            hits.append(hit)
            alarms.append(alarm)
        aps.append(_devkit_area(hits, alarms, positives))
        aps_11.append(_devkit_11(hits, alarms, positives))
    return aps, aps_11


def _pixels(box):
    return (box[2] - box[0] + 1) * (box[3] - box[1] + 1)


def _curve(hits, alarms, positives):
    points, hit, alarm = [], 0, 0
    for h, a in zip(hits, alarms, strict=True):
        hit, alarm = hit + h, alarm + a
        points.append((hit / positives, hit / (hit + alarm) if hit + alarm else 0.0))
    return points


def _devkit_area(hits, alarms, positives):
    if not positives:
        return float("nan")
    curve = [(0.0, 0.0), *_curve(hits, alarms, positives), (1.0, 0.0)]
    total = 0.0
    for i in range(1, len(curve)):
        total += (curve[i][0] - curve[i - 1][0]) * max(precision for _, precision in curve[i:])
    return total


def _devkit_11(hits, alarms, positives):
    if not positives:
        return float("nan")
    curve = _curve(hits, alarms, positives)
    return sum(max([p for r, p in curve if r >= 0.1 * step], default=0.0) for step in range(11)) / 11


@pytest.mark.parametrize("seed", range(25))
def test_equal_to_the_loop(make_random_case, seed):
    truth, found = make_random_case(seed)
    ap, ap_11 = devkit(truth, found)
    result = voc(truth, found)
    np.testing.assert_allclose(result.ap, ap, atol=1e-12)
    np.testing.assert_allclose(result.ap_11point, ap_11, atol=1e-12)


@pytest.mark.parametrize("min_iou", [0.3, 0.75])
def test_equal_to_the_loop_at_other_overlaps(make_random_case, min_iou):
    truth, found = make_random_case(99)
    np.testing.assert_allclose(voc(truth, found, min_iou).ap, devkit(truth, found, min_iou)[0], atol=1e-12)


def test_by_hand(make_truth, make_found):
    # Two objects. In order of score: a hit, a false alarm, a hit: precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1.
    truth = make_truth([(0, 0, LEFT), (1, 0, LEFT)], classes=("a",))
    found = make_found([(0, 0, 0.9, LEFT), (0, 0, 0.8, RIGHT), (1, 0, 0.7, LEFT)])
    result = voc(truth, found)
    assert result.ap[0] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert result.ap_11point[0] == pytest.approx((6 * 1 + 5 * 2 / 3) / 11)  # recalls 0 to 0.5, then 0.6 to 1
    assert result.map == pytest.approx(result.ap[0])


def test_the_second_detection_of_an_object_is_a_false_alarm(make_truth, make_found):
    truth = make_truth([(0, 0, LEFT), (0, 0, (5, 0, 55, 50))])
    # Both overlap the first object most: the second is not given the other one, though it would reach it.
    found = make_found([(0, 0, 0.5, LEFT), (0, 0, 0.9, (0, 0, 50, 49))])
    hits, ignored = find_hits(truth, found)
    assert hits.tolist() == [False, True]
    assert not ignored.any()


def test_equal_scores_keep_their_order(make_truth, make_found):
    truth = make_truth([(0, 0, LEFT)])
    hits, _ = find_hits(truth, make_found([(0, 0, 0.5, (0, 0, 50, 40)), (0, 0, 0.5, LEFT)]))
    assert hits.tolist() == [True, False]


def test_of_equal_overlaps_the_first_object_is_taken(make_truth, make_found):
    truth = make_truth([(0, 0, (0, 0, 40, 50)), (0, 0, (10, 0, 50, 50))])
    best, overlap = best_objects(truth, make_found([(0, 0, 0.9, (0, 0, 50, 50))]))
    assert best.tolist() == [0]
    assert overlap.tolist() == [0.8]


@pytest.mark.parametrize("flag", ["difficult", "crowd"])
def test_ignored_objects_count_neither_way(make_truth, make_found, flag):
    truth = make_truth([(0, 0, LEFT, flag), (0, 0, RIGHT)])
    found = make_found([(0, 0, 0.9, LEFT), (0, 0, 0.8, LEFT), (0, 0, 0.7, RIGHT)])
    hits, ignored = find_hits(truth, found)
    assert hits.tolist() == [False, False, True]
    assert ignored.tolist() == [True, True, False]
    assert voc(truth, found).ap[0] == 1.0


def test_overlap_of_exactly_a_half_is_enough(make_truth, make_found):
    truth = make_truth([(0, 0, (0, 0, 10, 10))])
    assert find_hits(truth, make_found([(0, 0, 0.9, (0, 0, 10, 5))]))[0].all()
    assert not find_hits(truth, make_found([(0, 0, 0.9, (0, 0, 10, 4.99))]))[0].any()


def test_other_image_and_other_class_do_not_match(make_truth, make_found):
    truth = make_truth([(0, 0, LEFT)], images=2)
    assert not find_hits(truth, make_found([(1, 0, 0.9, LEFT), (0, 1, 0.9, LEFT)]))[0].any()


def test_a_class_without_objects_is_nan_and_not_in_the_mean(make_truth, make_found):
    truth = make_truth([(0, 0, LEFT), (0, 1, RIGHT, "difficult")])
    result = voc(truth, make_found([(0, 0, 0.9, LEFT), (0, 2, 0.9, LEFT)]))
    assert result.ap[0] == 1
    assert np.isnan(result.ap[1:]).all()
    assert result.map == result.map_11point == 1


def test_no_detections(make_truth, make_found):
    result = voc(make_truth([(0, 0, LEFT)], classes=("a",)), make_found([]))
    assert result.ap.tolist() == result.ap_11point.tolist() == [0.0]


def test_no_objects(make_truth, make_found):
    result = voc(make_truth([], images=3), make_found([(2, 1, 0.9, LEFT)]))
    assert np.isnan(result.ap).all()
    assert np.isnan(result.map)


def test_nothing_at_all(make_truth, make_found):
    assert np.isnan(voc(make_truth([], images=0), make_found([])).map)


def test_three_of_ten_do_not_reach_the_devkits_third_point():
    hits = np.array([True] * 3)
    assert eleven_points(*precision_recall(hits, 10)) == pytest.approx(3 / 11)  # recalls 0, 0.1 and 0.2
    assert area(*precision_recall(hits, 10)) == pytest.approx(0.3)


def test_strict_ordering_does_not_depend_on_images_being_sorted(make_random_case):
    truth, found = make_random_case(3)
    distinct = found.scores + np.linspace(0, 1e-3, len(found), dtype=np.float32)
    found = metric.Found(found.images, found.labels, distinct, found.boxes)
    shuffled = found.keep(np.random.default_rng(0).permutation(len(found)))
    np.testing.assert_array_equal(voc(truth, found).ap, voc(truth, shuffled).ap)
