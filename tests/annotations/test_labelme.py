import base64
import json

import cv2
import numpy as np
import pytest

from multibox.annotations.annotation import Annotation
from multibox.annotations.formats import labelme
from multibox.annotations.problem import Problem
from multibox.data.build import check_item
from multibox.data.source import open_source
from multibox.errors import BadInput
from reading import read


def shape(label="cat", points=((10, 20), (30, 50)), kind="rectangle", **fields):
    return {"label": label, "points": points, "shape_type": kind, **fields}


def write(folder, name="a", shapes=(), image=True, **fields):
    folder.mkdir(parents=True, exist_ok=True)
    if image:
        (folder / f"{name}.jpg").touch()
    content = {"version": "5.5.0", "shapes": list(shapes), "imagePath": f"{name}.jpg", "imageData": None, **fields}
    (folder / f"{name}.json").write_text(json.dumps(content))


def only(folder):
    (item,) = (item for items in read(labelme, folder).splits.values() for item in items)
    return item


def test_a_rectangle_is_two_corners_in_any_order(tmp_path):
    shapes = [shape(), shape("dog", [[9, 8.5], [1, 2.25]])]
    write(tmp_path, shapes=shapes, imageWidth=64, imageHeight=48)
    item = only(tmp_path)
    assert (item.id, item.image) == ("a", tmp_path / "a.jpg")
    assert item.annotation.names == ("cat", "dog")
    assert item.annotation.size == (64, 48)
    np.testing.assert_array_equal(item.annotation.boxes, [[10, 20, 30, 50], [1, 2.25, 9, 8.5]])
    assert read(labelme, tmp_path).notes == ()


def test_other_shapes_give_their_bounds_and_are_counted(tmp_path):
    mask = np.zeros((11, 6), np.uint8)
    mask[1:10, 2:5] = 255
    encoded = base64.b64encode(cv2.imencode(".png", mask)[1]).decode()
    shapes = [
        shape(points=[[5, 6], [9, 2], [7, 12]], kind="polygon"),
        shape(points=[[50, 40], [53, 44]], kind="circle"),
        shape(points=[[20, 30], [25, 40]], kind="mask", mask=encoded),
        shape(points=[[10, 0], [20, 10], [10, 20], [0, 10]], kind="oriented_rectangle"),
        shape(points=[[1, 1]], kind="point"),
        shape(points=[[1, 1], [5, 9]], kind="line"),
        shape(points=[[1, 1], [5, 9], [8, 2]], kind="linestrip"),
        shape(kind="rectangle"),
    ]
    write(tmp_path, shapes=shapes)
    np.testing.assert_array_equal(
        only(tmp_path).annotation.boxes,
        [[5, 2, 9, 12], [45, 35, 55, 45], [22, 31, 25, 40], [0, 0, 20, 20], [10, 20, 30, 50]],
    )
    assert read(labelme, tmp_path).notes == (
        "1 polygon, 1 circle, 1 mask, 1 rotated box: their bounding boxes were used",
        "2 lines, 1 point left out, because they have no box",
    )


def test_files_of_version_3_say_neither_shape_nor_size(tmp_path):
    tmp_path.joinpath("a.jpg").touch()
    content = {"shapes": [{"label": "cat", "points": [[4, 3], [8, 3], [8, 9]], "line_color": None}], "lineColor": []}
    (tmp_path / "a.json").write_text(json.dumps(content | {"imagePath": "..\\photos\\a.jpg", "imageData": "AAAA"}))
    item = only(tmp_path)
    assert (item.image, item.annotation.size) == (tmp_path / "a.jpg", None)
    np.testing.assert_array_equal(item.annotation.boxes, [[4, 3, 8, 9]])


