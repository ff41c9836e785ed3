"""What cannot be learned or measured is said, or refused, before the first step."""

import re

import pytest

from multibox.config_file import load_config
from multibox.data.object_kinds import learned
from multibox.data.presence import presence_in
from multibox.data.record import Record, make_objects
from multibox.data.store import Store, store_path
from multibox.data.store_writer import StoreWriter, new_dataset
from multibox.errors import BadInput
from multibox.training.usable_data import measured_classes, remarks, require_objects

CLASSES = ("cat", "dog")


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path))


def image(number, *labels, **flags):
    boxes = [[0, 0, 10 + label, 10] for label in labels]
    columns = {flag: [True] * len(labels) for flag in flags}
    return Record(str(number), b"", 20, 20, make_objects(boxes, list(labels), **columns))


def dataset(name, classes=CLASSES, **splits):
    """Stores of one dataset, with the records of each split."""
    with new_dataset(name) as folder:
        for split, records in splits.items():
            with StoreWriter(folder / f"{split}.lmdb", name=name, split=split, classes=classes) as writer:
                for record in records:
                    writer.add(record)
    return [Store(store_path(name, split)) for split in splits]


def configured(train=("pets/train",), val=("pets/val",), **others):
    return load_config(overrides={"data.train": train, "data.val": val, "data.classes": CLASSES, **others})


def said(config, stores, validation):
    measured = measured_classes(config.data.classes, validation)
    return list(remarks(config, stores, validation, presence(config, stores), measured))


def presence(config, stores):
    return presence_in(stores, config.data.classes, learned(config.data.difficult))


GOOD = [image(0, 0, 1)]


def test_nothing_is_said_of_data_that_have_everything():
    train, val = dataset("pets", train=GOOD, val=GOOD)
    require_objects(configured(), [train])
    assert said(configured(), [train], [val]) == []


def test_a_run_without_validation_data_says_so_and_how_to_get_some():
    (train,) = dataset("pets", train=GOOD)
    assert said(configured(val=()), [train], []) == [
        "no validation data, so no mAP is measured and best.keras is the last model; divide the images of pets/train "
        "with 'multibox data split', or set data.val=[NAME/SPLIT]"
    ]


def test_who_chose_to_have_no_validation_data_is_not_advised_to_get_some():
    (train,) = dataset("pets", train=GOOD)
    config = configured(val=())
    lines = remarks(config, [train], [], presence(config, [train]), (), is_val_chosen=True)
    assert list(lines) == ["no validation data, so no mAP is measured and best.keras is the last model"]


def test_a_split_that_could_be_validated_on_is_named_and_the_test_split_is_not():
    train, *_ = dataset("pets", train=GOOD, test=GOOD, dev=GOOD, minival=GOOD)
    (line,) = said(configured(val=()), [train], [])
    assert line.endswith("; set data.val=[pets/dev], or another of pets/dev, pets/minival")


@pytest.mark.parametrize(
    ("records", "why", "advice"),
    [
        ([], "there is no object", "annotate its images"),
        ([image(0), image(1)], "there is no object", "annotate its images"),
        ([image(0, 0, 1, crowd=True)], r"all objects are crowds \(iscrowd 1\)", "set iscrowd to 0"),
        ([image(0, 0, difficult=True)], "all objects are difficult", "set data.val to a split with other objects"),
        (
            [image(0, 0, difficult=True), image(1, 1, crowd=True)],
            r"all objects are crowds \(iscrowd 1\) or difficult",
            "set iscrowd to 0 .*, or set data.val to a split with other objects",
        ),
    ],
)
def test_validation_data_that_measure_nothing_are_named_with_the_reason_and_the_way_out(records, why, advice):
    train, val = dataset("pets", train=GOOD, val=records)
    assert measured_classes(CLASSES, [val]) == ()
    (line,) = said(configured(), [train], [val])
    assert re.search(f"^pets/val: {why}, so no mAP is measured, and best.keras is the last model; .*{advice}", line)
    (line,) = said(configured(**{"train.patience": 2}), [train], [val])
    assert "measured, train.patience does not end the run, and best.keras is the last model" in line


def test_validation_objects_of_other_classes_measure_nothing():
    (train,) = dataset("pets", train=GOOD)
    (val,) = dataset("wild", classes=("cat", "lynx"), val=[image(0, 1)])
    (line,) = said(configured(val=("wild/val",)), [train], [val])
    assert line.startswith("wild/val: no object to find of the run's classes (cat, dog), so no mAP is measured")


@pytest.mark.parametrize("dogs", [image(1), image(1, 1, crowd=True), image(1, 1, difficult=True)])
def test_a_class_that_validation_cannot_measure_is_named(dogs):
    train, val = dataset("pets", train=GOOD, val=[image(0, 0), dogs])
    assert measured_classes(CLASSES, [val]) == ("cat",)
    assert said(configured(), [train], [val]) == [
        "pets/val: classes without an object to find, which no mAP includes: dog"
    ]


