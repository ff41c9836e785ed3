import numpy as np
import pytest

from multibox.annotations.formats import kitti
from multibox.annotations.problem import Problem
from multibox.data.source import open_source
from multibox.errors import BadInput
from reading import read

SPACE = "1.5 1.6 3.7 1.1 1.2 20.0 -1.4"


def write(folder, labels, images=("image_2",)):
    """Label files by stem, in ``label_2`` beside the folders of images."""
    (folder / "label_2").mkdir(parents=True, exist_ok=True)
    for stem, rows in labels.items():
        (folder / f"label_2/{stem}.txt").write_text("".join(f"{row}\n" for row in rows))
        for name in images:
            (folder / name).mkdir(exist_ok=True)
            (folder / f"{name}/{stem}.png").touch()


def only(folder):
    (item,) = (item for items in read(kitti, folder).splits.values() for item in items)
    return item


def test_a_row_is_a_class_flags_and_a_box(tmp_path):
    rows = [
        f"Car 0.00 0 -1.57 599.41 156.40 629.75 189.25 {SPACE}",
        f"Van 0.12 1 1.2 0 5 20.5 30 {SPACE}",
        f"Tram 0 2 1.2 1 2 3 4 {SPACE}",
        f"Cyclist -1 3 -10 1 2 3 4 {SPACE}",
        f"Car -1 -1 -10 1 2 3 4 {SPACE}",
    ]
    write(tmp_path, {"000008": rows})
    item = only(tmp_path)
    assert (item.id, item.image) == ("000008", tmp_path / "image_2/000008.png")
    assert item.annotation.names == ("Car", "Van", "Tram", "Cyclist", "Car")
    np.testing.assert_array_equal(
        item.annotation.boxes[:3], [[599.41, 156.4, 629.75, 189.25], [0, 5, 20.5, 30], [1, 2, 3, 4]]
    )
    assert item.annotation.columns == {
        "truncated": [False, True, False, False, False],
        "occluded": [False, True, True, False, False],
    }


def test_regions_that_nobody_cares_for_and_scores_are_left_out_and_said(tmp_path):
    rows = [f"Car 0 0 0 1 2 3 4 {SPACE} 0.75", f"DontCare -1 -1 -10 5 6 7 8 {SPACE}"]
    write(tmp_path, {"a": rows, "b": []})
    part = read(kitti, tmp_path)
    assert [item.annotation.names for item in part.splits[""]] == [("Car",), ()]
    assert part.notes == ("1 region DontCare was left out", "1 row has a score, which was left out")


def test_the_name_of_a_class_may_have_several_words(tmp_path):
    write(tmp_path, {"a": [f"traffic light 0 0 0 1 2 3 4 {SPACE}", f"fire hydrant red 0 0 0 5 6 7 8 {SPACE} 1"]})
    assert only(tmp_path).annotation.names == ("traffic light", "fire hydrant red")
    np.testing.assert_array_equal(only(tmp_path).annotation.boxes, [[1, 2, 3, 4], [5, 6, 7, 8]])


def test_of_two_cameras_the_one_of_the_labels_is_taken(tmp_path):
    write(tmp_path, {"a": [f"Car 0 0 0 1 2 3 4 {SPACE}"]}, images=("image_2", "image_3"))
    assert only(tmp_path).image == tmp_path / "image_2/a.png"


def test_splits_and_classes(tmp_path):
    for folder, name in (("train", "Van"), ("val", "Car")):
        write(tmp_path / folder, {folder: [f"{name} 0 0 0 1 2 3 4 {SPACE}"]})
    (tmp_path / "label_colors.txt").write_text("128 64 0 Van\n1 2 3 DontCare\n Car 2\nCar\n")
    source = open_source([tmp_path])
    assert list(source.splits) == ["train", "val"]
    assert source.classes == ("Van", "Car 2", "Car")
    assert source.understood[0].layout == "KITTI text"


def test_splits_come_from_the_lists_of_image_sets(tmp_path):
    good = [f"Car 0 0 0 1 2 3 4 {SPACE}"]
    write(tmp_path / "training", {f"00000{number}": good for number in range(5)})
    lists = {"train": "000000\n000001\n", "val": "000002\n000009\n", "trainval": "000000\n000001\n000002\n"}
    (tmp_path / "ImageSets").mkdir()
    for name, text in (lists | {"test": "000000\n000001\n000007\n"}).items():
        (tmp_path / f"ImageSets/{name}.txt").write_text(text)
    part = read(kitti, tmp_path)
    ids = {split: [item.id for item in items] for split, items in part.splits.items()}
    assert ids == {split: text.split() for split, text in lists.items()}
    assert part.splits["val"][1].annotation.detail == "the annotation file is missing"
    assert part.splits_from == "the lists ImageSets/train.txt, ImageSets/trainval.txt, ImageSets/val.txt"
    assert part.notes == (
        "the list test was not used, as it shares ids with other lists (KITTI numbers its test images from 0 again)",
        "2 label files are in no list and were left out",
    )


