import numpy as np
import pytest

from multibox.annotations.files import Files
from multibox.annotations.formats import cvat
from multibox.annotations.problem import Problem
from multibox.annotations.recognise import recognise
from multibox.data.source import open_source
from multibox.errors import BadInput
from reading import read

BOX = '<box label="cat" xtl="1" ytl="2.5" xbr="11" ybr="22" occluded="0"/>'


def labels(*names, kind="rectangle", more=""):
    listed = "".join(f"<label><name>{name}</name><type>{kind}</type></label>" for name in names)
    return f"<meta><task><labels>{listed}{more}</labels></task></meta>"


def image(*shapes, name="a.jpg", **fields):
    written = " ".join(f'{field}="{value}"' for field, value in fields.items())
    return f'<image id="0" name="{name}" width="64" height="48" {written}>{"".join(shapes)}</image>'


def write(path, *content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<?xml version='1.0'?>\n<annotations><version>1.1</version>{''.join(content)}</annotations>")
    return path


def touch(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def only(folder):
    (item,) = (item for items in read(cvat, folder).splits.values() for item in items)
    return item


def test_boxes_with_their_flags(tmp_path):
    touch(tmp_path / "photos", "a.jpg")
    attributes = {"difficult": "true", "Truncated": "true", "is_crowd": "false", "color": "red"}
    fields = "".join(f'<attribute name="{name}">{value}</attribute>' for name, value in attributes.items())
    second = f'<box label="dog" xtl="3" ytl="4" xbr="5" ybr="6" occluded="1">{fields}</box>'
    third = '<box label="dog" xtl="3" ytl="4" xbr="9" ybr="6"><attribute name="is_crowd">true</attribute></box>'
    write(tmp_path / "annotations.xml", image(BOX, second, third))
    item = only(tmp_path)
    assert (item.id, item.image, item.annotation.size) == ("a", tmp_path / "photos/a.jpg", (64, 48))
    assert item.annotation.names == ("cat", "dog", "dog")
    np.testing.assert_array_equal(item.annotation.boxes, [[1, 2.5, 11, 22], [3, 4, 5, 6], [3, 4, 9, 6]])
    assert item.annotation.columns == {
        "difficult": [False, True, False],
        "truncated": [False, True, False],
        "occluded": [False, True, False],
        "crowd": [False, False, True],
    }


def test_other_shapes_give_their_bounds_and_are_counted(tmp_path):
    touch(tmp_path, "a.jpg")
    corners = {"tl1": (9, 8), "bl1": (9, 20), "tr1": (19, 8), "br1": (19, 20)}
    corners |= {name.replace("1", "2"): (x + 3, y - 2) for name, (x, y) in corners.items()}
    cuboid = " ".join(f'x{name}="{x}" y{name}="{y}"' for name, (x, y) in corners.items())
    write(
        tmp_path / "annotations.xml",
        image(
            '<box label="cat" xtl="10" ytl="20" xbr="30" ybr="60" rotation="90.0"/>',
            '<box label="cat" xtl="0" ytl="0" xbr="10" ybr="10" rotation="45"/>',
            '<polygon label="cat" points="5.5,9;2,7.25;8,1"/>',
            '<ellipse label="cat" cx="20" cy="30" rx="10" ry="5"/>',
            '<ellipse label="cat" cx="20" cy="30" rx="10" ry="5" rotation="90"/>',
            '<mask label="cat" rle="1, 2" left="3" top="4" width="10" height="20"/>',
            f'<cuboid label="cat" {cuboid}/>',
            '<points label="cat" points="5,9;2,7"/>',
            '<polyline label="cat" points="5,9;2,7"/>',
            '<skeleton label="cat"><points label="1" points="5,9"/></skeleton>',
            '<tag label="cat"/>',
        ),
    )
    half = 50**0.5
    np.testing.assert_allclose(
        only(tmp_path).annotation.boxes,
        [
            [0, 30, 40, 50],
            [5 - half, 5 - half, 5 + half, 5 + half],
            [2, 1, 8, 9],
            [10, 25, 30, 35],
            [15, 20, 25, 40],
            [3, 4, 13, 24],
            [9, 6, 22, 20],
        ],
        atol=1e-9,
    )
    assert read(cvat, tmp_path).notes == (
        "2 rotated boxes, 2 ellipses, 1 polygon, 1 mask, 1 cuboid: their bounding boxes were used",
        "1 point set, 1 line, 1 skeleton, 1 tag left out, because they have no box",
    )


def test_the_order_of_the_labels_is_that_of_the_classes(tmp_path):
    touch(tmp_path, "a.jpg")
    joint = "<label><name>knee</name><type>points</type><parent>body</parent></label>"
    body = f"<label><name>body</name><type>skeleton</type></label>{joint}"
    write(tmp_path / "annotations.xml", labels("zebra", "cat", more=body), image(BOX))
    source = open_source([tmp_path])
    assert source.classes == ("zebra", "cat")
    assert "these labels are not classes, as their shapes have no box: body" in source.understood[0].notes
    assert source.understood[0].layout == "CVAT XML"


def test_splits_come_from_subsets(tmp_path):
    touch(tmp_path / "images/Train", "a.jpg")
    touch(tmp_path / "images/Yard at night", "a.jpg")
    touch(tmp_path / "images/default", "b.jpg")
    images = [image(BOX, subset=subset) for subset in ("Train", "Yard at night")]
    write(tmp_path / "annotations.xml", *images, image(BOX, name="b.jpg", subset="default"))
    part = read(cvat, tmp_path)
    assert {split: [item.image for item in items] for split, items in part.splits.items()} == {
        "train": [tmp_path / "images/Train/a.jpg"],
        "Yard_at_night": [tmp_path / "images/Yard at night/a.jpg"],
        "": [tmp_path / "images/default/b.jpg"],
    }
    assert part.splits_from == "the subsets that the files name"


def test_a_task_may_name_its_subset(tmp_path):
    touch(tmp_path, "a.jpg")
    write(tmp_path / "annotations.xml", "<meta><task><subset>Validation</subset></task></meta>", image(BOX))
    assert list(read(cvat, tmp_path).splits) == ["val"]


def test_the_default_subset_is_none(tmp_path):
    touch(tmp_path, "a.jpg", "b.jpg")
    default = "<meta><task><subset>default</subset></task></meta>"
    for file, name in (("train", "a.jpg"), ("valid", "b.jpg")):
        write(tmp_path / f"{file}.xml", default, image(BOX, name=name))
    part = read(cvat, tmp_path)
    assert {split: [item.id for item in items] for split, items in part.splits.items()} == {
        "train": ["a"],
        "val": ["b"],
    }
    assert part.splits_from.startswith("the names of the files ")


def test_several_files_are_splits_by_name_or_one_piece(tmp_path):
    for name in ("a", "b"):
        touch(tmp_path, f"{name}.jpg")
        write(tmp_path / f"task_{name}/annotations.xml", labels(name), image(BOX, name=f"{name}.jpg"))
    part = read(cvat, tmp_path)
    assert [item.id for item in part.splits[""]] == ["a", "b"]
    assert (part.classes, len(part.files)) == (("a", "b"), 2)
    for name, folder in (("train", "task_a"), ("valid", "task_b")):
        (tmp_path / folder / "annotations.xml").rename(tmp_path / f"{name}.xml")
    part = read(cvat, tmp_path)
    assert {split: [item.id for item in items] for split, items in part.splits.items()} == {
        "train": ["a"],
        "val": ["b"],
    }
    assert part.splits_from.startswith("the names of the files ")


def test_images_of_one_name_in_two_tasks_have_ids_of_their_own(tmp_path):
    for task in ("one", "two"):
        touch(tmp_path / task, "a.jpg")
        write(tmp_path / task / "annotations.xml", image(BOX))
    items = read(cvat, tmp_path).splits[""]
    assert [(item.id, item.image) for item in items] == [
        (f"{task}/a", tmp_path / task / "a.jpg") for task in ("one", "two")
    ]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ('<box xtl="1" ytl="2" xbr="3" ybr="4"/>', "object 2 of 2: has no class"),
        ('<polygon label=" " points="1,2;3,4;5,1"/>', "object 2 of 2: has no class"),
    ],
)
def test_an_object_without_class_is_a_problem_of_its_image(tmp_path, shape, message):
    touch(tmp_path, "a.jpg", "b.jpg")
    write(tmp_path / "annotations.xml", image(BOX, shape), image(BOX, name="b.jpg"))
    damaged, whole = read(cvat, tmp_path).splits[""]
    assert isinstance(damaged.annotation, Problem)
    assert str(damaged.annotation) == f"{tmp_path / 'annotations.xml'}, a.jpg: {message}"
    assert whole.annotation.names == ("cat",)


