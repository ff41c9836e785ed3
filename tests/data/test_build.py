import json
import os
import shutil

import numpy as np
import pytest

from multibox.data.build import build
from multibox.data.store import list_stores, open_store
from multibox.data.voc_xml import write_xml
from multibox.errors import BadInput


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    return tmp_path / "stores"


@pytest.fixture
def toys(voc_folder, tmp_path):
    """A copy of the toys that a test may spoil."""
    return shutil.copytree(voc_folder, tmp_path / "toys")


def set_boxes(toys, boxes, size=(80, 96)):
    """Give image 000000 the given boxes."""
    boxes = np.array(boxes)
    write_xml(toys / "Annotations/000000.xml", "000000.jpg", size, ["ball"] * len(boxes), boxes)


def test_a_dataset(toys, root):
    told = []
    report = build([toys], "tiny", progress=lambda done, total: told.append((done, total)))
    assert list_stores() == ["tiny/train", "tiny/val", "tiny/test"]
    assert {split: counts.images for split, counts in report.splits.items()} == {"train": 4, "val": 2, "test": 2}
    assert report.problems == ()
    assert told == [(i + 1, 8) for i in range(8)]
    assert json.loads((root / "tiny/build.json").read_text())["classes"] == ["ball", "crate"]
    store = open_store("tiny/train")
    assert store.ids == ("000000", "000001", "000002", "000003")
    assert len(store[3].objects) == 0
    assert store[0].image == (toys / "JPEGImages/000000.jpg").read_bytes()
    assert (store[0].width, store[0].height) == (80, 96)
    assert open_store("tiny/test")[1].objects.difficult.all()


def test_any_number_of_workers_builds_the_same(toys):
    digests = []
    for workers in (1, 3):
        build([toys], f"tiny{workers}", workers=workers)
        digests.append(open_store(f"tiny{workers}/train").meta.digest)
    assert digests[0] == digests[1]


def spoil_image(toys, data):
    (toys / "JPEGImages/000000.jpg").write_bytes(data)


SPOILED = {
    "truncated image": (lambda toys: spoil_image(toys, whole(toys)[:-200]), r"000000\.jpg: is cut off", "image"),
    "no image": (lambda toys: spoil_image(toys, b"hello"), r"000000\.jpg: does not decode", "image"),
    "empty image": (lambda toys: spoil_image(toys, b""), r"000000\.jpg: is empty", "image"),
    "missing image": (lambda toys: (toys / "JPEGImages/000000.jpg").unlink(), r"000000\.jpg: .*missing", "missing"),
    "broken XML": (
        lambda toys: cut(toys / "Annotations/000000.xml"),
        r"000000\.xml: not readable as XML",
        "annotation",
    ),
    "missing XML": (lambda toys: (toys / "Annotations/000000.xml").unlink(), r"000000\.xml: .*missing", "missing"),
    "wrong size": (
        lambda toys: set_boxes(toys, [[0, 0, 9, 9]], (50, 50)),
        "size as 50x50, but the upright .* 80x96",
        "size",
    ),
    "lying size": (lambda toys: set_boxes(toys, [[0, 0, 9, 9]], (96, 80)), "without its EXIF rotation", "size"),
}


def whole(toys):
    return (toys / "JPEGImages/000000.jpg").read_bytes()


def cut(path):
    path.write_bytes(path.read_bytes()[:-30])


@pytest.mark.parametrize(("spoil", "message", "kind"), SPOILED.values(), ids=SPOILED.keys())
def test_a_bad_image_stops_the_build_or_is_left_out(toys, root, spoil, message, kind):
    spoil(toys)
    with pytest.raises(BadInput, match=message) as error:
        build([toys], "tiny")
    assert "\n" not in str(error.value)
    assert not root.exists()
    report = build([toys], "tiny", on_bad="skip")
    assert [problem.kind for problem in report.problems] == [kind]
    assert report.problems[0].action == "image left out"
    assert report.splits["train"].images == 3
    assert open_store("tiny/train").ids == ("000001", "000002", "000003")


