import numpy as np
import pytest

from multibox.data.record import Record, make_objects
from multibox.data.store_writer import write_store
from multibox.detect.detections import Detections
from multibox.evaluation.columns import found_in, places, truth_of


def make_record(name, boxes, labels, **flags):
    return Record(id=name, image=b"unread", width=200, height=100, objects=make_objects(boxes, labels, **flags))


@pytest.fixture
def stores(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path))
    first = [
        make_record("one", [(0, 0, 1, 2), (3, 4, 5, 6)], [0, 1], difficult=[False, True]),
        make_record("none", [], []),
    ]
    second = [make_record("one", [(7, 8, 9, 10), (1, 1, 2, 2)], [0, 1], crowd=[True, False], area=[5, 6])]
    return [write_store("a", "test", first, ("cat", "dog")), write_store("b", "test", second, ("dog", "emu"))]


def test_truth_of_one_store(stores):
    truth = truth_of(stores[:1], ("cat", "dog"))
    assert truth.image_ids == ("one", "none")
    assert truth.image_sizes.tolist() == [[200, 100], [200, 100]]
    assert truth.images.tolist() == [0, 0]
    assert truth.labels.tolist() == [0, 1]
    assert truth.boxes.tolist() == [[0, 0, 1, 2], [3, 4, 5, 6]]
    assert truth.counted.tolist() == [True, False]


def test_truth_of_two_stores_is_joined_by_name(stores):
    truth = truth_of(stores, ("dog", "cat"))
    assert truth.image_ids == ("a/test/one", "a/test/none", "b/test/one")
    assert truth.images.tolist() == [0, 0, 2]
    assert truth.labels.tolist() == [1, 0, 0]
    assert truth.crowd.tolist() == [False, False, True]
    assert truth.area.tolist() == [2, 4, 5]
    assert len(truth) == 3


def test_truth_of_an_empty_store(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path))
    truth = truth_of([write_store("empty", "test", [], ("cat",))], ("cat",))
    assert truth.image_sizes.shape == (0, 2)
    assert truth.boxes.shape == (0, 4)


def test_places():
    assert places(("a", "b", "c"), ("c", "a")).tolist() == [1, -1, 0]


def test_found_in_joins_and_relabels():
    def some(boxes, scores, labels):
        return Detections(
            np.array(boxes, np.float32).reshape(-1, 4),
            np.array(scores, np.float32),
            np.array(labels, np.int64),
            ("a", "b"),
            (9, 9),
        )

    parts = [some([(0, 0, 1, 1), (1, 1, 2, 2)], [0.5, 0.25], [0, 1]), some([], [], []), some([(3, 3, 4, 4)], [1], [1])]
    found = found_in(parts)
    assert found.images.tolist() == [0, 0, 2]
    assert found.labels.tolist() == [0, 1, 1]
    relabelled = found_in(parts, relabel=places(("a", "b"), ("b",)))
    assert relabelled.images.tolist() == [0, 2]
    assert relabelled.labels.tolist() == [0, 0]
    assert relabelled.scores.tolist() == [0.25, 1]


def test_found_in_nothing():
    found = found_in([])
    assert len(found) == 0
    assert found.boxes.shape == (0, 4)
