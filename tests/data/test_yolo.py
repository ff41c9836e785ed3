import numpy as np
import pytest

from multibox.data.annotation import Annotation
from multibox.data.check import Problem
from multibox.data.source import open_source
from multibox.data.yolo import find_yolo, read_yolo
from multibox.errors import BadInput


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
    assert find_yolo(folder) == folder / "data.yaml"
    part = read_yolo(folder / "data.yaml")
    assert part.classes == ("ant", "zebra")
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
    broken = read_yolo(folder / "data.yaml").splits["val"][0].annotation
    assert isinstance(broken, Problem)
    assert "line 1: '2' is no class from 0 to 1" in str(broken)


def test_folders_without_a_description(folder):
    (folder / "data.yaml").unlink()
    with pytest.raises(BadInput, match="nothing names its classes"):
        open_source([folder])
    source = open_source([folder], classes=("zebra", "ant", "cow"))
    assert source.classes == ("zebra", "ant", "cow")
    assert source.splits["val"][0].annotation.names == ("cow",)
    (folder / "classes.txt").write_text("zebra\nant\ncow\n")
    assert open_source([folder]).classes == ("ant", "cow", "zebra")


def test_pictures_listed_in_a_file(folder):
    (folder / "some.txt").write_text("images/train/a.jpg\n")
    (folder / "data.yaml").write_text("train: some.txt\nnames: [zebra, ant]\n")
    (item,) = read_yolo(folder / "data.yaml").splits["train"]
    assert item.image == folder / "images/train/a.jpg"
    assert len(item.annotation.names) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("names: [a]\ntrain: nowhere\n", "train: no such folder"),
        ("names: [a]\n", "names no pictures"),
        ("train: images/train\n", "nothing names its classes"),
        ("{", "not YAML"),
        ("", "holds no fields"),
    ],
)
def test_wrong_descriptions(folder, text, message):
    (folder / "data.yaml").write_text(text)
    with pytest.raises(BadInput, match=message):
        read_yolo(folder / "data.yaml")