BAD_BOXES = {
    "inverted": ([30, 5, 10, 20], "is inverted"),
    "without area": ([9, 9, 10, 10], "has no area"),
    "outside": ([200, 5, 220, 20], "lies outside the image of 80x96"),
}


@pytest.mark.parametrize(("box", "message"), BAD_BOXES.values(), ids=BAD_BOXES.keys())
def test_a_bad_box_stops_the_build_or_is_left_out(toys, root, box, message):
    set_boxes(toys, [[10, 10, 30, 30], box])
    with pytest.raises(BadInput, match=rf"000000\.xml: object 2 of 2 \(ball\): box .* {message}; .*on_bad='skip'"):
        build([toys], "tiny")
    assert not root.exists()
    report = build([toys], "tiny", on_bad="skip")
    assert report.problems[0].action == "object left out"
    objects = open_store("tiny/train")[0].objects
    np.testing.assert_array_equal(objects.boxes, [[10, 10, 30, 30]])
    assert objects.ids == ("0",)


def test_a_box_beyond_the_edge_is_clipped_and_counted(toys):
    set_boxes(toys, [[60, 60, 85, 100], [0, 0, 80, 96]])
    report = build([toys], "tiny")
    assert report.clipped == 1
    objects = open_store("tiny/train")[0].objects
    np.testing.assert_array_equal(objects.boxes, [[60, 60, 80, 96], [0, 0, 80, 96]])
    np.testing.assert_array_equal(objects.area, [20 * 36, 80 * 96])


def test_a_split_of_which_nothing_is_left(toys, root):
    for number in (4, 5):
        (toys / "JPEGImages" / f"{number:06}.jpg").write_bytes(b"")
    with pytest.raises(BadInput, match="val: none of the 2 images is usable"):
        build([toys], "tiny", on_bad="skip")
    assert not root.exists()


def test_an_existing_dataset_is_kept(toys):
    build([toys], "tiny")
    digest = open_store("tiny/train").meta.digest
    with pytest.raises(BadInput, match="exists already; give another name, or set replace=True"):
        build([toys], "tiny")
    spoil_image(toys, b"")
    with pytest.raises(BadInput, match="is empty"):
        build([toys], "tiny", replace=True)
    assert open_store("tiny/train").meta.digest == digest
    build([toys], "tiny", replace=True, on_bad="skip")
    assert len(open_store("tiny/train")) == 3


def test_yolo_boxes_become_pixels(toys, tmp_path):
    for name in ("images", "labels"):
        (tmp_path / "yolo" / name).mkdir(parents=True)
    shutil.copy(toys / "JPEGImages/000000.jpg", tmp_path / "yolo/images/a.jpg")
    (tmp_path / "yolo/labels/a.txt").write_text("1 0.5 0.5 0.5 0.25\n")
    build([tmp_path / "yolo"], "yolo", classes=("x", "y"))
    record = open_store("yolo/train")[0]
    np.testing.assert_allclose(record.objects.boxes, [[20, 36, 60, 60]])
    assert record.objects.labels.tolist() == [1]


def test_coco_keeps_crowds_areas_and_ids(toys, tmp_path):
    annotation = {"id": 5, "image_id": 9, "category_id": 44, "bbox": [1, 2, 30, 40], "area": 321, "iscrowd": 1}
    image = {"id": 9, "file_name": "000000.jpg", "width": 80, "height": 96}
    content = {"images": [image], "annotations": [annotation], "categories": [{"id": 44, "name": "ball"}]}
    (tmp_path / "train.json").write_text(json.dumps(content))
    build([tmp_path / "train.json"], "coco", images=toys / "JPEGImages")
    store = open_store("coco/train")
    assert store.meta.category_ids == (44,)
    objects = store[0].objects
    assert (objects.crowd.tolist(), objects.area.tolist(), objects.ids) == ([True], [321], ("5",))
    np.testing.assert_array_equal(objects.boxes, [[1, 2, 31, 42]])


