"""Records of the TensorFlow Object Detection API, whole and damaged."""

import math
from struct import pack

import cv2
import numpy as np
import pytest

from annotations.records import detection, example, framed, label_map, masked, write_records
from multibox.annotations.annotation import Annotation
from multibox.annotations.crc32c import crc32c
from multibox.annotations.files import Files
from multibox.annotations.formats import tfrecord, tfrecord_frames
from multibox.annotations.formats.tfrecord_example import read_example
from multibox.annotations.problem import Problem
from multibox.data.build import build, check_item
from multibox.data.source import open_source
from multibox.data.store import Store, store_path
from multibox.errors import BadInput
from reading import read

DOG = ("dog", 2, 0.25, 0.5, 0.75, 1.0)
CAT = ("cat", 1, 0.0, 0.125, 0.5, 0.25)


def jpeg(width=64, height=48, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


@pytest.fixture
def folder(tmp_path):
    sizes = {"image__width": [64], "image__height": [48], "image__source_id": ["77"]}
    train = [detection("x/a.jpg", [DOG, CAT], jpeg(seed=1), **sizes), detection("b.jpg", [], jpeg(seed=2))]
    write_records(tmp_path / "train.record", train)
    write_records(tmp_path / "val.record", [detection("a.jpg", [CAT], jpeg(seed=3))])
    label_map(tmp_path / "label_map.pbtxt", "cat", "dog", "cow")
    return tmp_path


def items_of(part):
    return [item for items in part.splits.values() for item in items]


def problem_of(tmp_path, *records):
    """What is wrong with the last of some records, in a file that begins with a good one."""
    label_map(tmp_path / "x.pbtxt", "cat", "dog")
    path = write_records(tmp_path / "x.record", [detection("good.jpg", [CAT]), *records])
    good, *_, last = items_of(read(tfrecord, path))
    assert isinstance(good.annotation, Annotation)
    assert isinstance(last.annotation, Problem)
    assert last.annotation.file == str(last.image)
    return last.annotation


def test_a_folder(folder):
    part = read(tfrecord, folder)
    assert (part.classes, part.classes_from, part.category_ids) == (("cat", "dog", "cow"), "label_map.pbtxt", (1, 2, 3))
    assert (list(part.splits), part.splits_from) == (["train", "val"], "the names of the files")
    a, b = part.splits["train"]
    assert [a.id, b.id] == ["a", "b"]
    assert str(a.image) == f"{folder}/train.record: record 1 (x/a.jpg)"
    assert a.annotation.names == ("dog", "cat")
    assert (a.annotation.relative, a.annotation.size, b.annotation.size) == (True, (64, 48), None)
    assert a.annotation.extra == {"filename": "x/a.jpg", "source_id": "77"}
    np.testing.assert_array_equal(a.annotation.boxes, [DOG[2:], CAT[2:]])
    assert b.annotation.boxes.shape == (0, 4)
    assert part.notes == ()


def test_images_are_read_where_they_lie(folder):
    a, b = read(tfrecord, folder).splits["train"]
    assert (a.image.read_bytes(), b.image.read_bytes()) == (jpeg(seed=1), jpeg(seed=2))


def test_a_single_file_knows_its_split_and_the_label_map_beside_it(folder):
    source = open_source([folder / "val.record"])
    assert (list(source.splits), source.classes) == (["val"], ("cat", "dog", "cow"))
    assert {path.name for path in source.files} == {"val.record", "label_map.pbtxt"}


def test_the_stores_of_a_build(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    report = build([folder], "records")
    assert report.problems == ()
    assert report.understood[0].lines() == [
        f"{folder}: TFRecord, 2 annotation files, 3 annotated images",
        "splits: train 2, val 1, from the names of the files",
    ]
    record = Store(store_path("records", "train"))[0]
    assert (record.id, record.image) == ("a", jpeg(seed=1))
    assert record.source == f"{folder}/train.record: record 1 (x/a.jpg)"
    np.testing.assert_array_equal(record.objects.boxes, [[16, 24, 48, 48], [0, 6, 32, 12]])


def test_flags_and_areas(tmp_path):
    more = {
        "image__object__difficult": [0, 1],
        "image__object__truncated": [1, 0],
        "image__object__is_crowd": [0, 1],
        "image__object__area": [12.5, 90.0],
        "image__object__mask": [b"png", b"png"],
    }
    (item,) = items_of(read(tfrecord, write_records(tmp_path / "x.record", [detection("a.jpg", [DOG, CAT], **more)])))
    columns = {"difficult": [False, True], "truncated": [True, False], "crowd": [False, True], "area": [12.5, 90.0]}
    assert item.annotation.columns == columns


@pytest.mark.parametrize("name", ["train.record", "train.tfrecord", "train", "photos.bin"])
def test_shards_are_one_split(tmp_path, name):
    for number in range(3):
        path = tmp_path / f"{name}-{number:05}-of-00003"
        write_records(path, [detection(f"{number}.jpg", [CAT])])
    part = read(tfrecord, tmp_path)
    split = "" if name == "photos.bin" else "train"
    assert {key: [item.id for item in items] for key, items in part.splits.items()} == {split: ["0", "1", "2"]}
    assert "pieces" not in "".join(part.notes)


def test_an_export_in_folders_of_splits(tmp_path):
    """As Roboflow lays it out: each folder has a label map of its own."""
    for folder in ("train", "valid", "test"):
        write_records(tmp_path / folder / "cells.tfrecord", [detection("a.jpg", [DOG])])
        label_map(tmp_path / folder / "cells_label_map.pbtxt", "cat", "dog")
    part = read(tfrecord, tmp_path)
    assert sorted(part.splits) == ["test", "train", "val"]
    assert part.classes == ("cat", "dog")


def test_without_a_label_map_the_numbers_give_the_order(tmp_path):
    write_records(tmp_path / "x.record", [detection("a.jpg", [("zebra", 3, *DOG[2:]), ("ant", 7, *CAT[2:])])])
    part = read(tfrecord, tmp_path)
    assert (part.classes, part.category_ids) == (("zebra", "ant"), (3, 7))
    assert "no label map (.pbtxt) is there" in part.notes[0]
    write_records(tmp_path / "x.record", [detection("a.jpg", [("zebra", 3, *DOG[2:]), ("ant", 3, *CAT[2:])])])
    part = read(tfrecord, tmp_path)
    assert (part.classes, part.category_ids) == (("ant", "zebra"), ())
    assert "'ant' and 'zebra' both have 3" in part.notes[1]


def test_texts_alone_are_sorted(tmp_path):
    record = detection("a.jpg", [("zebra", 0, *DOG[2:]), ("ant", 0, *CAT[2:])], image__object__class__label=None)
    write_records(tmp_path / "x.record", [record])
    assert read(tfrecord, tmp_path).classes == ()
    assert open_source([tmp_path]).classes == ("ant", "zebra")


def test_numbers_alone_need_names(tmp_path):
    record = detection("a.jpg", [DOG, CAT], image__object__class__text=None)
    write_records(tmp_path / "x.record", [record])
    with pytest.raises(BadInput, match=r"nothing names them; put the label map \(\.pbtxt\) beside the records"):
        read(tfrecord, tmp_path)
    given = read(tfrecord, tmp_path, classes=("ant", "bee"))
    assert given.splits[""][0].annotation.names == ("bee", "ant")
    assert "counted from 1" in given.notes[0]
    (tmp_path / "classes.txt").write_text("fly\ngnat\n")
    listed = read(tfrecord, tmp_path)
    assert (listed.classes, listed.class_file.name) == (("fly", "gnat"), "classes.txt")
    label_map(tmp_path / "map.pbtxt", "cat", "dog")
    assert read(tfrecord, tmp_path).splits[""][0].annotation.names == ("dog", "cat")


def test_a_number_without_a_name_is_a_problem(tmp_path):
    record = detection("b.jpg", [DOG, ("", 9, *CAT[2:])])
    assert str(problem_of(tmp_path, record)).endswith(
        "(b.jpg): object 2 of 2 (number 9): the object's class has no name"
    )


def test_a_text_that_is_not_what_its_number_means_is_said(tmp_path):
    label_map(tmp_path / "map.pbtxt", "cat", "dog")
    write_records(tmp_path / "x.record", [detection("a.jpg", [("cat", 2, *DOG[2:]), DOG, ("cow", 3, *CAT[2:])])])
    part = read(tfrecord, tmp_path)
    assert part.splits[""][0].annotation.names == ("cat", "dog", "cow")
    assert part.notes == (
        "1 object has the class 'cat' with the number 2, which is 'dog' in map.pbtxt; the name in the record was used",
        "map.pbtxt lacks the class 'cow' (1 object), which was added after the listed classes",
    )
    assert open_source([tmp_path]).classes == ("cat", "dog", "cow")


def test_codes_get_the_names_that_a_label_map_shows(tmp_path):
    (tmp_path / "map.pbtxt").write_text('item { name: "/m/01" id: 4 display_name: "bus" }')
    write_records(tmp_path / "x.record", [detection("a.jpg", [("/m/01", 4, *DOG[2:])])])
    part = read(tfrecord, tmp_path)
    assert (part.classes, part.splits[""][0].annotation.names) == (("bus",), ("bus",))


def test_a_label_map_of_other_classes_is_not_used(tmp_path):
    label_map(tmp_path / "other.pbtxt", "sun", "moon")
    write_records(tmp_path / "x.record", [detection("a.jpg", [DOG, CAT])])
    part = read(tfrecord, tmp_path)
    assert part.classes == ("cat", "dog")
    assert "other.pbtxt has none of the records' classes" in part.notes[0]


def test_of_two_label_maps_the_one_that_fits_is_used(tmp_path):
    label_map(tmp_path / "a.pbtxt", "dog", "cat")
    label_map(tmp_path / "b.pbtxt", "cat", "dog")
    write_records(tmp_path / "x.record", [detection("a.jpg", [DOG, CAT])])
    assert read(tfrecord, tmp_path).classes == ("cat", "dog")
    write_records(tmp_path / "x.record", [detection("a.jpg", [DOG], image__object__class__text=None)])
    with pytest.raises(BadInput, match=r"a\.pbtxt and b\.pbtxt name the classes differently"):
        read(tfrecord, tmp_path)


def test_images_without_a_name_of_their_own_are_numbered(tmp_path):
    records = [detection(name, [CAT]) for name in ("a.jpg", "", "b.jpg", "b.jpg")]
    write_records(tmp_path / "x.record", records)
    part = read(tfrecord, tmp_path)
    assert [item.id for item in items_of(part)] == ["a", "x.record/2", "x.record/3", "x.record/4"]
    assert "3 images have no file name" in part.notes[-1]


def test_lists_one_value_a_field_are_read_too():
    """Older writers do not pack numbers: each float and varint is a field of its own. -1 is ten bytes."""
    floats = b"".join(b"\x0d" + pack("<f", value) for value in (0.5, 0.25))
    whole = b"\x08\x05\x08" + b"\xff" * 9 + b"\x01"

    def entry(name, kind, values):
        feature = bytes([kind, len(values)]) + values
        pair = bytes([10, len(name)]) + name + bytes([18, len(feature)]) + feature
        return bytes([10, len(pair)]) + pair

    features = entry(b"f", 0x12, floats) + entry(b"i", 0x1A, whole)
    found = read_example(memoryview(bytes([10, len(features)]) + features))
    assert found["f"].tolist() == [0.5, 0.25]
    assert found["i"].tolist() == [5, -1]


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ({"image__encoded": None}, "has no image/encoded"),
        ({"image__encoded": [""]}, "has no image/encoded"),
        ({"image__encoded": [7]}, "image/encoded holds numbers, not bytes"),
        ({"image__object__bbox__xmax": [1.0, 2.0]}, "bbox/xmax has 2 values, and image/object/bbox/xmin has 1"),
        ({"image__object__bbox__ymin": None}, "bbox/ymin has 0 values, and image/object/bbox/xmin has 1"),
        ({"image__object__bbox__xmin": ["0.1"]}, "bbox/xmin holds bytes, not numbers"),
        ({"image__object__class__text": ["a", "b"]}, "class/text has 2 values"),
        ({"image__object__class__label": [1, 2]}, "class/label has 2 values"),
        ({"image__object__class__text": [3]}, "class/text holds numbers"),
        ({"image__object__class__label": ["cat"]}, "class/label holds bytes"),
        ({"image__object__class__label": [math.nan]}, "class/label holds decimals"),
        ({"image__object__class__label": None, "image__object__class__text": None}, "has boxes, but neither"),
        ({"image__object__difficult": [0, 1]}, "difficult has 2 values"),
        ({"image__object__difficult": ["yes"]}, "difficult holds bytes"),
        ({"image__width": ["64"]}, "image/width holds bytes"),
    ],
)
def test_features_that_cannot_be_understood(tmp_path, more, wrong):
    assert wrong in str(problem_of(tmp_path, detection("b.jpg", [CAT], **more)))


