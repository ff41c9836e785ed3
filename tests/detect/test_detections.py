import json
import sys
import types

import numpy as np
import pytest

from multibox.detect.detections import Detections
from multibox.errors import BadInput


@pytest.fixture
def found():
    return Detections(
        boxes=np.array([[1, 2, 30.126, 40], [5, 5, 9, 9]], np.float32),
        scores=np.array([0.75, 0.5], np.float32),
        labels=np.array([1, 0]),
        classes=("cat", "dog"),
        image_size=(60, 80),
        image=np.full((60, 80, 3), 128, np.uint8),
    )


@pytest.fixture
def nothing(found):
    return found.above(1)


def test_names_and_length(found, nothing):
    assert found.names == ["dog", "cat"]
    assert len(found) == 2
    assert nothing.names == []
    assert repr(found) == "Detections(2: dog 0.75, cat 0.50)"
    assert repr(nothing) == "Detections(0)"


def test_above_is_strict(found):
    assert found.above(0.5).names == ["dog"]
    assert found.above(0.49).names == ["dog", "cat"]
    assert found.above(0.5).image is found.image


def test_to_json(found, nothing):
    assert json.loads(json.dumps(found.to_json())) == {
        "width": 80,
        "height": 60,
        "detections": [
            {"name": "dog", "score": 0.75, "box": [1.0, 2.0, 30.13, 40.0]},
            {"name": "cat", "score": 0.5, "box": [5.0, 5.0, 9.0, 9.0]},
        ],
    }
    assert nothing.to_json() == {"width": 80, "height": 60, "detections": []}


def test_draw_gives_a_new_image(found, nothing):
    before = found.image.copy()
    drawn = found.draw()
    assert drawn.shape == (60, 80, 3)
    assert (drawn != before).any()
    np.testing.assert_array_equal(found.image, before)
    np.testing.assert_array_equal(nothing.draw(), before)
    np.testing.assert_array_equal(found.draw(before), drawn)


def test_draw_without_an_image(found):
    without = Detections(found.boxes, found.scores, found.labels, found.classes, found.image_size)
    with pytest.raises(BadInput, match=r"draw\(image\)"):
        without.draw()


def test_to_supervision(found, monkeypatch):
    supervision = types.SimpleNamespace(Detections=lambda **columns: columns)
    monkeypatch.setitem(sys.modules, "supervision", supervision)
    columns = found.to_supervision()
    np.testing.assert_array_equal(columns["xyxy"], found.boxes)
    np.testing.assert_array_equal(columns["class_id"], [1, 0])
    np.testing.assert_array_equal(columns["data"]["class_name"], ["dog", "cat"])


def test_to_supervision_without_the_package(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(BadInput, match="pip install supervision"):
        found.to_supervision()


class Supervision:
    """The attributes of supervision's detections."""

    def __init__(self, xyxy, confidence=None, class_id=None, data=None):
        self.xyxy, self.confidence, self.class_id, self.data = xyxy, confidence, class_id, data or {}


def test_supervision_and_back(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", types.SimpleNamespace(Detections=Supervision))
    again = Detections.from_supervision(found.to_supervision(), found.classes, found.image_size)
    for name in ("boxes", "scores", "labels"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    assert (again.classes, again.image_size, again.image) == (found.classes, found.image_size, None)


def test_from_supervision_orders_and_clips():
    boxes = np.array([[-5, 2, 30, 40], [5, 5, 9, 900]], float)
    got = Detections.from_supervision(
        Supervision(boxes, np.array([0.2, 0.9]), np.array([0, 1])), ["cat", "dog"], (60, 80)
    )
    assert got.names == ["dog", "cat"]
    np.testing.assert_array_equal(got.boxes, [[5, 5, 9, 60], [0, 2, 30, 40]])
    assert got.boxes.dtype == got.scores.dtype == np.float32


def test_from_supervision_by_name_and_without_scores():
    boxes, names = np.array([[1, 2, 3, 4], [5, 6, 7, 8]]), {"class_name": np.array(["dog", "cat"])}
    got = Detections.from_supervision(Supervision(boxes, None, np.array([17, 16]), names), ("cat", "dog"), (60, 80))
    assert (got.names, got.scores.tolist()) == (["dog", "cat"], [1, 1])


def test_from_supervision_of_nothing():
    got = Detections.from_supervision(Supervision(np.empty((0, 4)), None, np.empty(0, int)), ("cat",), (60, 80))
    assert len(got) == 0


BOX = np.array([[1, 2, 3, 4]], float)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Supervision(BOX), "found: its detections have no class"),
        (Supervision(BOX, None, np.array([2])), "classes: has 2 names, but class_id is up to 2"),
        (Supervision(BOX, None, np.array([0, 1])), "found: has 1 boxes and 2 classes"),
        (Supervision(BOX, None, None, {"class_name": ["cow"]}), "classes: has no 'cow'"),
        (Supervision(BOX, np.array([1.5]), np.array([0])), "found: has a box that is not finite, or a score"),
        (Supervision(BOX * np.nan, None, np.array([0])), "found: has a box that is not finite"),
    ],
)
def test_from_supervision_refuses(given, message):
    with pytest.raises(BadInput) as refused:
        Detections.from_supervision(given, ("cat", "dog"), (60, 80))
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)
