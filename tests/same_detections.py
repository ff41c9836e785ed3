"""Whether two sides find the same in an image."""

import numpy as np


def without_counterpart(wanted, got, box=0.1, score=1e-3) -> int:
    """Number of detections of either side that the other side does not have, in pixels and parts of 1."""
    boxes = np.abs(wanted.boxes[:, None] - got.boxes).max(axis=2) < box
    scores = np.abs(wanted.scores[:, None] - got.scores) < score
    same = boxes & scores & (wanted.labels[:, None] == got.labels)
    return int((~same.any(axis=1)).sum() + (~same.any(axis=0)).sum())