@pytest.mark.parametrize("record", [b"", b"\xff\xff\xff", b"\x0a\x05abc", b"plain text", bytes(40)])
def test_a_record_that_is_no_example(tmp_path, record):
    assert problem_of(tmp_path, record).detail in ("is not a tf.train.Example", "has no image/encoded")


@pytest.mark.parametrize("values", [(math.nan, 0, 1, 1), (math.inf, 0, 1, 1), (0.5, 0.5, 0.1, 0.1), (1e30, 0, 1e38, 1)])
def test_boxes_that_are_none_are_left_to_the_check(tmp_path, values):
    label_map(tmp_path / "x.pbtxt", "cat")
    path = write_records(tmp_path / "x.record", [detection("a.jpg", [("cat", 1, *values)], jpeg())])
    (item,) = items_of(read(tfrecord, path))
    assert [problem.kind for problem in check_item(item, {"cat": 0}).problems] == ["box"]


@pytest.mark.parametrize("size", [[0], [-5], [2**62], []])
def test_a_size_that_is_none(tmp_path, size):
    path = write_records(tmp_path / "x.record", [detection("a.jpg", [CAT], image__width=size, image__height=[48])])
    (item,) = items_of(read(tfrecord, path))
    assert item.annotation.size is None


@pytest.mark.parametrize("cut", [1, 4, 11, 200])
def test_a_truncated_file_says_where(folder, cut):
    whole = (folder / "train.record").read_bytes()
    second = len(framed(detection("b.jpg", [], jpeg(seed=2))))
    (folder / "train.record").write_bytes(whole[:-cut])
    first, last = read(tfrecord, folder).splits["train"]
    assert isinstance(first.annotation, Annotation)
    assert (
        str(last.annotation) == f"{folder}/train.record: record 2: the file ends {cut} bytes too early; copy it again"
    )
    (folder / "train.record").write_bytes(whole[: len(whole) - second + 5])
    assert "the file ends in the middle of a length" in str(read(tfrecord, folder).splits["train"][1].annotation)


