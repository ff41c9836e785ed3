"""Counts of objects that cross lines and enter zones."""

import numpy as np
import pytest

from multibox.detect.detections import Detections
from multibox.errors import BadInput
from multibox.tracking.counting import Counting
from multibox.tracking.places import parse_line, parse_zone
from multibox.tracking.tracker import Tracks

SIZE = (200, 200)
GATE = parse_line("gate:100,0,100,200")
YARD = parse_zone("yard:50,50,150,50,150,150,50,150")


def tracks(places, *, label=0, carried=(), remembered=None):
    """Objects of 40 x 40 pixels at ``{id: (x, y)}``, their centres."""
    ids = np.array(list(places), np.int64)
    centers = np.array(list(places.values()), np.float32).reshape(-1, 2)
    boxes = np.concatenate([centers - 20, centers + 20], axis=1)
    scores, labels = np.ones(len(ids), np.float32), np.full(len(ids), label, np.int64)
    detections = Detections(boxes, scores, labels, ("car", "bus"), SIZE)
    remembered = ids if remembered is None else np.array(remembered, np.int64)
    return Tracks(detections, ids, np.isin(ids, carried), remembered)


def counted(xs, places=(GATE,), y=100.0, **options):
    """Numbers and events after one object was at each x in turn."""
    counting = Counting(places, **options)
    events = [event for n, x in enumerate(xs) for event in counting.update(tracks({1: (x, y)}), n / 25)]
    return {kind: names.total() for kind, names in counting.counts[places[0].name].items()}, events


def test_each_direction_counts():
    assert counted([60, 90, 120, 150])[0] == {"in": 0, "out": 1}
    assert counted([150, 120, 90, 60])[0] == {"in": 1, "out": 0}
    assert counted([60, 150, 60, 150])[0] == {"in": 1, "out": 2}


def test_in_is_to_the_right_as_seen_along_the_line():
    """Someone who walks down the image has the image's left on the right hand."""
    _, (event,) = counted([150, 60])
    assert event.what == "in"
    down = parse_line("floor:0,100,200,100")
    counting = Counting([down])
    events = [e for n, y in enumerate([60, 140]) for e in counting.update(tracks({1: (100, y)}), n)]
    assert [event.what for event in events] == ["in"]


def test_what_trembles_on_the_line_is_not_counted():
    rng = np.random.default_rng(0)
    assert counted(100 + rng.normal(0, 1.0, 500))[0] == {"in": 0, "out": 0}


def test_what_comes_stands_trembles_and_goes_on_counts_once():
    rng = np.random.default_rng(0)
    xs = [*np.linspace(20, 100, 30), *(100 + rng.normal(0, 1.0, 300)), *np.linspace(100, 180, 30)]
    assert counted(xs)[0] == {"in": 0, "out": 1}


def test_what_comes_stands_and_goes_back_does_not_count():
    rng = np.random.default_rng(0)
    xs = [*np.linspace(20, 100, 30), *(100 + rng.normal(0, 1.0, 300)), *np.linspace(100, 20, 30)]
    assert counted(xs)[0] == {"in": 0, "out": 0}


def test_past_the_ends_of_a_line_nothing_is_counted():
    short = parse_line("door:100,80,100,120")
    assert counted([60, 140], (short,), y=100)[0] == {"in": 0, "out": 1}
    assert counted([60, 140], (short,), y=20)[0] == {"in": 0, "out": 0}


def test_an_object_that_was_not_seen_on_the_line_counts():
    counting = Counting([GATE])
    counting.update(tracks({1: (60, 100)}), 0)
    counting.update(tracks({}, remembered=[1]), 1)
    (event,) = counting.update(tracks({1: (150, 100)}), 2)
    assert (event.what, event.seconds, event.total) == ("out", 2, 1)


def test_carried_boxes_are_not_counted():
    counting = Counting([GATE])
    counting.update(tracks({1: (60, 100)}), 0)
    assert counting.update(tracks({1: (150, 100)}, carried=[1]), 1) == ()


