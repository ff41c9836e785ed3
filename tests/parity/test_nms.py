"""Non-maximum suppression against OpenCV's ``NMSBoxes``."""

import cv2
import numpy as np
import pytest

from multibox.config import Detect
from multibox.postprocess.nms import select


def crowd(seed, count=400):
    """Boxes in pixels around a few centres, so that most overlap, and as many scores, no two the same."""
    rng = np.random.default_rng(seed)
    middle = rng.uniform(50, 250, (12, 2))[rng.integers(0, 12, count)] + rng.normal(0, 8, (count, 2))
    half = rng.uniform(10, 40, (count, 2))
    boxes = np.concatenate([middle - half, middle + half], axis=1).astype(np.float32)
    return boxes, (rng.permutation(count).astype(np.float32) + 1) / (count + 1)


def chosen(boxes, scores, config):
    """The rows that :func:`select` keeps, the best first."""
    kept = select(scores[:, None], boxes, config).scores
    return [int(np.flatnonzero(scores == score)[0]) for score in kept]


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.45, 0.7, 0.95])
@pytest.mark.parametrize("seed", range(3))
def test_opencv(seed, threshold):
    boxes, scores = crowd(seed)
    corner_and_size = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).astype(float).tolist()
    expected = cv2.dnn.NMSBoxes(corner_and_size, scores.tolist(), 0.01, threshold, top_k=200)
    got = chosen(boxes, scores, Detect(score=0.01, nms_iou=threshold, per_class=200))
    assert 0 < len(expected) <= 200
    assert got == list(expected)
