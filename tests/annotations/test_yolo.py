import shutil

import numpy as np
import pytest

from multibox.annotations.annotation import Annotation
from multibox.annotations.formats import yolo
from multibox.annotations.problem import Problem
from multibox.data.source import open_source
from multibox.errors import BadInput
from reading import read


@pytest.fixture
def folder(tmp_path):
    for split in ("train", "val"):
        (tmp_path / "images" / split).mkdir(parents=True)
        (tmp_path / "labels" / split).mkdir(parents=True)
        for name in "ab":
            (tmp_path / "images" / split / f"{name}.jpg").touch()
    text = "1 0.5 0.5 0.2 0.4\n\n0 0.1 0.2 0.3 0.2 0.3 0.6\n1 0.1 0.2 x 0.3\n"
    (tmp_path / "labels" / "train" / "a.txt").write_text(text)
    (tmp_path / "labels" / "val" / "a.txt").write_text("2 0.5 0.5 0.2 0.4\n")
    (tmp_path / "data.yaml").write_text(
        "path: /not/here\ntrain: images/train\nval: ../images/val\nnames: {1: ant, 0: zebra}\n"
    )
    return tmp_path


def test_a_described_dataset(folder):
    part = read(yolo, folder / "data.yaml")
    assert part.classes == ("zebra", "ant")
    labelled, empty = part.splits["train"]
    assert (labelled.id, labelled.image) == ("a", folder / "images/train/a.jpg")
    found = labelled.annotation
    assert found.relative
    assert found.names == ("ant", "zebra", "ant")
    np.testing.assert_allclose(found.boxes[:2], [[0.4, 0.3, 0.6, 0.7], [0.1, 0.2, 0.3, 0.6]])
    assert np.isnan(found.boxes[2]).any()
    assert isinstance(empty.annotation, Annotation)
    assert empty.annotation.names == ()


def test_a_number_that_is_no_class(folder):
    broken = read(yolo, folder / "data.yaml").splits["val"][0].annotation
    assert isinstance(broken, Problem)
    assert "line 1: '2' is no class from 0 to 1" in str(broken)


def test_a_digit_that_is_no_number(folder):
    (folder / "labels" / "val" / "a.txt").write_text("² 0.5 0.5 0.2 0.4\n", "utf-8")
    assert "'²' is no class" in str(read(yolo, folder / "data.yaml").splits["val"][0].annotation)


def test_folders_without_a_description(folder):
    (folder / "data.yaml").unlink()
    with pytest.raises(BadInput, match="nothing names its classes"):
        open_source([folder])
    source = open_source([folder], classes=("zebra", "ant", "cow"))
    assert source.classes == ("zebra", "ant", "cow")
    assert source.splits["val"][0].annotation.names == ("cow",)
    (folder / "classes.txt").write_text("zebra\nant\ncow\n")
    assert open_source([folder]).classes == ("zebra", "ant", "cow")


def test_pictures_listed_in_a_file(folder):
    (folder / "some.txt").write_text("images/train/a.jpg\n")
    (folder / "data.yaml").write_text("train: some.txt\nnames: [zebra, ant]\n")
    (item,) = read(yolo, folder / "data.yaml").splits["train"]
    assert item.image == folder / "images/train/a.jpg"
    assert len(item.annotation.names) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("names: [a]\ntrain: nowhere\n", "train: no such folder"),
        ("names: [a]\n", "names no images"),
        ("train: images/train\n", "nothing names its classes"),
        ("names: [cat, '', dog]\ntrain: images/train\n", "names: class 1 has no name"),
        ("names: {1: cat, 2: dog}\ntrain: images/train\n", "numbered 1, 2; number them from 0 without a gap"),
        ("names: {0: cat, x: dog}\ntrain: images/train\n", "numbered 0, x"),
        ("names: cat\ntrain: images/train\n", "names: is 'cat'; write a list"),
        ("names: 3\ntrain: images/train\n", "names: is 3; write a list"),
        ("names: [a]\ntrain: 5\n", "train: is 5; write a folder"),
        ("{", "not YAML"),
        ("", "holds no fields"),
    ],
)
def test_wrong_descriptions(folder, text, message):
    (folder / "data.yaml").write_text(text)
    with pytest.raises(BadInput, match=message):
        read(yolo, folder / "data.yaml")


def test_only_blank_lines_at_the_end_of_a_list_are_passed_over(folder):
    (folder / "data.yaml").unlink()
    (folder / "classes.txt").write_text("zebra\n ant \ncow\n\n \n")
    assert read(yolo, folder).splits["val"][0].annotation.names == ("cow",)
    (folder / "classes.txt").write_text("zebra\n\ncow\n")
    with pytest.raises(BadInput, match=r"classes.txt: class 1 has no name"):
        read(yolo, folder)


def test_pictures_without_any_label_file(folder):
    shutil.rmtree(folder / "labels")
    with pytest.raises(BadInput, match=r"no image has a label file; looked for a.txt .*labels/train, .*labels/val"):
        read(yolo, folder / "data.yaml")


@pytest.mark.parametrize("name", ["data.yaml", "some.txt", "classes.txt"])
def test_another_encoding(folder, name):
    (folder / "data.yaml").write_text("train: some.txt\nnames: [zebra, ant]\n")
    (folder / name).write_bytes("é\n".encode("latin-1"))
    (folder / "some.txt").touch()
    if name == "classes.txt":
        (folder / "data.yaml").unlink()
    with pytest.raises(BadInput, match=f"{name}: is not UTF-8 text"):
        read(yolo, folder if name == "classes.txt" else folder / "data.yaml")


def test_json_beside_a_description_is_not_taken_for_coco(folder):
    (folder / "args.json").write_text("{}")
    assert open_source([folder / "data.yaml"], splits=["train"]).classes == ("zebra", "ant")
    assert open_source([folder], splits=["train"]).classes == ("zebra", "ant")


def test_further_keys_are_splits_if_they_name_folders(folder):
    (folder / "images/night").mkdir()
    (folder / "images/night/c.jpg").touch()
    text = "train: images/train\nval:\nnight: images/night\nvalid: [images/val]\nnc: 2\nnames: [zebra, ant]\n"
    (folder / "data.yaml").write_text(text + "path: .\nlicense: CC0\nurl: nowhere\nroboflow: {images: images}\n")
    splits = read(yolo, folder / "data.yaml").splits
    assert {split: [item.id for item in items] for split, items in splits.items()} == {
        "train": ["a", "b"],
        "night": ["c"],
        "val": ["a", "b"],
    }


def test_a_folder_of_images_is_refused(folder):
    with pytest.raises(BadInput, match=r"images: .*: does not apply to YOLO"):
        open_source([folder], images=folder / "images")


def test_two_folders_of_one_split(folder):
    (folder / "data.yaml").unlink()
    (folder / "classes.txt").write_text("zebra\nant\n")
    (folder / "images/val").rename(folder / "images/night_train")
    part = read(yolo, folder)
    assert [item.image.parent.name for item in part.splits["train"]] == ["night_train", "night_train", "train", "train"]
