import json
from collections import Counter

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from multibox.cli import main
from multibox.data.merge import merge_datasets
from multibox.data.open import open_stores
from multibox.data.record import Record, make_objects
from multibox.data.rewrite import write_splits
from multibox.data.sample import draw_scene
from multibox.data.split import deal, parse_shares, split_dataset
from multibox.data.store import data_root
from multibox.errors import BadInput


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    return tmp_path


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(np.random.default_rng(seed), 96)[0] for seed in range(20)]


def record(record_id, scene, labels=(0,), quality=90):
    data = cv2.imencode(".jpg", scene, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    boxes = [[1, 1, 20 + i, 30] for i in range(len(labels))]
    return Record(record_id, data, scene.shape[1], scene.shape[0], make_objects(boxes, labels))


def everything(stores):
    """Images, names of objects and boxes, whatever their ids and splits."""
    return Counter(
        (record.image, tuple(store.meta.classes[label] for label in record.objects.labels), str(record.objects.boxes))
        for store in stores
        for record in store
    )


def test_shares():
    assert parse_shares("train=0.8, val=.1,test=0.1") == {"train": 0.8, "val": 0.1, "test": 0.1}
    for text in ("train", "train=0.8", "train=0.5,train=0.5", "train=1,val=0", "a/b=1", "train=-1,val=2", ""):
        with pytest.raises(BadInput, match=r"^shares: "):
            parse_shares(text)


def test_each_class_is_dealt_by_the_shares():
    """Of a class in 20 of 1000 images, 10% are 2: by chance alone it would often be 0 or 5."""
    rng = np.random.default_rng(0)
    present = rng.random((1000, 4)) < [0.8, 0.3, 0.1, 0.0]
    present[:, 3] = np.arange(1000) % 50 == 0
    for seed in range(5):
        chosen = deal(present, np.arange(1000), (0.8, 0.1, 0.1), np.random.default_rng(seed))
        assert np.abs(np.bincount(chosen) - (800, 100, 100)).max() <= 10
        for split, share in enumerate((0.8, 0.1, 0.1)):
            wanted = share * present.sum(axis=0)
            assert np.abs(present[chosen == split].sum(axis=0) - wanted).max() <= 0.06 * wanted.max() + 1
            assert present[chosen == split, 3].sum() == wanted[3]


def test_groups_stay_together():
    groups = np.repeat(np.arange(20), 5)
    chosen = deal(np.ones((100, 1), np.bool_), groups, (0.5, 0.5), np.random.default_rng(0))
    assert all(len(set(chosen[groups == group])) == 1 for group in range(20))
    assert np.bincount(chosen).tolist() == [50, 50]


def test_a_split(scenes):
    first = [record(str(i), scene, (i % 2,)) for i, scene in enumerate(scenes)]
    second = [record(str(i), scene, (i % 2, 1), quality=60) for i, scene in enumerate(scenes[:6])]
    old = write_splits("old", {"train": first, "val": second}, ("ant", "bee"), source="test", category_ids=(3, 5))
    new = split_dataset(old, "new", {"train": 0.5, "test": 0.5}, seed=1)
    assert everything(new) == everything(old)
    assert [store.meta.category_ids for store in new] == [(3, 5), (3, 5)]
    where = {record_id: store.meta.split for store in new for record_id in store.ids}
    assert len(where) == 26
    assert all(where[f"train/{i}"] == where[f"val/{i}"] for i in range(6))
    assert split_dataset(old, "same", {"train": 0.5, "test": 0.5}, seed=1)[0].ids == new[0].ids
    assert split_dataset(old, "other", {"train": 0.5, "test": 0.5}, seed=2)[0].ids != new[0].ids
    assert not any("/" in record_id for record_id in split_dataset(old[:1], "plain", {"train": 1.0})[0].ids)


def test_too_few_images(scenes):
    old = write_splits("old", {"train": [record("a", scenes[0])]}, ("ant",), source="test")
    with pytest.raises(BadInput, match="would get none of the 1 images"):
        split_dataset(old, "new", {"train": 0.9, "val": 0.1})
    with pytest.raises(BadInput, match="old: exists already"):
        split_dataset(old, "old", {"train": 1.0})
    assert [path.name for path in data_root().iterdir()] == ["old"]


def test_a_merge(scenes):
    one = write_splits(
        "one",
        {"train": [record("1", scenes[0], (0, 1))], "val": [record("2", scenes[1], (1,))]},
        ("cat", "dog"),
        source="test",
    )
    two = write_splits(
        "two",
        {"train": [record("1", scenes[2], (0, 1)), record("empty", scenes[3], ())], "test": [record("1", scenes[4])]},
        ("dog", "bird"),
        source="test",
    )
    both = merge_datasets([*one, *two], "both")
    assert [store.meta.split for store in both] == ["train", "val", "test"]
    assert both[0].meta.classes == ("cat", "dog", "bird")
    assert both[0].ids == ("one/1", "two/1", "two/empty")
    assert [record.objects.labels.tolist() for record in both[0]] == [[0, 1], [1, 2], []]
    assert everything(both) == everything([*one, *two])
    assert both[0].meta.counts.per_class == {"cat": 1, "dog": 2, "bird": 1}
    with pytest.raises(BadInput, match="given twice"):
        merge_datasets([*one, one[0]], "twice")
    with pytest.raises(BadInput, match="both: exists already"):
        merge_datasets(one, "both")


def test_a_dataset_that_was_renamed_clashes_with_none(scenes):
    write_splits("old", {"train": [record("1", scenes[0])]}, ("ant",), source="test")
    (data_root() / "old").rename(data_root() / "older")
    write_splits("old", {"train": [record("1", scenes[1])]}, ("ant",), source="test")
    (both,) = merge_datasets([*open_stores("old"), *open_stores("older")], "both")
    assert both.ids == ("old/1", "older/1")


def test_a_damaged_image_is_named(scenes):
    damaged = Record("b", b"no image", 10, 10, make_objects([], []))
    old = write_splits("old", {"train": [record("a", scenes[0]), damaged]}, ("ant",), source="test")
    with pytest.raises(BadInput, match="old/train: record b: does not decode"):
        split_dataset(old, "new", {"train": 0.5, "val": 0.5})


def test_category_numbers_stay_only_where_all_agree(scenes):
    def one(name, classes, numbers):
        return write_splits(name, {"train": [record("a", scenes[0])]}, classes, source="t", category_ids=numbers)

    a, b, c = one("a", ("x", "y"), (7, 9)), one("b", ("x", "y"), (7, 9)), one("c", ("x", "z"), (7, 9))
    assert merge_datasets([*a, *b], "ab")[0].meta.category_ids == (7, 9)
    assert merge_datasets([*a, *c], "ac")[0].meta.category_ids == (1, 2, 3)


def test_the_commands(scenes):
    write_splits("old", {"train": [record(str(i), scene) for i, scene in enumerate(scenes)]}, ("ant",), source="test")
    run = CliRunner().invoke
    assert run(main, ["data", "split", "old", "--name", "new", "--shares", "train=0.8,val=0.2"]).exit_code == 0
    assert [len(store) for store in open_stores("new")] == [16, 4]
    assert run(main, ["data", "merge", "old", "new/val", "--name", "both"]).exit_code == 0
    assert [len(store) for store in open_stores("both")] == [20, 4]
    assert run(main, ["data", "info", "both"]).exit_code == 0
    result = run(main, ["data", "split", "old", "--name", "x", "--shares", "train=2"])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_stats(root):
    objects = make_objects([[0, 0, 10, 20], [0, 0, 50, 50], [0, 0, 100, 100]], [0, 0, 1], difficult=[1, 0, 0])
    image = cv2.imencode(".png", np.zeros((100, 200, 3), np.uint8))[1].tobytes()
    records = [Record("a", image, 200, 100, objects), Record("b", image, 200, 100, make_objects([], []))]
    write_splits("s", {"train": records}, ("ant", "bee", "none"), source="test")
    stats = json.loads(CliRunner().invoke(main, ["data", "stats", "s", "--json"]).stdout)["train"]
    assert (stats["images"], stats["empty"], stats["objects"]) == (2, 1, 3)
    assert stats["per_class"] == {"ant": 2, "bee": 1, "none": 0}
    assert stats["images_per_class"] == {"ant": 1, "bee": 1, "none": 0}
    assert stats["sizes"] == {"small": 1, "medium": 1, "large": 1}
    assert stats["flags"] == {"difficult": 1, "crowd": 0, "truncated": 0, "occluded": 0}
    assert stats["objects_per_image"] == [0, 0.3, 1.5, 2.7, 3]
    assert stats["width"] == [200] * 5
    assert stats["aspect"][0] == 0.5
    assert stats["side"][-1] == pytest.approx((100 * 100 / (200 * 100)) ** 0.5, abs=1e-4)
    assert "2 in 1" in CliRunner().invoke(main, ["data", "stats", "s"]).output


def test_classes_that_look_like_markup(scenes):
    write_splits("s", {"train": [record("a", scenes[0], (0, 1))]}, ("[/b]", "[red]x"), source="test")
    shown = CliRunner().invoke(main, ["data", "stats", "s"]).output
    assert "[/b]" in shown
    assert "[red]x" in shown


def test_stats_of_nothing(root):
    image = cv2.imencode(".png", np.zeros((10, 10, 3), np.uint8))[1].tobytes()
    write_splits("s", {"train": [Record("a", image, 10, 10, make_objects([], []))]}, ("ant",), source="test")
    assert CliRunner().invoke(main, ["data", "stats", "s"]).exit_code == 0