def test_the_embedded_image_is_used_only_if_there_is_no_file(tmp_path):
    encoded = cv2.imencode(".png", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
    data = base64.b64encode(encoded).decode()
    write(tmp_path, "a", [shape()], image=False, imageData=data, imagePath="C:\\x\\lost.png")
    write(tmp_path, "b", [shape()], image=True, imageData=data)
    part = read(labelme, tmp_path)
    first, second = part.splits[""]
    assert first.image.read_bytes() == encoded
    assert str(first.image) == f"{tmp_path / 'a.json'}, imageData"
    assert second.image == tmp_path / "b.jpg"
    assert part.notes == ("1 image file is missing; the image was taken from imageData in its annotation file",)
    checked = check_item(first, {"cat": 0})
    assert (checked.record.width, checked.record.height, checked.problems) == (64, 48, ())


def test_an_embedded_image_that_is_not_base64_is_a_problem_of_that_image(tmp_path):
    write(tmp_path, "a", [shape()], image=False, imageData="#not base64#")
    (problem,) = check_item(only(tmp_path), {"cat": 0}).problems
    assert str(problem) == f"{tmp_path / 'a.json'}, imageData: does not hold a base64 image"


def test_flags_and_groups(tmp_path):
    write(tmp_path, shapes=[shape(flags={"occluded": True}, group_id=1), shape(difficult=True, group_id=1)])
    part = read(labelme, tmp_path)
    assert part.splits[""][0].annotation.columns == {"difficult": [False, True], "occluded": [True, False]}
    assert part.notes == (
        "2 shapes share class and group_id with other shapes; each shape was read as a separate object",
    )


def test_splits_are_folders_and_other_json_is_passed_over(tmp_path):
    write(tmp_path / "train", "a", [shape()])
    write(tmp_path / "valid", "b", [shape("dog")])
    (tmp_path / "settings.json").write_text('{"shapes": 3}')
    source = open_source([tmp_path])
    assert {split: [item.id for item in items] for split, items in source.splits.items()} == {
        "train": ["a"],
        "val": ["b"],
    }
    assert source.classes == ("cat", "dog")
    assert "1 JSON file holds something other than labelme's annotations and was ignored" in (
        source.understood[0].notes
    )


def test_a_damaged_file_is_a_problem_of_its_image(tmp_path):
    write(tmp_path, "a", [shape()])
    write(tmp_path, "b")
    (tmp_path / "b.json").write_text('{"shapes": [')
    items = {item.id: item for item in read(labelme, tmp_path).splits[""]}
    assert isinstance(items["a"].annotation, Annotation)
    assert str(items["b"].annotation).startswith(f"{tmp_path / 'b.json'}: not JSON: ")
    assert items["b"].image == tmp_path / "b.jpg"


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([shape(), shape(label=None)], "object 2 of 2: has no class"),
        ([shape(label=" ")], "object 1 of 1: has no class"),
        ([shape(label=["cat"])], "object 1 of 1: has no class"),
        ([shape(label=True)], "object 1 of 1: has no class"),
        ([shape(kind=["polygon"])], "object 1 of 1: has a shape_type that is not text"),
        ([shape(), 3], "object 2 of 2: is not a JSON object with the fields of an entry of shapes"),
        ([None], "object 1 of 1: is not a JSON object with the fields of an entry of shapes"),
    ],
)
def test_shapes_that_cannot_be_read(tmp_path, shapes, message):
    write(tmp_path, shapes=shapes)
    found = only(tmp_path).annotation
    assert isinstance(found, Problem)
    assert str(found) == f"{tmp_path / 'a.json'}: {message}"


@pytest.mark.parametrize("kind", ["rectangle", "polygon", "circle", "mask"])
@pytest.mark.parametrize("points", [None, 3, "ab", [], {}, [[]], [["x", 1], [2, 3]], [[10**400, 1], [2, 3]], [None]])
def test_points_that_are_no_numbers_leave_a_box_that_the_check_names(tmp_path, kind, points):
    write(tmp_path, shapes=[shape(points=points, kind=kind, mask=points)])
    found = only(tmp_path).annotation
    assert found.names == ("cat",)
    assert np.isnan(found.boxes).any()


@pytest.mark.parametrize("fields", [{"imagePath": None}, {"imagePath": 3}, {"imageWidth": "x"}, {"imageHeight": -1}])
def test_fields_of_the_image_that_are_of_no_use(tmp_path, fields):
    write(tmp_path, shapes=[shape()], imageWidth=64, imageHeight=48)
    write(tmp_path, shapes=[shape()], **{"imageWidth": 64, "imageHeight": 48} | fields)
    item = only(tmp_path)
    assert item.image == tmp_path / "a.jpg"
    assert item.annotation.size == ((64, 48) if "imagePath" in fields else None)


@pytest.mark.parametrize("content", [[], {"shapes": {}, "imagePath": "a"}, {"shapes": []}, 3, None, "x"])
def test_json_that_is_not_labelmes(tmp_path, content):
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(BadInput, match="no annotations found"):
        open_source([tmp_path], layout="labelme")


def test_what_labelme_ignores_is_left_out_and_its_pseudo_classes_are_no_classes(tmp_path):
    write(tmp_path, "a", [shape("cat"), shape("__ignore__", flags={"difficult": True}), shape("dog")])
    write(tmp_path, "b", [shape("__ignore__")])
    (tmp_path / "labels.txt").write_text("__ignore__\n_background_\ndog\ncat\n")
    source = open_source([tmp_path])
    assert source.classes == ("dog", "cat")
    found = {item.id: item.annotation for items in source.splits.values() for item in items}
    assert (found["a"].names, found["b"].names) == (("cat", "dog"), ())
    assert found["a"].boxes.tolist() == [[10, 20, 30, 50]] * 2
    assert found["a"].columns == {"difficult": [False, False]}
    assert found["b"].boxes.shape == (0, 4)
    assert "2 objects with the name __ignore__ left out, as labelme does" in source.understood[0].notes
    assert "__ignore__ and _background_ in the list of classes left out, as no object has this class" in (
        source.understood[0].notes
    )


def test_pseudo_classes_that_are_given_or_have_objects_stay(tmp_path):
    write(tmp_path, "a", [shape("cat"), shape("__ignore__"), shape("_background_")])
    (tmp_path / "labels.txt").write_text("__ignore__\n_background_\ncat\n")
    assert open_source([tmp_path]).classes == ("_background_", "cat")
    given = ["cat", "_background_", "__ignore__"]
    source = open_source([tmp_path], classes=given)
    assert source.classes == tuple(given)
    ((item,),) = source.splits.values()
    assert item.annotation.names == ("cat", "__ignore__", "_background_")
    assert not source.understood[0].notes