@pytest.mark.parametrize(
    "shape",
    [
        '<box label="x"/>',
        '<box label="x" xtl="a" ytl="1" xbr="3" ybr="4"/>',
        '<box label="x" xtl="1" ytl="2" xbr="3" ybr="4" rotation="much"/>',
        '<box label="x" xtl="nan" ytl="2" xbr="3" ybr="4"/>',
        '<polygon label="x"/>',
        '<polygon label="x" points="1,2;3"/>',
        '<polygon label="x" points="1,2,3;4,5,6"/>',
        '<ellipse label="x" cx="1" cy="2" rx="3"/>',
        '<ellipse label="x" cx="1" cy="2" rx="3" ry="1" rotation="inf"/>',
        '<mask label="x" left="1" top="2"/>',
        '<cuboid label="x" xtl1="3"/>',
    ],
)
def test_shapes_that_are_no_numbers_leave_a_box_that_the_check_names(tmp_path, shape):
    touch(tmp_path, "a.jpg")
    write(tmp_path / "annotations.xml", image(BOX, shape))
    found = only(tmp_path).annotation
    assert found.names == ("cat", "x")
    assert np.isnan(found.boxes[1]).any()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<annotations><image>", "not readable as XML: "),
        ("<annotations><meta/></annotations>", "holds no <image> and no <track>; export it as 'CVAT for images'"),
    ],
)
def test_files_that_cannot_be_read_are_named(tmp_path, content, message):
    (tmp_path / "annotations.xml").write_text(content)
    with pytest.raises(BadInput, match=f"{tmp_path / 'annotations.xml'}: {message}"):
        read(cvat, tmp_path)


