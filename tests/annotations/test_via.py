import json
from math import pi

import numpy as np
import pytest

from multibox.annotations.formats import via
from multibox.annotations.problem import Problem
from multibox.data.source import open_source
from multibox.errors import BadInput
from reading import read

RECT = {"name": "rect", "x": 10, "y": 20, "width": 30, "height": 40}
DROPDOWN = {"type": "dropdown", "options": {"zebra": "", "ant": ""}, "default_options": {}}


def region(shape=RECT, **attributes):
    return {"shape_attributes": shape, "region_attributes": attributes}


def entry(*regions, filename="a.jpg", **fields):
    return {"filename": filename, "size": 4242, "regions": list(regions), "file_attributes": {}} | fields


def write(root, *images, attributes=None, name="via.json"):
    """An export of annotations, or a project if it declares attributes."""
    root.mkdir(parents=True, exist_ok=True)
    listed = {f"key{number}": image for number, image in enumerate(images)}
    for image in images:
        if isinstance(image, dict) and isinstance(image.get("filename"), str):
            (root / image["filename"]).touch()
    project = {"_via_settings": {}, "_via_img_metadata": listed, "_via_attributes": {"region": attributes, "file": {}}}
    (root / name).write_text(json.dumps(listed if attributes is None else project))
    return root


def only(root, **options):
    (item,) = (item for items in read(via, root, **options).splits.values() for item in items)
    return item


def test_a_project_declares_the_order_of_its_classes(tmp_path):
    write(tmp_path, entry(region(type="ant\n"), region(type="zebra")), attributes={"type": DROPDOWN})
    part = read(via, tmp_path)
    (item,) = part.splits[""]
    assert (item.id, item.image, item.annotation.names) == ("a", tmp_path / "a.jpg", ("ant", "zebra"))
    np.testing.assert_array_equal(item.annotation.boxes[0], [10, 20, 40, 60])
    assert (part.classes, part.classes_from) == (("zebra", "ant"), "the options of the attribute 'type'")
    assert part.notes == ()


def test_an_export_of_via_1_numbers_its_regions(tmp_path):
    write(tmp_path, entry(fileref="", base64_img_data="") | {"regions": {"0": region(name="cat")}})
    assert only(tmp_path).annotation.names == ("cat",)
    assert read(via, tmp_path).classes == ()


def test_other_shapes_give_their_bounds_or_none(tmp_path):
    shapes = [
        {"name": "circle", "cx": 50, "cy": 40, "r": 5.5},
        {"name": "ellipse", "cx": 50, "cy": 40, "rx": 8, "ry": 3},
        {"name": "ellipse", "cx": 50, "cy": 40, "rx": 8, "ry": 3, "theta": pi / 2},
        {"name": "polygon", "all_points_x": [5, 9, 7], "all_points_y": [6, 2, 12]},
        {"name": "polyline", "all_points_x": [5, 9], "all_points_y": [6, 2]},
        {"name": "point", "cx": 1, "cy": 2},
    ]
    write(tmp_path, entry(*(region(shape, name="cat") for shape in shapes)))
    part = read(via, tmp_path)
    np.testing.assert_allclose(
        part.splits[""][0].annotation.boxes,
        [[44.5, 34.5, 55.5, 45.5], [42, 37, 58, 43], [47, 32, 53, 48], [5, 2, 9, 12]],
    )
    assert part.notes == (
        "2 ellipses, 1 circle, 1 polygon: their bounding boxes were used",
        "1 line, 1 point left out, because they have no box",
    )


def test_the_class_is_the_attribute_that_most_regions_have(tmp_path):
    images = [entry(region(color="red", kind="cat"), region(kind="dog", difficult="1")), entry(filename="b.jpg")]
    write(tmp_path, *images, attributes={"color": {"options": {"red": ""}}, "kind": {"type": "text"}})
    part = read(via, tmp_path)
    assert part.splits[""][0].annotation.names == ("cat", "dog")
    assert part.splits[""][0].annotation.columns == {"difficult": [False, True]}
    assert part.classes == ()
    assert part.notes == (
        "the attribute 'kind' was read as the class: 2 of 2 regions have it; other attributes (color) were not used; "
        "to use one of them, remove 'kind'",
    )


def test_of_attributes_that_all_regions_have_the_likeliest_name_is_the_class(tmp_path):
    write(tmp_path, entry(region(color="red", label="cat", truncated="0")))
    assert only(tmp_path).annotation.names == ("cat",)


def test_one_ticked_box_is_a_class_and_two_are_a_problem(tmp_path):
    write(tmp_path, entry(region(kind={"cat": True, "dog": False})))
    assert only(tmp_path).annotation.names == ("cat",)
    write(tmp_path, entry(region(kind={"cat": True}), region(kind={"cat": True, "dog": True})))
    assert only(tmp_path).annotation.what == (
        "object 2 of 2: has 2 values of the attribute 'kind', which holds the class"
    )


def test_options_that_are_numbers_are_called_by_their_descriptions(tmp_path):
    options = {"type": "radio", "options": {"18": "dog", "3": "zebra"}}
    write(tmp_path, entry(region(name="3"), region(name=18)), attributes={"name": options})
    part = read(via, tmp_path)
    assert part.splits[""][0].annotation.names == ("zebra", "dog")
    assert part.classes == ("dog", "zebra")
    assert part.notes[1] == ("the options of 'name' are numbers, so their descriptions became the class names")


