import time
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multibox.annotations.class_lists import label_maps, read_pbtxt
from multibox.annotations.corners import to_edges
from multibox.annotations.formats import voc
from multibox.annotations.problem import Problem
from multibox.data.source import open_source
from multibox.data.voc_xml import write_xml
from multibox.errors import BadInput
from reading import read

XML = """<annotation><filename>a.jpg</filename><size><width>50</width><height>40</height><depth>3</depth></size>
<object><name> dog </name><truncated>1</truncated><difficult>1</difficult>
  <part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>
  <bndbox><ymin>4</ymin><xmin>3</xmin><xmax>13</xmax><ymax>24.5</ymax></bndbox></object>
<object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>1</xmax><ymax>x</ymax></bndbox></object>
</annotation>"""


def test_an_annotation(tmp_path):
    (tmp_path / "a.xml").write_text(XML)
    found = voc.parse_xml(tmp_path / "a.xml")
    assert isinstance(found, voc.Written)
    assert found.names == ("dog", "cat")
    assert found.evidence.size == (50, 40)
    assert found.columns == {"difficult": [True, False], "truncated": [True, False], "occluded": [False, False]}
    np.testing.assert_array_equal(found.evidence.corners, [[3, 4, 13, 24.5], [1, 1, 1, np.nan]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (XML[:-20], "not readable as XML"),
        ("", "not readable as XML"),
        ("<annotation><object><bndbox/></object></annotation>", "object 1: has no <name>"),
        (None, "missing"),
    ],
)
def test_annotations_that_cannot_be_read(tmp_path, text, message):
    if text is not None:
        (tmp_path / "a.xml").write_text(text)
    found = voc.parse_xml(tmp_path / "a.xml")
    assert isinstance(found, Problem)
    assert message in str(found)
    assert str(tmp_path / "a.xml") in str(found)


def test_entities_are_not_expanded(tmp_path):
    (tmp_path / "secret").write_text("secret")
    entity = f'<!DOCTYPE a [<!ENTITY e SYSTEM "{tmp_path / "secret"}">]>'
    (tmp_path / "a.xml").write_text(f"{entity}<annotation><object><name>&e;</name></object></annotation>")
    found = voc.parse_xml(tmp_path / "a.xml")
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
    assert open_source([tmp_path]).classes == classes


def test_an_object_of_the_class_background_keeps_it(tmp_path):
    (tmp_path / "a.xml").write_text("<annotation><object><name>background</name></object></annotation>")
    (tmp_path / "labelmap.txt").write_text("cat:::\nbackground:0,0,0::\n")
    assert open_source([tmp_path]).classes == ("cat", "background")


def test_a_labelmap_with_a_class_without_a_name(tmp_path):
    (tmp_path / "a.xml").write_text("<annotation/>")
    (tmp_path / "labelmap.txt").write_text("cat:::\n:1,2,3::\n")
    with pytest.raises(BadInput, match=r"labelmap.txt: class 1 has no name; write one"):
        open_source([tmp_path])


def test_an_image_without_objects(tmp_path):
    (tmp_path / "a.xml").write_text("<annotation/>")
    found = voc.parse_xml(tmp_path / "a.xml")
    assert found.evidence.corners.shape == (0, 4)
    assert found.evidence.size is None


def test_a_size_that_is_not_finite_is_none(tmp_path):
    (tmp_path / "a.xml").write_text(XML.replace("50", "inf"))
    assert voc.parse_xml(tmp_path / "a.xml").evidence.size is None


