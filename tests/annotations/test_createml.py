import json

import numpy as np
import pytest

from multibox.annotations.formats import createml
from multibox.annotations.problem import Problem
from multibox.data.source import open_source
from multibox.errors import BadInput
from reading import read


def thing(label="cat", x=20, y=30, width=10, height=8):
    return {"label": label, "coordinates": {"x": x, "y": y, "width": width, "height": height}}


def write(folder, *images, name="photos.json"):
    folder.mkdir(parents=True, exist_ok=True)
    for image in images:
        if isinstance(image, dict) and str(image.get("image")).endswith(".jpg"):
            (folder / image["image"]).touch()
    (folder / name).write_text(json.dumps(list(images)))
    return folder


def test_x_and_y_are_the_centre(tmp_path):
    write(tmp_path, {"image": "a.jpg", "annotations": [thing(), thing("dog", 5.5, 6.25, 3, 4.5)]})
    (item,) = read(createml, tmp_path).splits[""]
    assert (item.id, item.image) == ("a", tmp_path / "a.jpg")
    assert item.annotation.names == ("cat", "dog")
    np.testing.assert_array_equal(item.annotation.boxes, [[15, 26, 25, 34], [4, 4, 7, 8.5]])


def test_apples_first_names_of_the_fields(tmp_path):
    (tmp_path / "a.jpg").touch()
    write(tmp_path, {"imagefilename": "a.jpg", "annotation": [thing()]})
    (item,) = read(createml, tmp_path).splits[""]
    np.testing.assert_array_equal(item.annotation.boxes, [[15, 26, 25, 34]])


def test_splits_come_from_folders_or_file_names(tmp_path):
    name = "_annotations.createml.json"
    write(tmp_path / "one" / "train", {"image": "a.jpg", "annotations": []}, name=name)
    write(tmp_path / "one" / "valid", {"image": "b.jpg", "annotations": [thing()]}, name=name)
    write(tmp_path / "two", {"image": "a.jpg", "annotations": []}, name="train.json")
    write(tmp_path / "two", {"image": "b.jpg", "annotations": [thing()]}, name="val.json")
    for folder in (tmp_path / "one", tmp_path / "two"):
        splits = read(createml, folder).splits
        assert {split: [item.id for item in items] for split, items in splits.items()} == {"train": ["a"], "val": ["b"]}


def test_all_of_many_files_are_read(tmp_path):
    for number in range(70):
        write(tmp_path / f"{number}", {"image": f"{number}.jpg", "annotations": []})
    assert len(read(createml, tmp_path).files) == 70


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        (3, "annotations is no list"),
        ([thing(), "x"], "object 2 of 2: is not a JSON object with the fields of an entry of annotations"),
        ([{"coordinates": {}}], "object 1 of 1: has no class"),
        ([thing(label=" ")], "object 1 of 1: has no class"),
    ],
)
def test_a_damaged_image_is_a_problem_of_its_own(tmp_path, annotations, message):
    write(tmp_path, {"image": "a.jpg", "annotations": annotations}, {"image": "b.jpg", "annotations": [thing()]})
    damaged, good = read(createml, tmp_path).splits[""]
    assert str(damaged.annotation) == f"{tmp_path / 'photos.json'}, a.jpg: {message}"
    assert good.annotation.names == ("cat",)


@pytest.mark.parametrize(
    "coordinates", [None, [], 3, {}, {"x": "left", "y": 1, "width": 2, "height": 3}, {"x": 10**400, "y": 0}, {"x": []}]
)
def test_coordinates_that_are_no_numbers_leave_a_box_that_the_check_names(tmp_path, coordinates):
    write(tmp_path, {"image": "a.jpg", "annotations": [{"label": "cat", "coordinates": coordinates}]})
    (item,) = read(createml, tmp_path).splits[""]
    assert np.isnan(item.annotation.boxes).any()


@pytest.mark.parametrize(
    "entry", [None, 3, {}, {"image": None, "annotations": []}, {"image": "data:image/png;base64,AA"}]
)
def test_an_entry_without_image_is_a_problem(tmp_path, entry):
    images = [{"image": f"{letter}.jpg", "annotations": [thing()]} for letter in "ab"]
    write(tmp_path, *images, entry)
    *_, item = read(createml, tmp_path).splits[""]
    assert isinstance(item.annotation, Problem)
    assert str(item.annotation) == f"{tmp_path / 'photos.json'}: image 3: has no file name"


@pytest.mark.parametrize("content", [[], {}, None, 3, "x", [[]], [{"image": "a.jpg"}], [{"annotations": []}]])
def test_json_that_is_not_createmls(tmp_path, content):
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(BadInput, match="no annotations found"):
        open_source([tmp_path])


def test_a_very_long_name_is_a_missing_image(tmp_path):
    images = [{"image": f"/{'x' * 5000}.jpg", "annotations": [thing()]}, {"image": "http://[x", "annotations": []}]
    (tmp_path / "photos.json").write_text(json.dumps(images))
    assert open_source([tmp_path]).understood[0].paired == 0
