import numpy as np
import pytest

from multibox.annotations.formats import keras_text
from multibox.annotations.problem import Problem
from multibox.errors import BadInput
from reading import read


@pytest.fixture
def folder(tmp_path):
    for split in ("train", "valid"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "my photo.jpg").touch()
        (tmp_path / split / "bare.jpg").touch()
        (tmp_path / split / "_classes.txt").write_text("dog\ncat\n")
        text = "my photo.jpg 1,2,11,22,1 3,4,5,6.5,0\n\nbare.jpg\n"
        (tmp_path / split / "_annotations.txt").write_text(text)
    return tmp_path


def test_a_folder(folder):
    part = read(keras_text, folder)
    assert part.classes == ("dog", "cat")
    assert list(part.splits) == ["train", "val"]
    item, bare = part.splits["val"]
    assert (item.id, item.image) == ("my photo", folder / "valid/my photo.jpg")
    assert item.annotation.names == ("cat", "dog")
    np.testing.assert_array_equal(item.annotation.boxes, [[1, 2, 11, 22], [3, 4, 5, 6.5]])
    assert bare.annotation.boxes.shape == (0, 4)


@pytest.mark.parametrize(("number", "shown"), [("2", "2"), ("-1", "-1"), ("0.5", "0.5"), ("9" * 400, "inf")], ids=str)
def test_a_number_that_is_no_class(folder, number, shown):
    (folder / "train/_annotations.txt").write_text(f"bare.jpg 1,2,3,4,0\nmy photo.jpg 1,2,11,22,{number}\n")
    found = read(keras_text, folder).splits["train"][1].annotation
    assert isinstance(found, Problem)
    assert f"line 2: {shown} is not a class number from 0 to 1" in str(found)


def test_without_names_it_is_refused(folder):
    for path in folder.glob("*/_classes.txt"):
        path.unlink()
    with pytest.raises(BadInput, match="numbers its classes, but no file names them"):
        read(keras_text, folder)
    assert read(keras_text, folder, classes=("a", "b")).classes == ("a", "b")


def test_every_text_of_a_large_folder_is_read(tmp_path):
    (tmp_path / "_classes.txt").write_text("dog\n")
    for number in range(70):
        (tmp_path / f"{number}.txt").write_text(f"{number}.jpg 1,2,11,22,0\n")
    part = read(keras_text, tmp_path)
    assert sum(map(len, part.splits.values())) == 70


def test_class_numbers_that_count_from_1_are_refused(folder):
    for path in folder.glob("*/_annotations.txt"):
        path.write_text("bare.jpg 1,2,3,4,1 1,2,3,4,2\n")
    with pytest.raises(BadInput, match=r"class numbers run from 1 to 2.*Keras' text counts from 0"):
        read(keras_text, folder)


def test_images_of_one_name_in_two_texts_of_a_split_have_ids_of_their_own(tmp_path):
    (tmp_path / "_classes.txt").write_text("dog\n")
    for name in ("day", "night"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.jpg").touch()
        (tmp_path / f"train_{name}.txt").write_text(f"{name}/x.jpg 1,2,11,22,0\n")
    assert [item.id for item in read(keras_text, tmp_path).splits["train"]] == ["day/x", "night/x"]
