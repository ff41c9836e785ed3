import numpy as np
import pytest

from multibox.annotations.annotation import Annotation, Item, Part
from multibox.annotations.units import in_right_unit


def part(*boxes, relative):
    items = [
        Item(str(i), None, Annotation("a", ("x",), np.array([box], float), relative, columns={"area": [1]}))
        for i, box in enumerate(boxes)
    ]
    return Part(None, {"train": items})


@pytest.mark.parametrize(
    ("boxes", "relative", "taken_as_relative"),
    [
        ([(0.1, 0.2, 0.5, 0.6), (0, 0, 1, 1)], False, True),
        ([(0.1, 0.2, 0.5, 0.6), (0, 0, 3, 1)], False, False),
        ([(0.1, 0.2, 0.5, 0.6), (np.nan, 0, 1, 1)], False, True),
        ([(np.nan,) * 4], False, False),
        ([(10, 20, 50, 60), (5, 5, 9, 9)], True, False),
        ([(0.1, 0.2, 0.5, 0.6), (10, 20, 50, 60)], True, True),
        ([(0.1, 0.2, 1.5, 0.6)], True, True),
    ],
)
def test_the_unit_that_the_values_show(boxes, relative, taken_as_relative):
    found = in_right_unit(part(*boxes, relative=relative))
    annotations = [item.annotation for item in found.splits["train"]]
    assert {each.relative for each in annotations} == {taken_as_relative}
    changes = [note for note in found.notes if note.startswith(("all coordinates", "coordinates"))]
    assert len(changes) == (relative != taken_as_relative)
    assert ("area" in annotations[0].columns) == (relative == taken_as_relative)
