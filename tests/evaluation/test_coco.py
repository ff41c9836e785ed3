import contextlib
import io
from dataclasses import replace

import numpy as np
import pytest

from multibox.evaluation.coco import coco
from multibox.evaluation.columns import Found

NAMES = ["AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"]
NAMES += ["AR1", "AR10", "AR100", "AR_small", "AR_medium", "AR_large"]


def as_coco(truth):
    """The objects as a COCO dataset."""
    ignored = truth.crowd | truth.difficult
    return {
        "images": [{"id": i + 1} for i in range(len(truth.image_ids))],
        "categories": [{"id": i + 1, "name": name} for i, name in enumerate(truth.classes)],
        "annotations": [
            {
                "id": i + 1,
                "image_id": int(truth.images[i]) + 1,
                "category_id": int(truth.labels[i]) + 1,
                "bbox": corner_and_size(truth.boxes[i]),
                "area": float(truth.area[i]),
                "iscrowd": int(ignored[i]),
            }
            for i in range(len(truth))
        ],
    }


def corner_and_size(box):
    x0, y0, x1, y1 = map(float, box)
    return [x0, y0, x1 - x0, y1 - y0]


def by_pycocotools(truth, found):
    """COCO's 12 numbers by its authors' own code."""
    dataset = pytest.importorskip("pycocotools.coco")
    evaluator = pytest.importorskip("pycocotools.cocoeval")
    rows = [
        {
            "image_id": int(found.images[i]) + 1,
            "category_id": int(found.labels[i]) + 1,
            "bbox": corner_and_size(found.boxes[i]),
            "score": float(found.scores[i]),
        }
        for i in range(len(found))
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        asked = dataset.COCO()
        asked.dataset = as_coco(truth)
        asked.createIndex()
        judge = evaluator.COCOeval(asked, asked.loadRes(rows), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return np.where(judge.stats < 0, np.nan, judge.stats)


def enlarged(truth, found, factor):
    """The same scenes in larger pictures, so that all three sizes are there."""
    wider = replace(truth, boxes=truth.boxes * factor, area=truth.area * factor**2)
    return wider, Found(found.images, found.labels, found.scores, found.boxes * factor)


@pytest.mark.parametrize("factor", [1, 2, 5])
@pytest.mark.parametrize("seed", range(6))
def test_equal_to_pycocotools(make_random_case, seed, factor):
    truth, found = enlarged(*make_random_case(seed), factor)
    found = found.keep((found.boxes[:, 2:] > found.boxes[:, :2]).all(axis=1))
    expected = by_pycocotools(truth, found)
    assert 0.05 < expected[0] < 0.95
    figures = coco(truth, found).figures
    assert list(figures) == NAMES
    np.testing.assert_allclose(list(figures.values()), expected, atol=1e-9)


def test_equal_to_pycocotools_where_images_are_crowded(make_random_case):
    """More than 100 detections of a class in an image, and objects that several want."""
    truth, found = enlarged(*make_random_case(7, images=4, objects=60, detections=1500), 3)
    found = found.keep((found.boxes[:, 2:] > found.boxes[:, :2]).all(axis=1))
    assert np.unique(found.images * 3 + found.labels, return_counts=True)[1].max() > 130
    np.testing.assert_allclose(list(coco(truth, found).figures.values()), by_pycocotools(truth, found), atol=1e-9)


def test_of_equal_overlaps_the_last_object_is_taken(make_truth, make_found):
    """The second detection reaches only the last object, which the first one takes, though both overlap it alike."""
    truth = make_truth([(0, 0, (0, 0, 40, 50)), (0, 0, (10, 0, 50, 50))])
    found = make_found([(0, 0, 0.9, (0, 0, 50, 50)), (0, 0, 0.8, (24, 0, 50, 50))])
    figures = coco(truth, found).figures
    assert figures["AR100"] < 0.5
    np.testing.assert_allclose(list(figures.values()), by_pycocotools(truth, found), atol=1e-9)


def test_the_order_of_the_images_does_not_matter(make_random_case):
    truth, found = make_random_case(1)
    shuffled = found.keep(np.argsort(-found.images, kind="stable"))
    assert coco(truth, found).figures == pytest.approx(coco(truth, shuffled).figures, nan_ok=True)


def test_perfect(make_truth, make_found):
    truth = make_truth([(0, 0, (0, 0, 50, 50)), (1, 2, (10, 10, 20, 20))])
    result = coco(truth, make_found([(0, 0, 0.9, (0, 0, 50, 50)), (1, 2, 0.8, (10, 10, 20, 20))]))
    assert result.map_50_95 == result.figures["AR_small"] == result.figures["AR_medium"] == 1
    assert np.isnan(result.figures["AP_large"])


def test_by_hand(make_truth, make_found):
    # IoU 0.72: a hit at 0.50, 0.55, 0.60, 0.65 and 0.70, five overlaps of ten.
    truth = make_truth([(0, 0, (0, 0, 100, 100))])
    assert coco(truth, make_found([(0, 0, 0.9, (0, 0, 100, 72))])).map_50_95 == pytest.approx(0.5)


def test_difficult_and_crowd_count_neither_way(make_truth, make_found):
    left, right = (0, 0, 50, 50), (100, 0, 150, 50)
    truth = make_truth([(0, 0, left), (0, 0, right, "difficult"), (1, 0, left, "crowd")])
    found = make_found([(0, 0, 0.9, right), (1, 0, 0.9, left), (0, 0, 0.5, left)])
    assert coco(truth, found).map_50_95 == 1


def test_empty(make_truth, make_found):
    box = (0, 0, 50, 50)
    assert coco(make_truth([(0, 0, box)]), make_found([])).map_50_95 == 0
    assert np.isnan(coco(make_truth([]), make_found([(0, 0, 0.5, box)])).map_50_95)
    assert np.isnan(coco(make_truth([], images=0), make_found([])).map_50_95)
