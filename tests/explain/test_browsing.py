"""Browsing finds the right images, and the same mistakes as the evaluation."""

import json

import numpy as np
import pytest

from multibox.data.record import Record, make_objects
from multibox.data.store_writer import write_store
from multibox.errors import BadInput
from multibox.evaluation.mistakes import find_mistakes as count_mistakes
from multibox.evaluation.outcomes import find_outcomes
from multibox.evaluation.reading.read_results import read_results
from multibox.evaluation.test_set import open_test_set
from multibox.explain.browsing import LabelledDataset, open_datasets

CLASSES = ("cat", "dog", "owl")
SMALL, LARGE = (10, 10, 30, 30), (20, 20, 180, 180)


def detection(image, label, box, score=0.9):
    x0, y0, x1, y1 = box
    return {"image_id": image, "category_id": label + 1, "bbox": [x0, y0, x1 - x0, y1 - y0], "score": score}


@pytest.fixture
def store(tmp_path, monkeypatch):
    """a: a small cat. b: a large dog and a small cat. c: nothing. d: a large cat. e: a difficult owl."""
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    shown = {
        "a": make_objects([SMALL], [0]),
        "b": make_objects([LARGE, SMALL], [1, 0]),
        "c": make_objects([], []),
        "d": make_objects([LARGE], [0]),
        "e": make_objects([LARGE], [2], difficult=[1]),
    }
    return write_store("zoo", "val", [Record(name, b"", 200, 200, objects) for name, objects in shown.items()], CLASSES)


@pytest.fixture
def detections(tmp_path):
    """a: found, and found twice. b: the dog is called a cat, the cat is missed. c: an owl. d: below the threshold."""
    rows = [
        detection("a", 0, SMALL),
        detection("a", 0, (10, 10, 30, 29), 0.8),
        detection("b", 0, LARGE, 0.7),
        detection("c", 2, (50, 50, 120, 120), 0.6),
        detection("d", 0, LARGE, 0.3),
        detection("e", 2, LARGE, 0.9),
    ]
    path = tmp_path / "found.json"
    path.write_text(json.dumps(rows))
    return path


def ids(dataset, **filters):
    return [dataset.store.ids[i] for i in dataset.choose(**filters)]


def test_filters_by_class_and_size(store):
    dataset = LabelledDataset(store)
    assert ids(dataset) == ["a", "b", "c", "d", "e"]
    assert ids(dataset, name="cat") == ["a", "b", "d"]
    assert ids(dataset, size="small") == ["a", "b"]
    assert ids(dataset, name="cat", size="large") == ["d"]  # b shows a cat and something large, but no large cat
    assert ids(dataset, size="medium") == []


def test_filters_by_mistakes(store, detections):
    dataset = LabelledDataset(store, detections)
    assert ids(dataset, mistake="missed") == ["b", "d"]
    assert ids(dataset, mistake="false") == ["a", "c"]
    assert ids(dataset, mistake="mislabelled") == ["b"]
    assert ids(dataset, mistake="missed", size="small") == ["b"]
    assert ids(dataset, mistake="false", name="owl") == ["c"]
    assert ids(dataset, mistake="mislabelled", name="dog") == []  # it was called a cat


def test_what_is_said_of_a_picture(store, detections):
    dataset = LabelledDataset(store, detections)
    known = dataset.describe(1)
    assert (known["id"], known["width"], known["height"]) == ("b", 200, 200)
    assert known["objects"] == [
        {"name": "dog", "box": LARGE, "difficult": False},
        {"name": "cat", "box": SMALL, "difficult": False},
    ]
    assert known["mistakes"]["missed"] == [{"name": "cat", "box": SMALL}]
    assert known["mistakes"]["false"] == []
    (wrong,) = known["mistakes"]["mislabelled"]
    assert wrong == {
        "name": "cat",
        "box": LARGE,
        "score": pytest.approx(0.7),
        "error": "classification",
        "object": "dog",
    }
    assert [one["error"] for one in dataset.describe(0)["mistakes"]["false"]] == ["duplicate"]
    assert [one["error"] for one in dataset.describe(2)["mistakes"]["false"]] == ["background"]
    assert dataset.describe(4)["mistakes"] == {"missed": [], "false": [], "mislabelled": []}  # difficult: no one asks
    assert "mistakes" not in LabelledDataset(store).describe(1)
    json.dumps(known)


def test_mistakes_are_those_of_the_evaluation(store, detections):
    """Together they are what the evaluation's report counts, image by image."""
    dataset = LabelledDataset(store, detections)
    test_set = open_test_set(store)
    found = read_results(detections, test_set).found
    counted = count_mistakes(find_outcomes(test_set.truth, found), np.full(3, 0.4))
    for i in range(len(store)):
        known = dataset.describe(i)["mistakes"]
        assert len(known["false"]) + len(known["mislabelled"]) == counted.false_alarms[i]
        assert len(known["missed"]) + len(known["mislabelled"]) == counted.missed_count[i]


def test_thresholds_by_class_and_classes_that_are_not_known(store, detections):
    dataset = LabelledDataset(store, detections, {"cat": 0.2})
    assert ids(dataset, mistake="missed") == ["b"]  # the dog is nobody's mistake, d's cat is shown now
    assert ids(dataset, mistake="false") == ["a", "b"]
    assert ids(dataset, name="dog") == ["b"]


def test_nothing_found(store, tmp_path):
    (tmp_path / "none.json").write_text("[]")
    assert ids(LabelledDataset(store, tmp_path / "none.json"), mistake="missed") == ["a", "b", "d"]


def test_refusals(store, detections, tmp_path):
    dataset = LabelledDataset(store)
    with pytest.raises(BadInput, match="no class 'cow'; its classes are cat, dog, owl"):
        dataset.choose(name="cow")
    with pytest.raises(BadInput, match="no mistakes are known; open the dataset with a file of detections"):
        dataset.choose(mistake="false")
    with pytest.raises(BadInput, match=r"has no image '\.\./\.\./etc'"):
        dataset.record("../../etc")
    with pytest.raises(BadInput, match="no such store"):
        open_datasets(["zoo/val", "zoo/test"])
    assert dataset.record("b").id == "b"


def test_detections_go_to_the_dataset_they_were_found_in(store, detections, tmp_path):
    write_store("other", "val", [Record("z", b"", 9, 9, make_objects([], []))], CLASSES)
    datasets = open_datasets(["other/val", "zoo/val"], detections)
    assert [(name, bool(dataset.mistakes)) for name, dataset in datasets.items()] == [
        ("other/val", False),
        ("zoo/val", True),
    ]
    with pytest.raises(BadInput, match="6 of 6 rows cannot be used: image_id is not an image of the dataset"):
        open_datasets(["other/val"], detections)
    with pytest.raises(BadInput, match="give the dataset that they belong to"):
        open_datasets([], detections)
    assert open_datasets([]) == {}