def test_regions_without_any_attribute_have_one_class(tmp_path):
    write(tmp_path, entry(region(), region()))
    part = read(via, tmp_path)
    assert part.splits[""][0].annotation.names == ("object", "object")
    assert part.notes == (
        "no region has an attribute, so all objects have the class 'object'; to give another name, "
        "set classes to that single name",
    )
    assert open_source([tmp_path], classes=("balloon",)).classes == ("balloon",)


def test_splits_come_from_folders(tmp_path):
    for folder in ("train", "val"):
        write(tmp_path / folder, entry(region(name="cat"), filename=f"{folder}.jpg"), name="via_region_data.json")
    splits = read(via, tmp_path).splits
    assert {split: [item.id for item in items] for split, items in splits.items()} == {
        "train": ["train"],
        "val": ["val"],
    }


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        (3, "regions is no list"),
        ([region(kind="cat"), 3], "object 2 of 2: is not a JSON object with the fields of an entry of regions"),
        ([region(kind="cat"), region()], "object 2 of 2: has no value of the attribute 'kind', which holds the class"),
        ([region(kind="cat"), {"region_attributes": 3}], "object 2 of 2: has no value of the attribute 'kind'"),
    ],
)
def test_regions_that_cannot_be_read_are_a_problem_of_their_image(tmp_path, regions, message):
    write(tmp_path, entry(region(kind="dog"), filename="b.jpg"), entry() | {"regions": regions})
    good, damaged = read(via, tmp_path).splits[""]
    assert good.annotation.names == ("dog",)
    assert isinstance(damaged.annotation, Problem)
    assert str(damaged.annotation).startswith(f"{tmp_path / 'via.json'}, a.jpg: {message}")


@pytest.mark.parametrize(
    "shape",
    [
        {"name": "rect"},
        {"name": "rect", "x": "left", "y": 0, "width": 1, "height": 1},
        {"name": "circle", "cx": 1, "cy": 2, "r": None},
        {"name": "ellipse", "cx": 1, "cy": 2, "rx": 1, "ry": 1, "theta": "x"},
        {"name": "ellipse", "cx": 1, "cy": 2, "rx": 1, "ry": 1, "theta": 10**400},
        {"name": "polygon", "all_points_x": [1, 2], "all_points_y": [1]},
        {"name": "polygon", "all_points_x": {}, "all_points_y": []},
        {"name": "polygon", "all_points_x": [], "all_points_y": []},
    ],
)
def test_shapes_that_are_no_numbers_leave_a_box_that_the_check_names(tmp_path, shape):
    write(tmp_path, entry(region(shape, kind="cat")))
    assert np.isnan(only(tmp_path).annotation.boxes).any()


@pytest.mark.parametrize("attributes", [None, 3, [], {"kind": 3}, {"kind": {"options": [1]}}, {"other": {}}])
def test_declared_attributes_that_are_of_no_use(tmp_path, attributes):
    write(tmp_path, entry(region(kind="cat")))
    listed = json.loads((tmp_path / "via.json").read_text())
    project = {"_via_img_metadata": listed, "_via_attributes": {"region": attributes}}
    (tmp_path / "via.json").write_text(json.dumps(project))
    assert only(tmp_path).annotation.names == ("cat",)


def test_a_project_of_via_3_is_refused_in_one_line(tmp_path):
    content = {"project": {"data_format_version": "3.1.1"}, "config": {}, "attribute": {}, "file": {}}
    (tmp_path / "via_project.json").write_text(json.dumps(content | {"metadata": {}, "view": {}}))
    for path in (tmp_path, tmp_path / "via_project.json"):
        with pytest.raises(BadInput) as error:
            open_source([path])
        assert str(error.value) == (
            f"{path}: via_project.json is a project of VIA 3, which is not read; convert it to COCO"
        )


@pytest.mark.parametrize("content", [{}, [], None, 3, {"a": {"filename": "a.jpg"}}, {"_via_img_metadata": []}])
def test_json_that_is_not_vias(tmp_path, content):
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(BadInput, match="no annotations found"):
        open_source([tmp_path])


def test_the_table_of_regions(tmp_path):
    (tmp_path / "a.jpg").touch()
    (tmp_path / "b.jpg").touch()
    (tmp_path / "via.csv").write_text(
        "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\n"
        'a.jpg,9,{},2,0,"{""name"":""rect"",""x"":1,""y"":2,""width"":10,""height"":20}","{""type"":""dog""}"\n'
        'a.jpg,9,{},2,1,"{""name"":""circle"",""cx"":5,""cy"":6,""r"":2}","{""type"":""cat""}"\n'
        "b.jpg,9,{},0,0,{},{}\n"
    )
    part = read(via, tmp_path)
    a, b = part.splits[""]
    assert (a.annotation.names, b.annotation.names) == (("dog", "cat"), ())
    np.testing.assert_array_equal(a.annotation.boxes, [[1, 2, 11, 22], [3, 4, 7, 8]])


def test_a_table_with_a_damaged_cell(tmp_path):
    text = "filename,region_shape_attributes,region_attributes\na.jpg,{x,{}\n"
    (tmp_path / "via.csv").write_text(text)
    with pytest.raises(BadInput, match=r"a cell does not hold JSON: .*; export the table again"):
        read(via, tmp_path)


def test_a_table_whose_last_row_breaks_off(tmp_path):
    (tmp_path / "a.jpg").touch()
    text = 'region_attributes,region_shape_attributes,filename\n"{""type"":""dog""}",{},a.jpg\n"{""type"":""cat""}"\n'
    (tmp_path / "via.csv").write_text(text)
    good, nameless = read(via, tmp_path).splits[""]
    assert good.image == tmp_path / "a.jpg"
    assert "has no file name" in str(nameless.annotation)
