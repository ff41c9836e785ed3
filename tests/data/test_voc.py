import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multibox.data.annotation import Annotation
from multibox.data.check import Problem
from multibox.data.voc import CLASSES, counts_from_one, parse_xml, read_voc, to_edges, write_xml
from multibox.errors import BadInput

XML = """<annotation><filename>a.jpg</filename><size><width>50</width><height>40</height><depth>3</depth></size>
<object><name> dog </name><truncated>1</truncated><difficult>1</difficult>
  <part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>
  <bndbox><ymin>4</ymin><xmin>3</xmin><xmax>13</xmax><ymax>24.5</ymax></bndbox></object>
<object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>1</xmax><ymax>x</ymax></bndbox></object>
</annotation>"""


def test_an_annotation(tmp_path):
    (tmp_path / "a.xml").write_text(XML)
    found = parse_xml(tmp_path / "a.xml")
    assert isinstance(found, Annotation)
    assert found.names == ("dog", "cat")
    assert found.size == (50, 40)
    assert found.columns == {"difficult": [True, False], "truncated": [True, False], "occluded": [False, False]}
    np.testing.assert_array_equal(found.boxes, [[3, 4, 13, 24.5], [1, 1, 1, np.nan]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (XML[:-20], "not readable as XML"),
        ("", "not readable as XML"),
        ("<html></html>", "holds <html>"),
        ("<annotation><object><bndbox/></object></annotation>", "object 1: has no <name>"),
        (None, "missing"),
    ],
)
def test_annotations_that_cannot_be_read(tmp_path, text, message):
    if text is not None:
        (tmp_path / "a.xml").write_text(text)
    found = parse_xml(tmp_path / "a.xml")
    assert isinstance(found, Problem)
    assert message in str(found)
    assert str(tmp_path / "a.xml") in str(found)


def test_entities_are_not_expanded(tmp_path):
    (tmp_path / "secret").write_text("secret")
    entity = f'<!DOCTYPE a [<!ENTITY e SYSTEM "{tmp_path / "secret"}">]>'
    (tmp_path / "a.xml").write_text(f"{entity}<annotation><object><name>&e;</name></object></annotation>")
    found = parse_xml(tmp_path / "a.xml")
    assert isinstance(found, Problem)


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("# label:color_rgb:parts:actions\nbackground:0,0,0::\ndog:128, 0,0:head,foot:\ncat:::\n", ("dog", "cat")),
        ("cow:::\n\ncat\ndog:1,2,3::run\nbackground:::\n", ("cow", "cat", "dog", "background")),
    ],
)
def test_a_labelmap_gives_the_classes_and_their_order(tmp_path, text, classes):
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations/a.xml").write_text(XML)
    (tmp_path / "labelmap.txt").write_text(text)
    assert read_voc(tmp_path, images=tmp_path).classes == classes


def test_an_object_of_the_class_background_keeps_it(tmp_path):
    (tmp_path / "a.xml").write_text("<annotation><object><name>background</name></object></annotation>")
    (tmp_path / "labelmap.txt").write_text("cat:::\nbackground:0,0,0::\n")
    assert read_voc(tmp_path).classes == ("cat", "background")


def test_a_labelmap_with_a_class_without_a_name(tmp_path):
    (tmp_path / "a.xml").write_text("<annotation/>")
    (tmp_path / "labelmap.txt").write_text("cat:::\n:1,2,3::\n")
    with pytest.raises(BadInput, match=r"labelmap.txt: class 1 has no name; write one"):
        read_voc(tmp_path)


def test_an_image_without_objects(tmp_path):
    (tmp_path / "a.xml").write_text("<annotation/>")
    found = parse_xml(tmp_path / "a.xml")
    assert found.boxes.shape == (0, 4)
    assert found.size is None


def test_a_size_that_is_not_finite_is_none(tmp_path):
    (tmp_path / "a.xml").write_text(XML.replace("50", "inf"))
    assert parse_xml(tmp_path / "a.xml").size is None