def test_a_file_name_that_is_not_utf8(toys, tmp_path):
    for folder, suffix in (("images", b".jpg"), ("labels", b".txt")):
        (tmp_path / "yolo" / folder / "train").mkdir(parents=True)
        with open(os.fsencode(tmp_path / "yolo" / folder / "train") + b"/caf\xe9" + suffix, "wb") as file:
            file.write(whole(toys) if suffix == b".jpg" else b"0 0.5 0.5 0.1 0.1")
    with pytest.raises(BadInput, match=r"caf\\udce9\.jpg: the file's name is not UTF-8 text"):
        build([tmp_path / "yolo"], "tiny", classes=("ball",))


@pytest.mark.parametrize(
    ("name", "message"),
    [("a\0b.jpg", "the image file is missing"), ("x" * 300 + ".jpg", "missing|too long")],
    ids=["with a null byte", "too long"],
)
def test_a_name_that_no_file_can_have_is_a_missing_image(toys, tmp_path, name, message):
    (tmp_path / "yolo").mkdir()
    (tmp_path / "yolo/_annotations.txt").write_text(f"{name} 1,2,11,22,0\ngood.jpg 1,2,11,22,0\n")
    (tmp_path / "yolo/good.jpg").write_bytes(whole(toys))
    with pytest.raises(BadInput, match=message):
        build([tmp_path / "yolo"], "tiny", classes=("ball",), splits=("train",))
    report = build([tmp_path / "yolo"], "tiny", classes=("ball",), on_bad="skip")
    assert sum(counts.images for counts in report.splits.values()) == 1


@pytest.mark.filterwarnings("error")
def test_a_box_that_overflows_is_a_bad_box(toys, tmp_path):
    (tmp_path / "yolo").mkdir()
    (tmp_path / "yolo/a.jpg").write_bytes(whole(toys))
    (tmp_path / "yolo/a.txt").write_text("0 0.5 0.5 0.1 0.1\n0 1e308 0.5 1e308 0.1\n")
    report = build([tmp_path / "yolo"], "tiny", classes=("ball",), on_bad="skip")
    (problem,) = report.problems
    assert "is not four numbers" in str(problem)


@pytest.mark.parametrize(
    ("box", "detail"),
    [
        ("<bndbox/>", "object 1 of 1 (ball): has no box, or its values are not numbers"),
        (
            "<bndbox><xmin>1,5</xmin><ymin>2,5</ymin><xmax>9,5</xmax><ymax>9,5</ymax></bndbox>",
            "has no box, or its values are not numbers with a decimal point",
        ),
        (
            "<bndbox><xmin>1.5</xmin><ymin>2.5</ymin><xmax/><ymax>9.5</ymax></bndbox>",
            "box [1.5, 2.5, ?, 9.5] is not four numbers",
        ),
    ],
)
def test_a_box_that_is_not_there_is_said_in_words(toys, tmp_path, box, detail):
    (tmp_path / "voc").mkdir()
    (tmp_path / "voc/a.jpg").write_bytes(whole(toys))
    (tmp_path / "voc/a.xml").write_text(f"<annotation><object><name>ball</name>{box}</object></annotation>")
    with pytest.raises(BadInput) as error:
        build([tmp_path / "voc"], "tiny")
    assert detail in str(error.value)
    assert "nan" not in str(error.value).removeprefix(str(tmp_path))


def test_a_split_whose_name_is_too_long_for_a_file(tmp_path):
    (tmp_path / "boxes.csv").write_text(f"image,x0,y0,x1,y1,class,split\na.jpg,1,2,3,4,x,{'s' * 250}\n")
    with pytest.raises(BadInput, match=r"split 's{50}\.\.\.': cannot be the name of a file"):
        build([tmp_path / "boxes.csv"], "tiny")