def test_a_wrong_checksum_of_a_length(folder):
    content = bytearray((folder / "train.record").read_bytes())
    content[len(content) - len(framed(detection("b.jpg", [], jpeg(seed=2))))] ^= 1
    (folder / "train.record").write_bytes(content)
    problem = read(tfrecord, folder).splits["train"][1].annotation
    assert str(problem).endswith("record 2: the checksum of its length is wrong; the file is damaged")


def test_a_wrong_checksum_of_a_record_is_found_when_its_image_is_read(folder, tmp_path, monkeypatch):
    """One bit of a box is changed: nothing else would tell."""
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    content = bytearray((folder / "val.record").read_bytes())
    place = content.index(pack("<f", 0.125))
    content[place + 3] ^= 1
    (folder / "val.record").write_bytes(content)
    with pytest.raises(BadInput, match=r"val\.record: record 1 \(a\.jpg\): the checksum of its record is wrong"):
        build([folder], "records")
    assert build([folder], "records", splits=["train"]).problems == ()


def test_a_file_that_was_cut_after_it_was_listed(folder):
    a, b = read(tfrecord, folder).splits["train"]
    with (folder / "train.record").open("r+b") as file:
        file.truncate(100)
    for item in (a, b):
        (problem,) = check_item(item, {"cat": 0, "dog": 1}).problems
        assert problem.kind == "image"


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "is empty"),
        (b"short", "too short for a record"),
        (b"no record at all, but text", "is no TFRecord file"),
        (b"\x1f\x8b\x08\x00" + bytes(40), r"is compressed \(gzip\)"),
        (framed(b"text"), r"not a tf\.train\.Example"),
        (framed(b""), "no features image/object/...; the first has none"),
        (
            framed(example(image=[b"x"], objects__label=[1])),
            "no features image/object/...; the first has image, obj",
        ),
    ],
)
def test_a_single_file_of_something_else_is_refused(tmp_path, content, wrong):
    path = tmp_path / "x.tfrecord"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=wrong):
        read(tfrecord, path)


