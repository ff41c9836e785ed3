import numpy as np
import pytest

from multibox.evaluation.columns import Found, Truth


@pytest.fixture
def make_truth():
    """Builds a :class:`Truth` from rows ``(image, label, box[, flag])``, where flag is ``difficult`` or ``crowd``."""

    def build(rows, images=None, classes=("a", "b", "c")):
        rows = sorted(rows, key=lambda row: row[0])
        boxes = np.array([row[2] for row in rows], np.float32).reshape(-1, 4)
        count = max([row[0] + 1 for row in rows], default=1) if images is None else images
        flags = [row[3] if len(row) > 3 else "" for row in rows]
        return Truth(
            classes=classes,
            image_ids=tuple(f"{i:04d}" for i in range(count)),
            image_sizes=np.full((count, 2), (200, 100)),
            images=np.array([row[0] for row in rows], np.int64),
            labels=np.array([row[1] for row in rows], np.int64),
            boxes=boxes,
            difficult=np.array([flag == "difficult" for flag in flags], bool),
            crowd=np.array([flag == "crowd" for flag in flags], bool),
            area=(boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]),
        )

    return build


@pytest.fixture
def make_found():
    """Builds a :class:`Found` from rows ``(image, label, score, box)``."""

    def build(rows):
        return Found(
            images=np.array([row[0] for row in rows], np.int64),
            labels=np.array([row[1] for row in rows], np.int64),
            scores=np.array([row[2] for row in rows], np.float32),
            boxes=np.array([row[3] for row in rows], np.float32).reshape(-1, 4),
        )

    return build


@pytest.fixture
def make_random_case(make_truth, make_found):
    """Builds truth and detections with all that is awkward: ties, duplicates, difficult ones, empty images."""

    def boxes(rng, count):
        low = rng.integers(0, 8, (count, 2)) * 5
        return np.concatenate([low, low + rng.integers(1, 6, (count, 2)) * 5], axis=1)

    def build(seed, images=12, objects=40, detections=150):
        rng = np.random.default_rng(seed)
        flags = rng.choice(["", "", "", "difficult", "crowd"], objects)
        truth_rows = [
            (int(image), int(label), box, str(flag))
            for image, label, box, flag in zip(
                rng.integers(0, images - 2, objects),
                rng.integers(0, 3, objects),
                boxes(rng, objects),
                flags,
                strict=True,
            )
        ]
        near = rng.integers(0, objects, detections)
        found_rows = [
            (
                truth_rows[i][0] if rng.random() < 0.9 else int(rng.integers(0, images)),
                truth_rows[i][1] if rng.random() < 0.9 else int(rng.integers(0, 3)),
                float(rng.integers(1, 12)) / 16,
                truth_rows[i][2] + rng.integers(-1, 2, 4) * rng.integers(0, 6),
            )
            for i in near
        ]
        return make_truth(truth_rows, images), make_found(found_rows)

    return build