def test_xml_of_another_kind_is_passed_over(tmp_path):
    (tmp_path / "a.xml").write_text("<html></html>")
    assert voc.parse_xml(tmp_path / "a.xml") is None


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 500)] * 4), max_size=5))
def test_what_is_written_is_read(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("xml")
    boxes = np.array([(x, y, x + w + 2, y + h + 2) for x, y, w, h in rows], float).reshape(-1, 4)
    flags = [i % 2 == 0 for i in range(len(boxes))]
    write_xml(folder / "a.xml", "a.jpg", (900, 900), ["<&>"] * len(boxes), boxes, truncated=flags)
    found = voc.parse_xml(folder / "a.xml")
    np.testing.assert_array_equal(to_edges(found.evidence.corners, "pixels"), boxes)
    assert found.columns["truncated"] == flags
    assert set(found.names) <= {"<&>"}


def test_a_folder(voc_folder):
    part = read(voc, voc_folder)
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
    part = read(voc, layout(tmp_path / "toys"))
    assert part.splits[""][0].image == tmp_path / "toys" / "JPEGImages" / "a.jpg"


def test_lists_of_a_class_are_no_splits(tmp_path):
    lists = [("train", "a\n\na\n"), ("val", "b  1\n"), ("dog_train", "a -1\n"), ("dog_val", "b 1\n")]
    part = read(voc, layout(tmp_path / "toys", lists=lists))
    assert {split: [item.id for item in items] for split, items in part.splits.items()} == {
        "train": ["a"],
        "val": ["b"],
    }
    assert part.notes == ("2 lists in ImageSets for one class left out (dog_train, dog_val)",)


def test_a_list_beside_that_of_its_last_word_is_used_unless_it_is_of_a_class(tmp_path):
    lists = [("train", "a\n"), ("night_train", "b\n")]
    part = read(voc, layout(tmp_path / "toys", lists=lists))
    assert [item.id for item in part.splits["train"]] == ["b", "a"]
    assert part.splits_from == "the lists ImageSets/Main/night_train.txt, ImageSets/Main/train.txt"


def test_lists_of_one_name_in_two_folders_are_refused(tmp_path):
    root = layout(tmp_path / "toys", lists=[("train", "a\n")])
    deeper = root / "more/ImageSets/Main"
    deeper.mkdir(parents=True)
    (deeper / "train.txt").write_text("b\n")
    with pytest.raises(
        BadInput, match=r"has the same name as the list .*; build from the folders above ImageSets one at a time"
    ):
        read(voc, root)


def test_lists_may_lie_in_image_sets_itself(tmp_path):
    root = layout(tmp_path / "toys")
    for split, stem in (("train", "a"), ("val", "b")):
        (root / f"ImageSets/{split}.txt").write_text(f"{stem}\n")
    assert {split: [item.id for item in items] for split, items in read(voc, root).splits.items()} == {
        "train": ["a"],
        "val": ["b"],
    }


def test_lists_of_each_class_alone_are_united(tmp_path):
    lists = [("dog_train", "a 1\n"), ("dog_val", "b -1\n")]
    root = layout(tmp_path / "toys", lists=lists)
    assert {split: [item.id for item in items] for split, items in read(voc, root).splits.items()} == {
        "train": ["a"],
        "val": ["b"],
    }
    (root / "ImageSets/Main/night_val.txt").write_text("b\n")  # no class: a name of its own
    assert set(read(voc, root).splits) == {"train", "val"}


def test_two_lists_of_one_split_name_an_image_once(tmp_path):
    root = layout(tmp_path / "toys", lists=[("train", "a\n"), ("training", "a\nb\n")])
    assert [item.id for item in read(voc, root).splits["train"]] == ["a", "b"]


def test_a_list_in_another_encoding(tmp_path):
    root = layout(tmp_path / "toys")
    (root / "ImageSets" / "Main" / "train.txt").write_bytes("é\n".encode("latin-1"))
    with pytest.raises(BadInput, match=r"train.txt: is not UTF-8 text"):
        read(voc, root)


@pytest.mark.parametrize(
    ("database", "name", "declared"),
    [
        ("The VOC2007 Database", "dog", True),
        ("PASCAL VOC2012", "dog", True),
        ("The VOC2007 Database", "kite", False),
        ("Unknown", "dog", False),
        ("", "dog", False),
    ],
)
def test_pascals_own_annotations_have_pascals_order(tmp_path, database, name, declared):
    root = layout(tmp_path / "VOC2007", name=name)
    for path in root.glob("Annotations/*.xml"):
        source = f"<annotation><source><database>{database}</database></source>"
        path.write_text(path.read_text().replace("<annotation>", source))
    assert read(voc, root).classes == (voc.CLASSES if declared else ())
    assert len(voc.CLASSES) == 20


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_xml_in_encodings_with_a_byte_order_mark(tmp_path, encoding):
    mark = "\ufeff" if encoding.endswith(("le", "be")) else ""
    (tmp_path / "a.xml").write_text(mark + XML.replace("dog", "weiß"), encoding)
    assert read(voc, tmp_path).splits[""][0].annotation.names == ("weiß", "cat")


@pytest.mark.parametrize("number", ["9" * 5000, "1.5", "-1", "one", "\u0663"])
def test_a_label_map_whose_ids_are_no_numbers(tmp_path, number):
    (tmp_path / "label_map.pbtxt").write_text(f'item {{ id: {number} name: "cat" }}', "utf-8")
    with pytest.raises(BadInput, match="has an item without an id or name"):
        read_pbtxt(tmp_path / "label_map.pbtxt")


@pytest.mark.parametrize(
    "flood", ["x" * 300_000, "item {" * 60_000, "a : " * 80_000, "\n" * 300_000, "'" * 300_000, " " * 300_000]
)
def test_a_label_map_with_a_flood_of_one_piece_is_read_in_no_time(tmp_path, flood):
    (tmp_path / "other.pbtxt").write_text(flood)
    (tmp_path / "label_map.pbtxt").write_text(f'item {{ id: 1 name: "cat" }}\n{flood}')
    started = time.perf_counter()
    assert label_maps(tmp_path.iterdir())
    with suppress(BadInput):
        assert read_pbtxt(tmp_path / "label_map.pbtxt") == ("cat",)
    assert time.perf_counter() - started < 2
