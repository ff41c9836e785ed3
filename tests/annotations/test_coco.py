import json

import numpy as np
import pytest

from multibox.annotations.formats import coco
from multibox.data.source import open_source
from multibox.errors import BadInput
from reading import read

CONTENT = {
    "images": [
        {"id": 42, "file_name": "a.jpg", "width": 50, "height": 40},
        {"id": 7, "file_name": "b.jpg"},
    ],
    "annotations": [
        {"id": 900, "image_id": 42, "category_id": 18, "bbox": [1.5, 2, 10, 20], "area": 77.5, "iscrowd": 1},
        {"id": 901, "image_id": 42, "category_id": 3, "bbox": [0, 0, 4, 5]},
    ],
    "categories": [{"id": 18, "name": "dog"}, {"id": 3, "name": "zebra"}, {"id": 90, "name": "ant"}],
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "annotations").mkdir()
    for split in ("train2017", "val2017"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "a.jpg").touch()
        (tmp_path / "annotations" / f"instances_{split}.json").write_text(json.dumps(CONTENT))
    (tmp_path / "annotations" / "captions_val2017.json").write_text("{}")
    return tmp_path


def test_a_folder_in_cocos_layout(folder):
    part = read(coco, folder)
    assert [file.name for file in part.files] == ["instances_train2017.json", "instances_val2017.json"]
    assert part.classes == ("zebra", "dog", "ant")
    assert part.category_ids == (3, 18, 90)
    item, empty = part.splits["val"]
    assert (item.id, empty.id) == ("42", "7")
    assert item.image == folder / "val2017" / "a.jpg"
    found = item.annotation
    assert found.names == ("dog", "zebra")
    assert found.size == (50, 40)
    np.testing.assert_array_equal(found.boxes, [[1.5, 2, 11.5, 22], [0, 0, 4, 5]])
    assert found.columns == {"crowd": [True, False], "area": [77.5, 20], "ids": ["900", "901"]}
    assert empty.annotation.names == ()
    assert empty.annotation.size is None


def test_one_file_is_divided_and_keeps_its_category_ids(folder):
    (folder / "all.json").write_text(json.dumps(CONTENT))
    source = open_source([folder / "all.json"], images=folder / "train2017")
    assert source.category_ids == (3, 18, 90)
    assert source.classes == ("zebra", "dog", "ant")
    assert sum(map(len, source.splits.values())) == 2
    assert open_source([folder / "all.json"], classes=("dog", "zebra")).category_ids == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": None}, "has no list 'images'"),
        ({"annotations": [{"image_id": 42, "category_id": 5, "bbox": [0, 0, 1, 1]}]}, "no category 5"),
        ({"annotations": [{"image_id": 8, "category_id": 3, "bbox": [0, 0, 1, 1]}]}, r"not listed: \[8\]"),
        ({"annotations": [{"image_id": 42, "category_id": 3}]}, "KeyError 'bbox'"),
        ({"annotations": [{"image_id": 42, "category_id": 3, "bbox": [1, 2]}]}, "not COCO annotations"),
        ({"categories": ["dog"]}, "not COCO annotations"),
    ],
)
def test_files_that_are_not_coco(tmp_path, change, message):
    (tmp_path / "a.json").write_text(json.dumps({**CONTENT, **change}))
    with pytest.raises(BadInput, match=message) as error:
        open_source([tmp_path / "a.json"])
    assert "a.json" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_files_that_are_not_json_objects(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(BadInput, match=r"a\.json: "):
        open_source([tmp_path / "a.json"])