def test_classes_count_apart():
    counting = Counting([GATE])
    for label, ids in ((0, (1, 2)), (1, (3,))):
        for x in (60, 150):
            counting.update(tracks(dict.fromkeys(ids, (x, 100)), label=label), x)
    assert counting.counts["gate"]["out"] == {"car": 2, "bus": 1}


def test_a_zone_counts_who_is_inside():
    numbers, events = counted([20, 45, 60, 100, 100, 160, 190], (YARD,))
    assert numbers == {"inside": 0, "entered": 1, "left": 1}
    assert [event.what for event in events] == ["entered", "left"]
    assert events[1].stayed == pytest.approx(3 / 25)


def test_what_trembles_at_the_edge_of_a_zone_enters_once():
    rng = np.random.default_rng(0)
    assert counted([30, *(50 + rng.normal(0, 1, 300)), 80], (YARD,))[0]["entered"] == 1


def test_entered_less_left_is_inside():
    """Whatever happens: also where objects begin inside, vanish there, or change their class."""
    rng = np.random.default_rng(0)
    counting, alive, following = Counting([YARD]), {}, 1
    for n in range(600):
        if rng.random() < 0.1:
            alive[following], following = rng.uniform(0, 200, 2), following + 1
        if alive and rng.random() < 0.08:
            del alive[int(rng.choice(list(alive)))]
        alive = {id: place + rng.normal(0, 8, 2) for id, place in alive.items()}
        counting.update(tracks(alive, label=int(rng.integers(2))), n / 25)
        numbers = counting.counts["yard"]
        for name in ("car", "bus"):
            assert numbers["inside"][name] == numbers["entered"][name] - numbers["left"][name]
    inside = sum(50 < x < 150 and 50 < y < 150 for x, y in alive.values())
    assert abs(numbers["inside"].total() - inside) <= 2  # those within the margin
    assert numbers["entered"].total() > 20


def test_an_object_that_is_lost_inside_leaves_when_it_was_last_seen():
    counting = Counting([YARD])
    counting.update(tracks({1: (100, 100)}), 1.0)
    counting.update(tracks({1: (100, 100)}), 3.0)
    (event,) = counting.update(tracks({}, remembered=[]), 9.0)
    assert (event.what, event.seconds, event.stayed) == ("left", 3.0, 2.0)


def test_nothing_is_kept_of_objects_that_are_forgotten():
    counting = Counting([GATE, YARD])
    for n in range(1000):
        counting.update(tracks({n: (n % 200, 100)}), n)
    assert len(counting._at) <= 2


def test_the_anchor_may_be_the_lower_edge():
    line = parse_line("kerb:0,100,200,100")
    for anchor, expected in (("center", {"in": 0, "out": 0}), ("bottom", {"in": 1, "out": 0})):
        counting = Counting([line], anchor)
        for n, y in enumerate((60, 90)):
            counting.update(tracks({1: (100, y)}), n)
        assert {kind: names.total() for kind, names in counting.counts["kerb"].items()} == expected


def test_counts_of_earlier_frames_do_not_change():
    counting = Counting([GATE])
    counting.update(tracks({1: (60, 100)}), 0)
    before = counting.counts
    counting.update(tracks({1: (150, 100)}), 1)
    assert before["gate"]["out"].total() == 0
    assert counting.counts["gate"]["out"].total() == 1


@pytest.mark.parametrize("text", ["0,0,1,1", ":0,0,1,1", "a:0,0,1", "a:b:0,0,x,1"])
def test_a_line_without_name_or_numbers_is_refused(text):
    with pytest.raises(BadInput, match="line: "):
        parse_line(text)


def test_a_small_zone_can_be_entered():
    zone = parse_zone("step:95,95,105,95,105,105,95,105")
    assert counted([60, 100, 140], (zone,))[0] == {"inside": 0, "entered": 1, "left": 1}


def test_what_trembles_at_the_edge_of_a_zone_that_crosses_itself_enters_once():
    bow = parse_zone("bow:0,0,200,200,200,0,0,200")
    rng = np.random.default_rng(0)
    assert counted([100, *(140 + rng.normal(0, 0.6, 200))], (bow,), y=100)[0]["entered"] == 1
    assert counted([20, *(100 + rng.normal(0, 0.6, 200)), 150], (bow,), y=100)[0]["entered"] <= 2