def test_a_list_of_test_images_of_their_own_is_used(tmp_path):
    write(tmp_path, {name: [f"Car 0 0 0 1 2 3 4 {SPACE}"] for name in "ab"})
    (tmp_path / "ImageSets").mkdir()
    for name, stem in (("train", "a"), ("test", "b")):
        (tmp_path / f"ImageSets/{name}.txt").write_text(f"{stem}\n")
    assert {split: [item.id for item in items] for split, items in read(kitti, tmp_path).splits.items()} == {
        "test": ["b"],
        "train": ["a"],
    }


def test_lists_do_not_divide_label_files_of_one_name(tmp_path):
    for folder in ("train", "val"):
        write(tmp_path / folder, {"a": [f"Car 0 0 0 1 2 3 4 {SPACE}"]})
    (tmp_path / "ImageSets").mkdir()
    (tmp_path / "ImageSets/train.txt").write_text("a\n")
    part = read(kitti, tmp_path)
    assert list(part.splits) == ["train", "val"]
    assert part.notes == ("several label files have the same name, so the lists in ImageSets were not used",)


def test_texts_of_other_kinds_are_not_read(tmp_path):
    write(tmp_path, {"a": [f"Car 0 0 0 1 2 3 4 {SPACE}"]})
    (tmp_path / "calib").mkdir()
    (tmp_path / "calib/a.txt").write_text("P0: 7.2e+02 0 6.0e+02 0 0 7.2e+02 1.7e+02 0 0 0 1 0\n")
    (tmp_path / "label_2/readme.txt").write_text("Cars of our street\n")
    assert read(kitti, tmp_path).files == (tmp_path / "label_2/a.txt",)
    (tmp_path / "label_2/a.txt").write_text("0 0.5 0.5 0.1 0.1" + " 0.2" * 10 + "\n")
    with pytest.raises(BadInput, match="no annotations found"):
        open_source([tmp_path], layout="kitti")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Car 0 0 0 1 2 3 4", "line 2: has 8 columns; KITTI has a class and 14 numbers, or 15 with a score"),
        (
            f"Car 0 0 0 1 2 3 4 {SPACE} 1 1",
            "line 2: has 17 columns; KITTI has a class and 14 numbers, or 15 with a score",
        ),
        ("Car", "line 2: has 1 columns; KITTI has a class and 14 numbers, or 15 with a score"),
    ],
)
def test_a_row_of_another_length_is_a_problem_of_its_image(tmp_path, row, message):
    good = f"Car 0 0 0 1 2 3 4 {SPACE}"
    write(tmp_path, {"a": [good, row], "b": [good]})
    damaged, whole = read(kitti, tmp_path).splits[""]
    assert str(damaged.annotation) == f"{tmp_path / 'label_2/a.txt'}: {message}"
    assert damaged.image == tmp_path / "image_2/a.png"
    assert whole.annotation.names == ("Car",)


def test_a_label_file_that_is_damaged_from_its_first_line_is_a_problem_of_its_image(tmp_path):
    write(tmp_path, {"a": [f"Car 0 0 0 1 2 3 4 {SPACE}"], "b": ["Car 0 0"], "c": [""]})
    (tmp_path / "label_2/c.txt").write_bytes(b"\xff\xfe\x00")
    items = read(kitti, tmp_path).splits[""]
    assert [isinstance(item.annotation, Problem) for item in items] == [False, True, True]
    assert items[2].annotation.detail == "is UTF-16; save it as UTF-8"


@pytest.mark.parametrize("edges", ["x 2 3 4", "nan 2 3 4", "1e999 2 3 4", "1,5 2 3 4"])
def test_edges_that_are_no_numbers_leave_a_box_that_the_check_names(tmp_path, edges):
    write(tmp_path, {"a": [f"Car 0 0 0 1 2 3 4 {SPACE}", f"Car 0 0 0 {edges} {SPACE}"]})
    found = only(tmp_path).annotation
    assert found.names == ("Car", "Car")
    assert not np.isfinite(found.boxes[1]).all()
