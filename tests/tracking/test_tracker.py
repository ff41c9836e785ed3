"""Ids of objects through the frames of a video."""

import itertools

import numpy as np
import pytest

from multibox.boxes import iou
from multibox.detect.detections import Detections
from multibox.tracking.pairing import pair
from multibox.tracking.tracker import Tracker, TrackSettings

CLASSES = ("cat", "dog")
SHOWN = np.array([0.4, 0.4])


def found(*rows, size=(240, 320)):
    """Detections of ``(x, y, width, height, score, label)``."""
    rows = sorted(rows, key=lambda row: -row[4])
    table = np.array(rows, np.float32).reshape(-1, 6)
    boxes = np.concatenate([table[:, :2], table[:, :2] + table[:, 2:4]], axis=1)
    return Detections(boxes, table[:, 4], table[:, 5].astype(np.int64), CLASSES, size)


def follow(frames, settings=None, rate=25.0):
    tracker = Tracker(SHOWN, settings)
    return [tracker.update(detections, number / rate) for number, detections in enumerate(frames)]


def test_an_object_keeps_its_id():
    results = follow([found((10 + 3 * n, 50, 40, 40, 0.9, 0)) for n in range(30)])
    assert [tracks.ids.tolist() for tracks in results] == [[1]] * 30


def test_a_new_object_needs_two_frames_unless_it_is_in_the_first():
    frames = [found(), found((10, 10, 40, 40, 0.9, 0)), found((11, 10, 40, 40, 0.9, 0))]
    assert [len(tracks.ids) for tracks in follow(frames)] == [0, 0, 1]


def test_a_flash_gets_no_id():
    frames = [found(), found((10, 10, 40, 40, 0.9, 0)), found(), found()]
    assert [len(tracks.ids) for tracks in follow(frames)] == [0, 0, 0, 0]


def test_weak_detections_continue_a_track_but_begin_none():
    seen = [found((10, 10, 40, 40, 0.9, 0))] * 3 + [found((10, 10, 40, 40, 0.2, 0))] * 5
    assert [tracks.ids.tolist() for tracks in follow(seen)] == [[1]] * 8
    assert [len(tracks.ids) for tracks in follow([found((10, 10, 40, 40, 0.2, 0))] * 5)] == [0] * 5


def test_objects_that_pass_each_other_keep_their_ids():
    """Two objects of one class go through each other."""
    frames = [found((20 + 6 * n, 80, 40, 40, 0.9, 0), (260 - 6 * n, 90, 40, 40, 0.8, 0)) for n in range(40)]
    results = follow(frames)
    to_the_right = [tracks.ids[tracks.detections.boxes[:, 1].argmin()] for tracks in results]
    assert set(to_the_right) == {1}
    assert all(sorted(tracks.ids.tolist()) == [1, 2] for tracks in results)


def test_a_hidden_object_is_found_again():
    frames = [found((10 + 3 * n, 50, 40, 40, 0.9, 0)) if not 20 <= n < 45 else found() for n in range(60)]
    results = follow(frames)
    assert results[59].ids.tolist() == [1]
    assert all(len(tracks.ids) == 0 for tracks in results[26:45])


def test_an_object_that_was_away_for_longer_gets_a_new_id():
    frames = [found((10, 50, 40, 40, 0.9, 0)) if not 10 <= n < 40 else found() for n in range(50)]
    results = follow(frames, TrackSettings(memory=1.0))
    assert results[49].ids.tolist() == [2]
    assert results[30].remembered.tolist() == [1]
    assert results[39].remembered.tolist() == []


@pytest.mark.parametrize(("carry", "expected"), [(0.0, 0), (0.08, 2), (0.2, 5)])
def test_a_box_is_carried_over_for_a_while(carry, expected):
    frames = [found((10 + 3 * n, 50, 40, 40, 0.9, 0)) if n < 20 else found() for n in range(40)]
    results = follow(frames, TrackSettings(carry=carry))
    carried = [tracks for tracks in results if tracks.carried.any()]
    assert len(carried) == expected
    for tracks in carried:
        assert tracks.ids.tolist() == [1]
    if carried:
        expected_box = np.array([[10 + 60, 50, 50 + 60, 90]])
        assert iou(carried[0].detections.boxes, expected_box)[0, 0] > 0.85


def test_no_box_is_carried_out_of_the_image():
    frames = [found((250 + 10 * n, 50, 40, 40, 0.9, 0)) if n < 5 else found() for n in range(10)]
    results = follow(frames, TrackSettings(carry=1))
    last = [tracks.detections.boxes for tracks in results if tracks.carried.any()]
    assert all((boxes[:, 2] <= 320).all() for boxes in last)
    assert len(results[9].ids) == 0


def test_scores_are_smoothed_unless_switched_off():
    frames = [found((10, 50, 40, 40, 0.9 if n % 2 else 0.5, 0)) for n in range(40)]
    smooth = [tracks.detections.scores[0] for tracks in follow(frames)[20:]]
    assert np.ptp(smooth) < 0.15
    raw = [tracks.detections.scores[0] for tracks in follow(frames, TrackSettings(smooth=False))[20:]]
    assert np.ptp(raw) == pytest.approx(0.4)


