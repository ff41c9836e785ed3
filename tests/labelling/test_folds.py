import json

import cv2
import numpy as np
import pytest

from multibox.data.record import Record, make_objects
from multibox.data.rewrite import write_splits
from multibox.data.store import open_store
from multibox.errors import BadInput
from multibox.labelling.folds import divide


def picture(seed, brighter=0):
    """A JPEG of random rectangles, which look like no other seed's."""
    rng = np.random.default_rng(seed)
    image = np.full((64, 64, 3), 90, np.uint8)
    for _ in range(12):
        x, y, width, height = rng.integers(0, 48, 4)
        color = [int(value) for value in rng.integers(0, 220, 3)]
        cv2.rectangle(image, (int(x), int(y)), (int(x + width), int(y + height)), color, -1)
    return cv2.imencode(".jpg", cv2.add(image, (brighter,) * 4))[1].tobytes()


def record(name, seed, brighter=0):
    return Record(name, picture(seed, brighter), 64, 64, make_objects([[5, 5, 40, 40]], [seed % 2]))


@pytest.fixture
def stores(tmp_path, monkeypatch):
    """Two splits of twelve images: each image of the one has a brighter copy in the other."""
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path))
    splits = {
        "train": [record(f"{i}", i) for i in range(12)],
        "val": [record(f"{i}", i, brighter=8) for i in range(12)],
    }
    return write_splits("pets", splits, ("cat", "dog"), source="test")


def test_each_image_is_in_one_fold_with_its_look_alikes(stores):
    folds = divide(stores, 3)
    assert [f"{store.meta.name}/{store.meta.split}" for store in folds] == [f"pets-folds/fold{k}" for k in (1, 2, 3)]
    assert sorted(name for store in folds for name in store.ids) == sorted(
        f"{split}/{i}" for split in ("train", "val") for i in range(12)
    )
    for store in folds:
        of_split = {
            split: {name[len(split) + 1 :] for name in store.ids if name.startswith(split)}
            for split in ("train", "val")
        }
        assert of_split["train"] == of_split["val"]
        assert len(of_split["train"]) == 4


def test_each_class_is_divided_evenly_and_records_are_unchanged(stores):
    folds = divide(stores, 2)
    assert [store.meta.counts.per_class for store in folds] == [{"cat": 6, "dog": 6}] * 2
    first = folds[0][0]
    split, name = first.id.split("/")
    assert first.image == open_store(f"pets/{split}")[int(name)].image


def test_the_same_seed_gives_the_same_folds_and_another_one_others(stores, tmp_path, monkeypatch):
    ids = []
    for run, seed in enumerate((0, 0, 1)):
        monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / str(run)))
        ids.append([store.ids for store in divide(stores, 3, seed=seed)])
    assert ids[0] == ids[1] != ids[2]


def test_folds_that_exist_are_used_again_on_request_alone(stores):
    made = divide(stores, 3)
    with pytest.raises(BadInput, match="go on with these folds by resume=True"):
        divide(stores, 3)
    assert [store.meta for store in divide(stores, 3, resume=True)] == [store.meta for store in made]


@pytest.mark.parametrize("change", [{"folds": 2}, {"seed": 1}, {"stores": 1}])
def test_folds_of_another_division_are_not_used(stores, change):
    divide(stores, 3)
    with pytest.raises(BadInput, match="other data, another number of folds or another seed"):
        divide(stores[: change.get("stores", 2)], change.get("folds", 3), seed=change.get("seed", 0), resume=True)


def test_a_dataset_that_happens_to_have_the_name_is_not_taken_for_folds(stores, tmp_path):
    write_splits("pets-folds", {"fold1": [record("a", 1)]}, ("cat", "dog"), source="somebody")
    with pytest.raises(BadInput, match="holds folds of other data"):
        divide(stores, 3, resume=True)
    assert "folds" not in json.loads((tmp_path / "pets-folds" / "build.json").read_text())


def test_images_that_all_look_alike_cannot_be_divided(stores):
    alike = write_splits("one", {"train": [record(str(i), 0, i) for i in range(6)]}, ("cat", "dog"), source="test")
    with pytest.raises(BadInput, match="too few or too alike"):
        divide(alike, 3)
    with pytest.raises(BadInput, match="at least 2"):
        divide(stores, 1)
