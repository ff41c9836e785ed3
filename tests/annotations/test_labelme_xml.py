import numpy as np
import pytest

from multibox.annotations.formats import labelme_xml, voc
from multibox.annotations.problem import Problem
from multibox.data.source import open_source
from reading import read

SIZE = "<imagesize><nrows>48</nrows><ncols>64</ncols></imagesize>"
VOC = "<object><name>cat</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>"


def polygon(*points, name="cat", fields=""):
    listed = "".join(f"<pt>\n<x>{x}</x><y>\n{y}\n</y></pt>" for x, y in points)
    return f"<object><name>\n{name}\n</name>{fields}<polygon><username>me</username>{listed}</polygon></object>"


def write(folder, name, *objects, image=None, size=SIZE):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.jpg").touch()
    head = f"<filename>\n{image or f'{name}.jpg'}\n</filename><folder>street</folder>"
    (folder / f"{name}.xml").write_text(f"<annotation>{head}{size}{''.join(objects)}</annotation>")


def only(folder):
    (item,) = (item for items in read(labelme_xml, folder).splits.values() for item in items)
    return item


def test_boxes_and_the_bounds_of_polygons(tmp_path):
    corners = ((10, 20), (30.5, 20), (30.5, 50), (10, 50))
    write(
        tmp_path,
        "a",
        polygon(*corners, name="dog", fields="<type>bounding_box</type>"),
        polygon((5, 9), (2, 7.25), (8, 1)),
        polygon((5, 9)),
        polygon((5, 9), (6, 10)),
        "<object><name>cat</name><segm><box><xmin>1</xmin></box><mask>a.png</mask></segm></object>",
    )
    item = only(tmp_path)
    assert (item.id, item.image, item.annotation.size) == ("a", tmp_path / "a.jpg", (64, 48))
    assert item.annotation.names == ("dog", "cat")
    np.testing.assert_array_equal(item.annotation.boxes, [[10, 20, 30.5, 50], [2, 1, 8, 9]])
    assert read(labelme_xml, tmp_path).notes == (
        "1 polygon: their bounding boxes were used",
        "1 point, 1 line, 1 mask left out, because they have no box",
    )


def test_deleted_objects_are_left_out_and_said(tmp_path):
    gone, here = (polygon((1, 2), (3, 2), (3, 4), fields=f"<deleted>\n{flag}\n</deleted>") for flag in "10")
    write(tmp_path, "a", gone, here, gone)
    assert only(tmp_path).annotation.names == ("cat",)
    assert "2 objects are marked as deleted and were left out" in read(labelme_xml, tmp_path).notes


def test_flags(tmp_path):
    points = ((1, 2), (3, 2), (3, 4))
    write(
        tmp_path,
        "a",
        polygon(*points, fields="<occluded>yes</occluded><attributes>red, left</attributes>"),
        polygon(*points, fields="<occluded>no</occluded><attributes>difficult=True, truncated=False</attributes>"),
    )
    assert only(tmp_path).annotation.columns == {"difficult": [False, True], "occluded": [True, False]}


def test_each_reader_takes_its_own_files(tmp_path):
    write(tmp_path / "labelme", "a", polygon((1, 2), (3, 2), (3, 4)))
    write(tmp_path / "labelme", "b")
    write(tmp_path / "labelme", "c", size="<source><sourceImage>The web</sourceImage></source>")
    write(tmp_path / "voc", "d", VOC, size="")
    write(tmp_path / "voc", "e", VOC.replace("<bndbox>", "<polygon><x1>1</x1></polygon><bndbox>"), size="")
    write(tmp_path / "voc", "f", size="")
    assert [path.stem for path in read(labelme_xml, tmp_path).files] == ["a", "b", "c"]
    assert [path.stem for path in read(voc, tmp_path).files] == ["d", "e", "f"]
    assert read(labelme_xml, tmp_path).notes[-1] == "3 XML files hold something other than LabelMe's annotations"
    assert read(voc, tmp_path).notes == ("3 XML files hold something other than VOC's annotations and were ignored",)
    alone = {folder: open_source([tmp_path / folder]).understood[0] for folder in ("labelme", "voc")}
    assert {folder: understood.layout for folder, understood in alone.items()} == {
        "labelme": "LabelMe XML",
        "voc": "Pascal VOC XML",
    }
    assert not any("also holds" in note for understood in alone.values() for note in understood.notes)


def test_splits_are_folders_and_images_lie_in_folders_of_the_same_name(tmp_path):
    for folder in ("train", "val"):
        write(tmp_path / "Annotations" / folder, "a", polygon((1, 2), (3, 2), (3, 4), name=folder))
        (tmp_path / "Images" / folder).mkdir(parents=True)
        (tmp_path / f"Annotations/{folder}/a.jpg").rename(tmp_path / f"Images/{folder}/a.jpg")
    splits = read(labelme_xml, tmp_path).splits
    assert {split: [item.image for item in items] for split, items in splits.items()} == {
        split: [tmp_path / f"Images/{split}/a.jpg"] for split in ("train", "val")
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<annotation><object>", "not readable as XML: "),
        ("", "not readable as XML: "),
        (f"<annotation>{polygon((1, 2))}{polygon((1, 2), name=' ')}</annotation>", "object 2 of 2: has no class"),
        (f"<annotation>{polygon((1, 2))}<object/></annotation>", "object 2 of 2: has no class"),
    ],
)
def test_a_damaged_file_is_a_problem_of_its_image(tmp_path, content, message):
    write(tmp_path, "a")
    write(tmp_path, "b", polygon((1, 2), (3, 2), (3, 4)))
    (tmp_path / "a.xml").write_text(content)
    damaged, whole = read(labelme_xml, tmp_path).splits[""]
    assert isinstance(damaged.annotation, Problem)
    assert str(damaged.annotation).startswith(f"{tmp_path / 'a.xml'}: {message}")
    assert damaged.image == tmp_path / "a.jpg"
    assert whole.annotation.names == ("cat",)


def test_a_message_of_the_parser_stays_a_short_line(tmp_path):
    write(tmp_path, "a")
    write(tmp_path, "b")
    (tmp_path / "a.xml").write_text(f"<annotation>\n<{'x' * 9000}></y></annotation>")
    detail = read(labelme_xml, tmp_path).splits[""][0].annotation.detail
    assert len(detail) < 250
    assert "line 2, column" in detail


def test_files_that_are_all_damaged_are_named_by_one_reader(tmp_path):
    write(tmp_path, "a")
    (tmp_path / "a.xml").write_text("<annotation><object>")
    source = open_source([tmp_path])
    assert source.understood[0].layout == "Pascal VOC XML"
    (item,) = (item for items in source.splits.values() for item in items)
    assert "not readable as XML" in item.annotation.detail


@pytest.mark.parametrize(
    "shape",
    [
        "<polygon/>",
        "<polygon><pt/><pt/><pt/></polygon>",
        "<polygon><pt><x>a</x><y>1</y></pt><pt><x>1</x><y>2</y></pt><pt><x>4</x><y>2</y></pt></polygon>",
        "<polygon><pt><x>nan</x><y>1</y></pt><pt><x>1</x><y>2</y></pt><pt><x>4</x><y>2</y></pt></polygon>",
        "<type>bounding_box</type>",
    ],
)
def test_points_that_are_no_numbers_leave_a_box_that_the_check_names(tmp_path, shape):
    write(tmp_path, "a", polygon((1, 2), (3, 2), (3, 4)), f"<object><name>cat</name>{shape}</object>")
    found = only(tmp_path).annotation
    assert found.names == ("cat", "cat")
    assert np.isnan(found.boxes[1]).any()