def test_a_track_has_the_class_that_it_had_most_often():
    frames = [found((10, 50, 40, 40, 0.9, 1 if n in (4, 9) else 0)) for n in range(15)]
    results = follow(frames)
    assert {tracks.detections.names[0] for tracks in results} == {"cat"}
    assert {tuple(tracks.ids) for tracks in results} == {(1,)}


def test_one_object_under_two_names_is_one_track():
    results = follow([found((10, 50, 40, 40, 0.9, 0), (11, 51, 40, 40, 0.6, 1)) for _ in range(10)])
    assert [tracks.ids.tolist() for tracks in results] == [[1]] * 10


def test_frames_may_be_any_time_apart():
    """Of a film only every fifth frame, and then a gap: the boxes are predicted by the clock."""
    times = [0, 0.2, 0.4, 0.6, 1.4, 1.6]
    tracker = Tracker(SHOWN)
    results = [tracker.update(found((10 + 75 * time, 50, 60, 60, 0.9, 0)), time) for time in times]
    assert [tracks.ids.tolist() for tracks in results] == [[1]] * 6


def test_rare_frames_do_not_end_tracks():
    tracker = Tracker(SHOWN, TrackSettings(memory=1.0))
    results = [tracker.update(found((10, 50, 40, 40, 0.9, 0)), 5.0 * n) for n in range(4)]
    assert [tracks.ids.tolist() for tracks in results] == [[1]] * 4


def test_a_clock_that_stands_or_runs_back_breaks_nothing():
    tracker = Tracker(SHOWN)
    results = [tracker.update(found((10, 50, 40, 40, 0.9, 0)), time) for time in (1.0, 1.0, 0.5, 0.54)]
    assert [tracks.ids.tolist() for tracks in results] == [[1]] * 4


def test_ids_have_no_gaps():
    rng = np.random.default_rng(0)
    frames = [found(*((*rng.uniform(0, 200, 2), 30, 30, rng.uniform(0.2, 1), 0) for _ in range(6))) for _ in range(60)]
    given = sorted({id for tracks in follow(frames) for id in tracks.ids.tolist()})
    assert given == list(range(1, len(given) + 1))


def test_an_id_appears_once_in_a_frame():
    rng = np.random.default_rng(1)
    base = rng.uniform(20, 200, (8, 2))
    frames = []
    for _ in range(80):
        base += rng.normal(0, 6, base.shape)
        frames.append(found(*((x, y, 40, 40, rng.uniform(0.05, 1), int(rng.integers(2))) for x, y in base)))
    for tracks in follow(frames):
        assert len(set(tracks.ids.tolist())) == len(tracks.ids)
        assert set(tracks.ids.tolist()) <= set(tracks.remembered.tolist())
        assert len(tracks.ids) == len(tracks.carried) == len(tracks.detections)


def test_pairs_have_the_largest_sum():
    rng = np.random.default_rng(0)
    for _ in range(50):
        likeness = rng.uniform(0, 1, (4, 4))
        rows, columns = pair(likeness, 0.0)
        best = max(sum(likeness[i, j] for i, j in enumerate(order)) for order in itertools.permutations(range(4)))
        assert likeness[rows, columns].sum() == pytest.approx(best)


def test_pairs_below_the_least_likeness_are_none():
    rows, columns = pair(np.array([[0.1, 0.9], [0.15, 0.0]]), 0.2)
    assert (rows.tolist(), columns.tolist()) == ([0], [1])
    assert pair(np.zeros((0, 3)), 0.2)[0].tolist() == []


def test_no_track_begins_inside_another_of_its_class():
    """A light detector often finds a part of an object as a second one."""
    inner = (15, 55, 20, 20, 0.6)
    results = follow([found((10, 50, 40, 40, 0.9, 0), (*inner, 0)) for _ in range(10)])
    assert [tracks.ids.tolist() for tracks in results] == [[1]] * 10
    results = follow([found((10, 50, 40, 40, 0.9, 0), (*inner, 1)) for _ in range(10)])
    assert results[-1].ids.tolist() == [1, 2]


def test_a_small_object_may_pass_a_large_one():
    frames = [found((100, 40, 120, 120, 0.9, 0), (20 + 6 * n, 90, 30, 30, 0.8, 0)) for n in range(40)]
    results = follow(frames)
    assert results[-1].remembered.tolist() == [1, 2]
    assert {tuple(tracks.ids.tolist()) for tracks in results[1:]} == {(1, 2)}


def test_a_weak_detection_keeps_no_track_from_beginning():
    """A weak box lies around the certain one in every frame."""
    results = follow([found((10, 50, 40, 40, 0.95, 0), (5, 45, 60, 60, 0.15, 0)) for _ in range(6)])
    assert results[-1].ids.tolist() == [1]


def test_an_object_that_is_seen_twice_does_not_revive_a_lost_track():
    """A part of the object was a track of its own before, and is found again beside the object."""
    whole, part = (100, 50, 80, 80, 0.9, 0), (20, 60, 40, 40, 0.8, 0)
    inside = (104, 60, 40, 40, 0.7, 0)
    frames = [found(whole, part)] * 5 + [found(whole)] * 20 + [found(whole, inside)] * 10
    assert {tuple(tracks.ids.tolist()) for tracks in follow(frames)[10:]} == {(1,)}
