"""PASCAL's average precision against COCO's own programs, set to measure the same.

COCO's differs in three ways. It reads the precision at 101 recalls: here at one between any two detections' recalls,
which gives the area, or at PASCAL's 11. A detection whose object is taken may take another: here objects lie apart. An
ignored object is overlapped by the share of the detection inside it: here that is enough wherever the IoU is.
"""

import contextlib
import io

import numpy as np
import pytest

from multibox.evaluation.columns import Found, Truth
from multibox.evaluation.voc import voc

CLASSES = ("a", "b", "c")
OBJECTS = 6  # of each class in each image, two of them difficult


def scene(seed, images=8):
    """Objects on a grid, apart from one another; detections on them once, twice or not at all, and beside them."""
    rng = np.random.default_rng(seed)
    objects, found = [], []
    for image in range(images):
        for place, (label, number) in enumerate((label, n) for label in range(len(CLASSES)) for n in range(OBJECTS)):
            low = np.array([place % 6, place // 6]) * 100 + rng.integers(0, 20, 2)
            box = np.concatenate([low, low + rng.integers(30, 60, 2)]).astype(float)
            objects.append((image, label, box, number < 2))
            for _ in range(rng.integers(0, 4)):
                moved = box + rng.integers(-2, 3, 4) * (1 if number < 2 else rng.choice([1, 6]))
                moved = moved + rng.choice([0, 700], p=[0.9, 0.1])  # where there is nothing
                found.append((image, label if rng.random() < 0.9 else (label + 1) % 3, rng.integers(1, 40) / 40, moved))
    truth = Truth(
        classes=CLASSES,
        image_ids=tuple(map(str, range(images))),
        image_sizes=np.full((images, 2), 600),
        images=np.array([row[0] for row in objects]),
        labels=np.array([row[1] for row in objects]),
        boxes=np.array([row[2] for row in objects], np.float32),
        difficult=np.array([row[3] for row in objects]),
        crowd=np.zeros(len(objects), bool),
        area=np.ones(len(objects)),
    )
    images_, labels, scores, boxes = zip(*found, strict=True)
    return truth, Found(*map(np.array, (images_, labels)), np.array(scores, np.float32), np.array(boxes, np.float32))


def rows(images, labels, boxes, **columns):
    """COCO's annotations or results."""
    for i, (image, label, (x0, y0, x1, y1)) in enumerate(zip(images, labels, boxes.tolist(), strict=True)):
        more = {name: column[i].item() for name, column in columns.items()}
        box = [x0, y0, x1 - x0, y1 - y0]
        yield {
            "id": i + 1,
            "image_id": int(image),
            "category_id": int(label),
            "bbox": box,
            "area": box[2] * box[3],
            **more,
        }


def by_coco(dataset, evaluator, truth, found, recalls):
    """Average precision by class at IoU 0.5, with all detections of an image."""
    with contextlib.redirect_stdout(io.StringIO()):
        asked = dataset()
        asked.dataset = {
            "info": {},
            "images": [{"id": i, "width": 600, "height": 600} for i in range(len(truth.image_ids))],
            "categories": [{"id": i, "name": name} for i, name in enumerate(truth.classes)],
            "annotations": list(rows(truth.images, truth.labels, truth.boxes, iscrowd=truth.difficult.astype(int))),
        }
        asked.createIndex()
        given = asked.loadRes(list(rows(found.images, found.labels, found.boxes, score=found.scores)))
        judge = evaluator(asked, given, "bbox")
        judge.params.iouThrs, judge.params.recThrs = np.array([0.5]), recalls
        judge.params.maxDets = [1, 10, 1000]
        judge.evaluate()
        judge.accumulate()
    return judge.eval["precision"][0, :, :, 0, -1].mean(axis=0)


@pytest.mark.parametrize("program", ["pycocotools", "faster_coco_eval"])
@pytest.mark.parametrize("seed", range(3))
def test_area_and_11_points(program, seed):
    if program == "pycocotools":
        dataset, evaluator = (
            pytest.importorskip("pycocotools.coco").COCO,
            pytest.importorskip("pycocotools.cocoeval").COCOeval,
        )
    else:
        from faster_coco_eval import COCO as dataset
        from faster_coco_eval import COCOeval_faster as evaluator
    truth, found = scene(seed)
    result = voc(truth, found)
    positives = 8 * (OBJECTS - 2)
    between = (np.arange(positives) + 0.5) / positives
    assert ((result.ap > 0.1) & (result.ap < 0.9)).all()
    np.testing.assert_allclose(by_coco(dataset, evaluator, truth, found, between), result.ap, atol=1e-9)
    np.testing.assert_allclose(
        by_coco(dataset, evaluator, truth, found, np.arange(11) * 0.1), result.ap_11point, atol=1e-9
    )
