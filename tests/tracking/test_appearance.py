"""Colours of objects, and tracks that are told apart and found again by them."""

import numpy as np
import pytest

from multibox.detect.detections import Detections
from multibox.tracking.appearance import describe
from multibox.tracking.tracker import Tracker, TrackSettings

SIZE = (240, 320)
RED, BLUE, GREY = (220, 30, 30), (30, 30, 220), (90, 90, 90)


def found(*objects):
    """Detections of ``(x, y, colour)``, each 40 x 40 pixels, on an image that shows them, later ones on top."""
    image = np.full((*SIZE, 3), GREY, np.uint8)
    for x, y, colour in objects:
        image[max(y, 0) : y + 40, max(x, 0) : x + 40] = colour
    boxes = np.array([(x, y, x + 40, y + 40) for x, y, _ in objects], np.float32).reshape(-1, 4)
    scores = np.linspace(0.9, 0.8, len(objects), dtype=np.float32)
    return Detections(boxes, scores, np.zeros(len(objects), np.int64), ("thing",), SIZE, image)


def follow(frames, **settings):
    tracker = Tracker(np.array([0.4]), TrackSettings(**settings))
    return [tracker.update(detections, n / 25) for n, detections in enumerate(frames)]


def test_equal_colours_are_alike_and_others_are_not():
    detections = found((10, 10, RED), (100, 10, RED), (200, 10, BLUE))
    looks = describe(detections.image, detections.boxes)
    assert looks.shape == (3, 64)
    assert looks @ looks.T == pytest.approx(np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]]), abs=1e-6)


@pytest.mark.parametrize(
    "box", [(-50, -50, -10, -10), (400, 300, 500, 400), (10, 10, 10, 10), (319, 239, 320, 240), (-1e4, -1e4, 1e4, 1e4)]
)
def test_any_box_has_colours(box):
    image = np.full((*SIZE, 3), RED, np.uint8)
    assert (describe(image, np.array([box])) ** 2).sum() == pytest.approx(1)


def test_an_object_that_was_hidden_is_known_by_its_colours():
    """It stands behind something for two seconds, and comes out where its way did not lead."""
    frames = [found((10 + 3 * n, 50, RED)) for n in range(20)] + [found()] * 50 + [found((90, 110, RED))] * 5
    assert follow(frames)[-1].ids.tolist() == [1]


def test_another_object_in_its_place_is_not():
    frames = [found((10 + 3 * n, 50, RED)) for n in range(20)] + [found()] * 50 + [found((90, 110, BLUE))] * 5
    assert follow(frames)[-1].ids.tolist() == [2]


def test_what_is_too_far_away_is_not_found_again():
    frames = [found((10, 10, RED))] * 5 + [found()] * 12 + [found((270, 190, RED))] * 5
    assert follow(frames)[-1].ids.tolist() == [2]


def test_what_was_away_for_longer_than_it_is_remembered_is_new():
    frames = [found((10, 10, RED))] * 5 + [found()] * 50 + [found((40, 40, RED))] * 5
    assert follow(frames, memory=1.0)[-1].ids.tolist() == [2]
    assert follow(frames, memory=3.0)[-1].ids.tolist() == [1]


def test_two_that_meet_and_turn_back_are_told_apart():
    """Motion alone would take each for the other."""
    way = [*range(20, 131, 6), *range(130, 19, -6)]
    frames = [found((x, 80, RED), (280 - x, 84, BLUE)) for x in way]
    for tracks in follow(frames):
        by_left = tracks.ids[tracks.detections.boxes[:, 0].argsort(kind="stable")].tolist()
        assert by_left == [1, 2]