def test_stores_are_measured_together_and_one_with_crowds_alone_is_named():
    train, val = dataset("pets", train=GOOD, val=[image(0, 0, crowd=True)])
    (other,) = dataset("more", val=GOOD)
    config = configured(val=("pets/val", "more/val"))
    assert measured_classes(CLASSES, [val, other]) == CLASSES
    (line,) = said(config, [train], [val, other])
    assert line.startswith("pets/val: all objects are crowds (iscrowd 1), and all of them are left out; if each")


def test_a_class_without_an_object_to_train_on_is_named():
    train, val = dataset("pets", train=[image(0, 0)], val=GOOD)
    assert said(configured(), [train], [val]) == ["pets/train: classes without an object to learn: dog"]


@pytest.mark.parametrize(
    ("dogs", "difficult", "named"),
    [
        (image(1, 1, crowd=True), "keep", True),
        (image(1, 1, difficult=True), "drop", True),
        (image(1, 1, difficult=True), "keep", False),
    ],
)
def test_a_class_whose_objects_are_all_left_out_in_training_is_named(dogs, difficult, named):
    train, val = dataset("pets", train=[image(0, 0), dogs], val=GOOD)
    lines = said(configured(**{"data.difficult": difficult}), [train], [val])
    assert lines == ["pets/train: classes without an object to learn: dog"] * named


def test_a_class_that_one_of_several_stores_can_teach_is_not_named():
    (herds,) = dataset("herds", train=[image(0, 0), image(1, 1, crowd=True)])
    (dogs,) = dataset("dogs", train=[image(0, 1)])
    config = configured(train=("herds/train", "dogs/train"))
    assert said(config, [herds, dogs], dataset("good", val=GOOD)) == []


@pytest.mark.parametrize(
    ("validated", "finding"),
    [
        (None, "no validation data, so no mAP is measured and best.keras is the last model"),
        (
            [image(0, 0, crowd=True)],
            "pets/val: all objects are crowds (iscrowd 1), so no mAP is measured, and best.keras is the last model",
        ),
    ],
)
def test_a_resumed_run_is_not_advised_to_change_its_data(validated, finding):
    train, *val = dataset("pets", train=GOOD, **({"val": validated} if validated else {}))
    (crowds,) = dataset("herds", train=[image(0, 0, 1, crowd=True)])
    config = configured(val=("pets/val",) if val else ())
    shown = presence(config, [train, crowds])
    assert list(remarks(config, [train, crowds], val, shown, (), is_new=False)) == [
        finding,
        "herds/train: all objects are crowds (iscrowd 1), and all of them are left out",
    ]


@pytest.mark.parametrize(
    ("records", "drop", "message"),
    [
        ([image(0)], False, "as there is no object; annotate objects"),
        ([image(0, 0, 1, crowd=True)], False, r"as all objects are crowds \(iscrowd 1\); if each is a single object"),
        ([image(0, 0, difficult=True)], True, "as all objects are difficult; set data.difficult=keep"),
    ],
)
def test_data_without_an_object_to_learn_are_refused(records, drop, message):
    (train,) = dataset("pets", train=records)
    config = configured(**{"data.difficult": "drop" if drop else "keep"})
    with pytest.raises(BadInput, match=f"data.train: pets/train: nothing to learn, {message}"):
        require_objects(config, [train])


def test_difficult_objects_are_learned_if_they_are_kept_and_one_store_with_objects_is_enough():
    (difficult,) = dataset("pets", train=[image(0, 0, difficult=True)])
    (crowds,) = dataset("herds", train=[image(0, 0, 1, crowd=True)])
    require_objects(configured(), [difficult, crowds])
    with pytest.raises(BadInput, match=r"herds/train: nothing to learn"):
        require_objects(configured(), [crowds])
    config = configured(train=("pets/train", "herds/train"))
    lines = said(config, [difficult, crowds], dataset("good", val=GOOD))
    assert [line for line in lines if line.startswith("herds/train: all objects are crowds")] == [
        "herds/train: all objects are crowds (iscrowd 1), and all of them are left out; if each is a single "
        "object, set iscrowd to 0 in the annotations and build the dataset again"
    ]


@pytest.mark.parametrize(("balance", "useless"), [(0.5, True), (0.75, False), (0, False)])
def test_a_balance_that_repeats_no_image_is_said(balance, useless):
    """Cats are in all four images, dogs in two."""
    (train, val) = dataset("pets", train=[image(0, 0, 1), image(1, 0, 1), image(2, 0), image(3, 0)], val=GOOD)
    lines = said(configured(**{"data.balance": balance}), [train], [val])
    expected = (
        "data.balance=0.5 repeats no image, as each class is in at least this share of the images; set it to a larger "
        "share"
    )
    assert lines == [expected] * useless
