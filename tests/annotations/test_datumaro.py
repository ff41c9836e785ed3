import json

import numpy as np
import pytest

from multibox.annotations.formats import datumaro
from multibox.annotations.problem import Problem
from multibox.data.source import open_source
from multibox.errors import BadInput
from reading import read

LABELS = ("zebra", "ant")


def box(label_id=0, bbox=(10, 20, 30, 40), **fields):
    return {"type": "bbox", "label_id": label_id, "bbox": list(bbox), "group": 0, "attributes": {}} | fields


def polygon(*points, label_id=0, **fields):
    return {"type": "polygon", "label_id": label_id, "points": list(points), "group": 0} | fields


def write(root, *annotations, split="default", labels=LABELS, **fields):
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    (root / "images" / split).mkdir(parents=True, exist_ok=True)
    (root / "images" / split / "a.jpg").touch()
    item = {"id": "a", "annotations": list(annotations), "image": {"path": "a.jpg", "size": [48, 64]}} | fields
    listed = [{"name": name, "parent": "", "attributes": []} for name in labels]
    content = {"infos": {}, "categories": {"label": {"labels": listed}}, "items": [item]}
    (root / "annotations" / f"{split}.json").write_text(json.dumps(content))
    return root


def only(root):
    (item,) = (item for items in read(datumaro, root).splits.values() for item in items)
    return item


def test_boxes_are_corner_and_size_and_sizes_are_height_and_width(tmp_path):
    part = read(datumaro, write(tmp_path, box(), box(1, (0.5, 1, 2, 3.25))))
    (item,) = part.splits[""]
    assert (item.id, item.image) == ("a", tmp_path / "images" / "default" / "a.jpg")
    assert item.annotation.names == LABELS
    assert item.annotation.size == (64, 48)
    np.testing.assert_array_equal(item.annotation.boxes, [[10, 20, 40, 60], [0.5, 1, 2.5, 4.25]])
    assert (part.classes, part.classes_from, part.notes) == (LABELS, "the list of labels", ())


def test_attributes_are_flags(tmp_path):
    attributes = {"occluded": True, "difficult": False, "truncated": "true", "is_crowd": 1, "color": "red"}
    found = only(write(tmp_path, box(), box(attributes=attributes))).annotation
    assert found.columns == {"truncated": [False, True], "occluded": [False, True], "crowd": [False, True]}


def test_other_types_give_their_bounds_or_none(tmp_path):
    write(
        tmp_path,
        polygon(5, 6, 9, 2, 7, 12),
        {"type": "mask", "label_id": 1, "rle": {"counts": "62304", "size": [5, 4]}},
        {"type": "ellipse", "label_id": 1, "points": [1, 2, 7, 8]},
        {"type": "polyline", "label_id": 0, "points": [1, 2, 3, 4]},
        {"type": "points", "label_id": 0, "points": [1, 2]},
        {"type": "cuboid_3d", "label_id": 0},
        {"type": "label", "label_id": 0},
        {"type": "caption", "caption": "two ants"},
    )
    part = read(datumaro, tmp_path)
    found = part.splits[""][0].annotation
    assert found.names == ("zebra", "ant", "ant")
    np.testing.assert_array_equal(found.boxes, [[5, 2, 9, 12], [1, 1, 3, 3], [1, 2, 7, 8]])
    assert part.notes == (
        "1 polygon, 1 mask, 1 ellipse: their bounding boxes were used",
        "1 line, 1 group of points, 1 cuboid left out, because they have no box",
    )


def test_polygons_of_one_group_are_one_object_and_boxes_are_not(tmp_path):
    parts = [polygon(1, 1, 5, 1, 5, 5, group=3), polygon(20, 9, 30, 9, 30, 12, group=3)]
    other = polygon(2, 2, 8, 2, 8, 8, group=3, label_id=1)
    write(tmp_path, *parts, other, box(group=4), box(1, group=4), box(bbox=(1, 1, 2, 2), group=4))
    part = read(datumaro, tmp_path)
    found = part.splits[""][0].annotation
    assert found.names == ("zebra", "ant", "zebra", "zebra", "ant")
    np.testing.assert_array_equal(
        found.boxes, [[1, 1, 30, 12], [2, 2, 8, 8], [10, 20, 40, 60], [1, 1, 3, 3], [10, 20, 40, 60]]
    )
    assert part.notes == ("1 object of several parts, 1 polygon: their bounding boxes were used",)


