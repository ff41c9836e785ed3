"""The segments of a run."""

import pytest

from multibox.training.clock import Clock, Segment


@pytest.mark.parametrize(
    ("step", "cuts", "expected"),
    [
        (0, (), [Segment(0, 3, 4)]),
        (5, (), [Segment(1, 2, 3), Segment(2, 3, 4)]),
        (8, (), [Segment(2, 3, 4)]),
        (12, (), []),
        (0, (8,), [Segment(0, 2, 4), Segment(2, 3, 4)]),
        (0, (6,), [Segment(0, 1, 4), Segment(1, 2, 2), Segment(1, 2, 2), Segment(2, 3, 4)]),
        (5, (6,), [Segment(1, 2, 1), Segment(1, 2, 2), Segment(2, 3, 4)]),
        (6, (6,), [Segment(1, 2, 2), Segment(2, 3, 4)]),
        (7, (6,), [Segment(1, 2, 1), Segment(2, 3, 4)]),
        (0, (0,), [Segment(0, 3, 4)]),
        (0, (12,), [Segment(0, 3, 4)]),
        (0, (2, 3), [Segment(0, 1, 2), Segment(0, 1, 1), Segment(0, 1, 1), Segment(1, 3, 4)]),
    ],
)
def test_segments_end_at_cuts_and_with_unfinished_epochs(step, cuts, expected):
    """Of three epochs of four steps."""
    assert list(Clock(4, 3, step).left(cuts)) == expected