def test_an_image_without_name_is_a_problem(tmp_path):
    touch(tmp_path, "a.jpg")
    write(tmp_path / "annotations.xml", image(BOX), "<image/>")
    whole, nameless = read(cvat, tmp_path).splits[""]
    assert whole.annotation.names == ("cat",)
    assert str(nameless.annotation) == f"{tmp_path / 'annotations.xml'}: image 2: has no file name"


def test_the_frames_of_a_video_have_names_without_suffix(tmp_path):
    touch(tmp_path / "images", "frame_000007.png")
    write(tmp_path / "annotations.xml", image(BOX, name="frame_000007"))
    assert only(tmp_path).image == tmp_path / "images/frame_000007.png"


def test_the_size_of_an_image_may_be_missing(tmp_path):
    touch(tmp_path, "a.jpg")
    write(tmp_path / "annotations.xml", f'<image name="a.jpg" width="" height="-3">{BOX}</image>')
    assert only(tmp_path).annotation.size is None


def test_other_xml_of_the_same_root_is_passed_over_beside_coco(tmp_path):
    other = "<annotations><!-- <image/> --><annotation><object><name>cat</name></object></annotation></annotations>"
    (tmp_path / "log.xml").write_text(other)
    assert cvat.find(Files(tmp_path)) == []
    (tmp_path / "boxes.json").write_text('{"images": [], "annotations": [], "categories": []}')
    assert [each.format.NAME for each in recognise(tmp_path)] == ["coco"]
    write(tmp_path / "photos.xml", image(BOX))
    assert cvat.find(Files(tmp_path)) == [tmp_path / "photos.xml"]


@pytest.mark.parametrize("content", [image(BOX), labels("cat"), '<track id="0" label="cat"/>'])
def test_any_file_of_cvat_is_found_in_utf_16_too(tmp_path, content):
    path = write(tmp_path / "a.xml", content)
    assert cvat.find(Files(tmp_path)) == [path]
    path.write_bytes(path.read_text().encode("utf-16"))
    assert cvat.find(Files(tmp_path)) == [path]