def test_a_length_beyond_all_files(tmp_path):
    length = pack("<Q", 2**63)
    (tmp_path / "x.record").write_bytes(framed(detection("a.jpg", [CAT])) + length + masked(length) + b"x")
    last = items_of(read(tfrecord, tmp_path))[-1]
    assert "bytes too early" in last.annotation.detail


def test_records_of_another_kind_are_passed_over_and_counted(folder):
    write_records(folder / "scores.tfrecord", [example(score=[0.5])])
    part = read(tfrecord, folder)
    assert [path.name for path in part.files] == ["train.record", "val.record"]
    assert part.notes == ("1 file has records of another kind and was left out (scores.tfrecord)",)


def test_a_damaged_file_beside_good_ones_is_a_problem(folder):
    (folder / "test.record").write_bytes(b"damaged from the beginning")
    (item,) = read(tfrecord, folder).splits["test"]
    assert "the checksum of its length is wrong" in item.annotation.detail


def test_a_folder_without_objects_is_not_claimed(tmp_path):
    write_records(tmp_path / "x.record", [example(image__encoded=[b"x"], image__class__label=[1])])
    (tmp_path / "notes.record").write_text("no records")
    assert tfrecord.find(Files(tmp_path)) == []
    with pytest.raises(BadInput, match=r"no annotations found here .*: notes\.record: the file is too short"):
        open_source([tmp_path])
    (tmp_path / "notes.record").unlink()
    with pytest.raises(BadInput, match=r"x\.record: its records have no features image/object/\.\.\."):
        open_source([tmp_path])


def test_a_folder_of_images_does_not_apply(folder):
    with pytest.raises(BadInput, match="does not apply to TFRecord"):
        read(tfrecord, folder, images=folder)


def test_only_lengths_are_verified_before_an_image_is_read(folder, monkeypatch):
    seen = []
    monkeypatch.setattr(tfrecord_frames, "crc32c", lambda data: seen.append(len(data)) or crc32c(data))
    a, _ = read(tfrecord, folder).splits["train"]
    assert set(seen) == {8}
    a.image.read_bytes()
    assert max(seen) > len(jpeg(seed=1))


@pytest.mark.parametrize("names", [("cat",), ("cat", "cat", "dog")], ids=["lacks dog", "cat twice"])
def test_classes_without_a_number_each_have_none(tmp_path, names):
    label_map(tmp_path / "map.pbtxt", *names)
    write_records(tmp_path / "x.record", [detection("a.jpg", [DOG, CAT])])
    source = open_source([tmp_path / "x.record"], rename={"cat": "lynx"})
    assert (source.classes, source.category_ids) == (("lynx", "dog"), ())