def test_edges_of_inclusive_corners_from_one():
    corners = np.array([[1, 1, 50, 40], [3, 4, 4, 9], [7, 7, 7, 7], [9, 9, 5, 5]], float)
    expected = [[0, 0, 50, 40], [2, 3, 4, 9], [7, 7, 7, 7], [9, 9, 5, 5]]
    np.testing.assert_array_equal(to_edges(corners, one_based=True), expected)
    np.testing.assert_array_equal(to_edges(corners, one_based=False), corners)
    assert to_edges(np.zeros((0, 4)), one_based=True).shape == (0, 4)


@pytest.mark.parametrize(
    ("corners", "expected"),
    [([(1, 5), (1, 9)], True), ([(0, 5), (9, 9)], False), ([(0, 1), (1, 5)], True), ([], True), ([(5, 5)], True)],
)
def test_whether_coordinates_count_from_one(corners, expected):
    boxes = np.array([(*corner, 20, 20) for corner in corners], float).reshape(-1, 4)
    assert counts_from_one([Annotation("a", ("x",) * len(boxes), boxes), Problem("image", "b", "", "")]) is expected


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 500)] * 4), max_size=5))
def test_what_is_written_is_read(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("xml")
    boxes = np.array([(x, y, x + w + 2, y + h + 2) for x, y, w, h in rows], float).reshape(-1, 4)
    flags = [i % 2 == 0 for i in range(len(boxes))]
    write_xml(folder / "a.xml", "a.jpg", (900, 900), ["<&>"] * len(boxes), boxes, truncated=flags)
    found = parse_xml(folder / "a.xml")
    np.testing.assert_array_equal(to_edges(found.boxes, one_based=True), boxes)
    assert found.columns["truncated"] == flags
    assert set(found.names) <= {"<&>"}


def test_a_folder(voc_folder):
    part = read_voc(voc_folder)
    assert {split: len(items) for split, items in part.splits.items()} == {"train": 4, "val": 2, "test": 2}
    item = part.splits["train"][3]
    assert item.id == "000003"
    assert item.image == voc_folder / "JPEGImages" / "000003.jpg"
    assert item.annotation.names == ()
    assert part.classes == ()
    assert part.splits["test"][1].annotation.columns["difficult"] == [True, True]


def layout(root, ids=("a", "b"), name="dog", lists=()):
    (root / "Annotations").mkdir(parents=True)
    (root / "JPEGImages").mkdir()
    (root / "ImageSets" / "Main").mkdir(parents=True)
    for image_id in ids:
        write_xml(root / "Annotations" / f"{image_id}.xml", "wrong.png", (9, 9), [name], np.array([[0, 0, 4, 4]]))
        (root / "JPEGImages" / f"{image_id}.jpg").touch()
    for split, text in lists:
        (root / "ImageSets" / "Main" / f"{split}.txt").write_text(text)
    return root


def test_the_picture_is_the_one_named_like_the_annotation(tmp_path):
    part = read_voc(layout(tmp_path / "toys"))
    assert part.splits[""][0].image == tmp_path / "toys" / "JPEGImages" / "a.jpg"


def test_lists_of_a_class_are_no_splits(tmp_path):
    lists = [("train", "a\n\na\n"), ("val", "b  1\n"), ("dog_train", "a -1\n"), ("dog_val", "b 1\n")]
    part = read_voc(layout(tmp_path / "toys", lists=lists))
    assert {split: [item.id for item in items] for split, items in part.splits.items()} == {
        "train": ["a"],
        "val": ["b"],
    }


def test_a_list_in_another_encoding(tmp_path):
    root = layout(tmp_path / "toys")
    (root / "ImageSets" / "Main" / "train.txt").write_bytes("é\n".encode("latin-1"))
    with pytest.raises(BadInput, match=r"train.txt: is not UTF-8 text"):
        read_voc(root)


def test_pascal_classes_keep_their_order_in_a_pascal_folder(tmp_path):
    assert read_voc(layout(tmp_path / "VOC2007")).classes == CLASSES
    assert read_voc(layout(tmp_path / "other")).classes == ()
    assert read_voc(layout(tmp_path / "VOC2012", name="kite")).classes == ()
    assert len(CLASSES) == 20
