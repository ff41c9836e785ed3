"""Objects that are annotated twice, also in an image of thousands of objects."""

import tracemalloc

import cv2
import numpy as np

from multibox.boxes import iou
from multibox.config import Config
from multibox.data.record import Record, make_objects
from multibox.inspection.inspect_image import boxes_in_network, inspect_record

IMAGE = cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))[1].tobytes()


def repeated(boxes, labels, crowd=None):
    """The positions of repeated objects and of those they repeat, counted from 1, as the findings name them."""
    objects = make_objects(boxes, labels, crowd=crowd)
    found = inspect_record(Record("one", IMAGE, 64, 64, objects), ("cat", "dog"), Config()).findings
    words = [(one.object.split(), one.detail.split()) for one in found if one.kind == "duplicate"]
    return [(int(name[1]), int(detail[2])) for name, detail in words]


def test_the_first_of_equal_objects_is_named_and_crowds_and_other_classes_are_none():
    boxes = [[0, 0, 9, 9], [0, 0, 9, 9], [0, 0, 9, 9.1], [0, 0, 9, 9], [20, 20, 50, 50], [20, 20, 50, 50]]
    crowd = [False, False, False, True, False, False]
    assert repeated(boxes, [0, 1, 1, 1, 0, 0], crowd) == [(3, 2), (6, 5)]
    assert repeated([], []) == []


def test_in_a_crowd_as_by_the_table_of_all_pairs():
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 60, (200, 2))
    boxes = np.concatenate([low, low + rng.uniform(0.5, 4, (200, 2))], axis=1)
    boxes, labels = np.concatenate([boxes, boxes[::3] + 0.005, boxes[:5]]), rng.integers(0, 2, 272)
    table = iou(boxes.astype(np.float32), boxes.astype(np.float32)) >= 0.95
    expected = []
    for i in range(len(boxes)):
        earlier = [j for j in range(i) if table[i, j] and labels[i] == labels[j]]
        expected += [(i + 1, earlier[0] + 1)] if earlier else []
    assert len(expected) > 20
    assert repeated(boxes, labels) == expected


def test_memory_does_not_grow_with_the_square_of_the_objects():
    """A table of all pairs of 3,000 objects would take 36 MB, even where all overlap."""
    boxes = np.tile([[1.0, 1.0, 60.0, 60.0]], (3000, 1)) + np.linspace(0, 3, 3000)[:, None]
    tracemalloc.start()
    try:
        assert len(repeated(boxes, np.arange(3000) % 2)) > 2500
        assert tracemalloc.get_traced_memory()[1] < 15e6
    finally:
        tracemalloc.stop()


def test_with_tiles_objects_are_as_large_as_in_a_tile_around_them():
    objects = make_objects([(0, 0, 20, 10), (1000, 700, 1040, 720), (100, 100, 1500, 400)], [0, 0, 0])
    record = Record("one", b"", 4000, 3000, objects)
    config = Config.model_validate({"network": {"size": [256, 256]}, "data": {"tiles": 512}})
    boxes_rel = boxes_in_network(record, config)
    sides = (boxes_rel[:, 2:] - boxes_rel[:, :2]) * 256
    np.testing.assert_allclose(sides, [(10, 5), (20, 10), (1400 / 4000 * 256, 300 / 3000 * 256)], rtol=1e-3)
    np.testing.assert_allclose(boxes_rel[0, :2], 0, atol=1e-6)
    np.testing.assert_allclose((boxes_rel[1, :2] + boxes_rel[1, 2:]) / 2, 0.5, atol=2 / 512)
