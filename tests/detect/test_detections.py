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
