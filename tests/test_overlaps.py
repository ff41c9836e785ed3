import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multibox.boxes import iou
from multibox.overlaps import MOST, neighbours, overlapping


def some_boxes(rng, count, largest):
    low = rng.random((count, 2))
    return np.concatenate([low, low + largest * rng.random((count, 2)) ** 3], axis=1).astype(np.float32)


@given(st.integers(0, 2**32 - 1), st.integers(0, 300), st.integers(0, 60), st.sampled_from([0.02, 0.3, 1.0]))
def test_every_overlap_is_in_one_block_with_every_bit_of_its_iou(seed, rows, columns, largest):
    rng = np.random.default_rng(seed)
    a, b = some_boxes(rng, rows, largest), some_boxes(rng, columns, 0.5)
    a[: rows // 3, 2:] = a[: rows // 3, :2]  # without an area
    b[:2] = 0.25, 0.25, 0.5, 0.5
    a[rows // 2 : rows // 2 + 3] = 0.5, 0.25, 0.75, 0.5  # touch them
    table, seen = np.zeros((rows, columns), np.float32), np.zeros((rows, columns), int)
    for block in overlapping(a, b):
        assert len(block.columns) > 0
        table[np.ix_(block.rows, block.columns)] = block.iou
        seen[np.ix_(block.rows, block.columns)] += 1
    np.testing.assert_array_equal(table, iou(a, b))
    assert seen.max(initial=0) <= 1


@pytest.mark.parametrize("count", [0, 1, MOST, MOST + 1, 1000])
@pytest.mark.parametrize("alike", [False, True])
def test_each_box_has_one_block_of_neighbours(count, alike):
    boxes = some_boxes(np.random.default_rng(0), count, 0.1)
    if alike:
        boxes[:] = 0.1, 0.2, 0.3, 0.4
    blocks = list(neighbours(boxes))
    assert sorted(np.concatenate([np.empty(0, int), *blocks])) == list(range(count))
    assert all(len(block) <= MOST and (np.diff(block) > 0).all() for block in blocks)


def test_small_boxes_are_compared_with_few_others():
    """Large boxes among them stay in blocks of their own."""
    rng = np.random.default_rng(0)
    small = some_boxes(rng, 4000, 0.01)
    boxes = np.concatenate([small, some_boxes(rng, 40, 1.0)])
    compared = sum(block.iou.size for block in overlapping(boxes, small))
    assert compared < 0.1 * len(boxes) * len(small)
