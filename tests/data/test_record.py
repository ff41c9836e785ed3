import dataclasses

import numpy as np

from multibox.data.record import COLUMNS, join_objects, make_objects


def test_joined_objects_keep_their_order_columns_and_ids():
    first = make_objects([[0, 0, 2, 3], [1, 1, 2, 2]], [4, 5], difficult=[0, 1], area=[5, 1], ids="ab")
    second = make_objects([[7, 7, 9, 9]], [6], crowd=[1], truncated=[1], occluded=[1], ids="c")
    joined = join_objects([first, make_objects([], []), second])
    assert len(joined) == 3
    np.testing.assert_array_equal(joined.boxes, [[0, 0, 2, 3], [1, 1, 2, 2], [7, 7, 9, 9]])
    np.testing.assert_array_equal(joined.labels, [4, 5, 6])
    np.testing.assert_array_equal(joined.difficult, [False, True, False])
    np.testing.assert_array_equal(joined.crowd, [False, False, True])
    np.testing.assert_array_equal(joined.truncated, [False, False, True])
    np.testing.assert_array_equal(joined.occluded, [False, False, True])
    np.testing.assert_array_equal(joined.area, [5, 1, 4])
    assert joined.ids == ("a", "b", "c")


def test_joined_objects_keep_their_types_even_where_there_are_none():
    joined = join_objects([make_objects([], []), make_objects([], [])])
    assert len(joined) == 0
    assert joined.boxes.shape == (0, 4)
    assert {name: getattr(joined, name).dtype for name in COLUMNS} == {n: np.dtype(t) for n, t in COLUMNS.items()}


def test_one_part_alone_is_itself():
    part = make_objects([[0, 0, 2, 3]], [1], ids="a")
    joined = join_objects([part])
    for field in dataclasses.fields(part):
        np.testing.assert_array_equal(getattr(joined, field.name), getattr(part, field.name))