def test_the_box_of_a_group_is_the_objects_box(tmp_path):
    write(tmp_path, polygon(11, 21, 39, 21, 39, 59, group=3), box(group=3))
    np.testing.assert_array_equal(only(tmp_path).annotation.boxes, [[10, 20, 40, 60]])


def test_splits_are_subsets_and_classes_are_matched_by_name(tmp_path):
    write(tmp_path, box(0), split="val", labels=("ant", "moth"))
    write(tmp_path, box(0), split="train")
    part = read(datumaro, tmp_path)
    assert {split: items[0].annotation.names for split, items in part.splits.items()} == {
        "train": ("zebra",),
        "val": ("ant",),
    }
    assert part.splits["val"][0].image == tmp_path / "images" / "val" / "a.jpg"
    assert part.classes == ("zebra", "ant", "moth")
    assert part.notes == ("the files list their classes differently, so classes were matched by name",)


def test_a_background_that_no_object_has_is_no_class(tmp_path):
    source = open_source([write(tmp_path, box(1, (10, 20, 5, 6)), labels=("background", "ant"))])
    assert source.classes == ("ant",)
    assert source.understood[0].notes == ("background in the list of classes left out, as no object has this class",)
    assert open_source([write(tmp_path, box(0, (10, 20, 5, 6)), labels=("background", "ant"))]).classes == (
        "background",
        "ant",
    )


def test_an_item_without_path_is_found_by_its_id(tmp_path):
    for image in (None, {}, {"path": ""}, 3):
        item = only(write(tmp_path, box(), image=image))
        assert (item.image, item.annotation.size) == (tmp_path / "images" / "default" / "a.jpg", None)


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (box(2), "object 1 of 1: has the label_id 2, but the file lists 2 labels"),
        (box(-1), "object 1 of 1: has the label_id -1, but the file lists 2 labels"),
        (box(None), "object 1 of 1: has no label_id"),
        (box("0"), "object 1 of 1: has no label_id"),
        (box(type=None), "object 1 of 1: has no type"),
        ([], "object 1 of 1: is not a JSON object with the fields of an entry of annotations"),
    ],
)
def test_annotations_that_cannot_be_read(tmp_path, annotation, message):
    found = only(write(tmp_path, annotation)).annotation
    assert isinstance(found, Problem)
    assert str(found) == f"{tmp_path / 'annotations' / 'default.json'}, a.jpg: {message}"


@pytest.mark.parametrize(
    "annotation",
    [
        box(bbox=()),
        box(bbox=("x", 1, 2, 3)),
        box(bbox=(10**400, 1, 2, 3)),
        box() | {"bbox": {"x": 1}},
        polygon(),
        polygon(1, 2, 3),
        {"type": "mask", "label_id": 0},
        {"type": "mask", "label_id": 0, "rle": {"counts": [], "size": []}},
    ],
)
def test_bounds_that_are_no_numbers_leave_a_box_that_the_check_names(tmp_path, annotation):
    assert np.isnan(only(write(tmp_path, annotation)).annotation.boxes).any()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (3, "categories.label.labels is no list"),
        ([3], "object 1 of 1: is not a JSON object"),
        ([{}], "label 0: has no class"),
        ([{"name": " "}], "label 0: has no class"),
    ],
)
def test_labels_without_names(tmp_path, labels, message):
    write(tmp_path)
    path = tmp_path / "annotations" / "default.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"categories": {"label": {"labels": labels}}}))
    with pytest.raises(BadInput) as error:
        open_source([tmp_path])
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("items", [[None], [3], [{}], [[]]])
def test_items_that_are_nothing(tmp_path, items):
    write(tmp_path)
    path = tmp_path / "annotations" / "default.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"items": items}))
    assert str(only(tmp_path).annotation) == f"{path}: image 1: has no file name"
