from pathlib import Path

import numpy as np
import pytest

from multibox.annotations.formats import csv
from multibox.annotations.formats.csv_columns import COLUMNS
from multibox.annotations.problem import Problem
from multibox.annotations.recognise import recognise
from multibox.data.source import open_source
from multibox.errors import BadInput
from reading import read

ROWS = {
    "ours": "image,x0,y0,x1,y1,class\na.jpg,1,2,11,22,dog\nb.jpg,,,,,\na.jpg,3,4,5,6.5,cat\n",
    "tensorflow": "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,50,40,dog,1,2,11,22\nb.jpg,50,40,,,,,\n"
    "a.jpg,50,40,cat,3,4,5,6.5\n",
    "one to two": "x1,y1,x2,y2,label,path\n1,2,11,22,dog,a.jpg\n,,,,,b.jpg\n3,4,5,6.5,cat,a.jpg\n",
    "without header": "a.jpg,1,2,11,22,dog\nb.jpg,,,,,\na.jpg,3,4,5,6.5,cat\n",
}


@pytest.mark.parametrize("text", ROWS.values(), ids=ROWS.keys())
def test_the_same_objects_in_all_dialects(tmp_path, text):
    (tmp_path / "boxes.csv").write_text(text)
    items = read(csv, tmp_path / "boxes.csv").splits[""]
    assert [item.id for item in items] == ["a", "b"]
    assert items[0].image == tmp_path / "a.jpg"
    assert items[0].annotation.names == ("dog", "cat")
    np.testing.assert_array_equal(items[0].annotation.boxes, [[1, 2, 11, 22], [3, 4, 5, 6.5]])
    assert items[0].annotation.size == ((50, 40) if "width" in text else None)
    assert items[1].annotation.boxes.shape == (0, 4)


def test_splits_from_a_column_or_from_the_name(tmp_path):
    (tmp_path / "boxes.csv").write_text("image,x0,y0,x1,y1,class,split\na.jpg,1,2,3,4,x,valid\nb.jpg,1,2,3,4,x,mine\n")
    assert list(read(csv, tmp_path / "boxes.csv").splits) == ["val", "mine"]
    (tmp_path / "test_boxes.csv").write_text("a.jpg,1,2,3,4,x\n")
    assert list(read(csv, tmp_path / "test_boxes.csv").splits) == ["test"]


def test_a_list_of_classes_beside_it_gives_their_order(tmp_path):
    (tmp_path / "boxes.csv").write_text(ROWS["ours"])
    assert open_source([tmp_path / "boxes.csv"]).classes == ("cat", "dog")
    (tmp_path / "classes.txt").write_text("\ufeffwolf\n dog \ncat\n\n", "utf-8")
    assert open_source([tmp_path / "boxes.csv"]).classes == ("wolf", "dog", "cat")
    (tmp_path / "classes.txt").write_text("dog\n\ncat\n")
    with pytest.raises(BadInput, match=r"classes.txt: class 1 has no name; write one"):
        open_source([tmp_path / "boxes.csv"])


def test_a_list_of_classes_without_one_of_the_objects(tmp_path):
    (tmp_path / "boxes.csv").write_text(ROWS["ours"])
    (tmp_path / "classes.txt").write_text("dog\n")
    source = open_source([tmp_path / "boxes.csv"])
    assert source.classes == ("dog", "cat")
    assert source.understood[0].notes == (
        "classes.txt lacks the class 'cat' (1 object), which was added after the listed classes",
    )
    (tmp_path / "classes.txt").write_text("night shift\n")
    source = open_source([tmp_path / "boxes.csv"])
    assert source.classes == ("cat", "dog")
    assert "classes.txt was not used as the list of classes" in source.understood[0].notes[0]


def test_a_number_that_is_none_is_not_read_as_one(tmp_path):
    (tmp_path / "boxes.csv").write_text("a.jpg,1,2,three,4,x\n")
    assert np.isnan(read(csv, tmp_path / "boxes.csv").splits[""][0].annotation.boxes[0, 2])


@pytest.mark.parametrize("box", ["1,2,3,4", ",2,3,4"])
def test_a_box_without_a_class_is_a_problem(tmp_path, box):
    (tmp_path / "boxes.csv").write_text(f"a.jpg,1,2,3,4,x\na.jpg,{box},\nb.jpg,1,2,3,4,x\n")
    broken, good = (item.annotation for item in read(csv, tmp_path / "boxes.csv").splits[""])
    assert isinstance(broken, Problem)
    assert str(broken) == f"{tmp_path / 'boxes.csv'}, a.jpg: line 2: has no class"
    assert good.names == ("x",)


def test_a_size_that_is_not_finite_is_none(tmp_path):
    (tmp_path / "boxes.csv").write_text(ROWS["tensorflow"].replace("50", "inf"))
    assert read(csv, tmp_path / "boxes.csv").splits[""][0].annotation.size is None


def test_another_encoding(tmp_path):
    (tmp_path / "boxes.csv").write_bytes("a.jpg,1,2,3,4,café\n".encode("latin-1"))
    with pytest.raises(BadInput, match=r"boxes.csv: is not UTF-8 text"):
        read(csv, tmp_path / "boxes.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("image,x0,y0,x1,y1,class\n", "has a header and no row"),
        ("a.jpg,1,2,3,4,x\n\n,1,2,3,4,x\n", "line 3: names no image"),
        ("image,x0,y0,width\na.jpg,1,2,3\n", "has the columns image, x0, y0, width, and lacks a class, a box; a table"),
    ],
)
def test_tables_that_are_not_of_objects(tmp_path, text, message):
    (tmp_path / "boxes.csv").write_text(text)
    with pytest.raises(BadInput, match=message):
        read(csv, tmp_path / "boxes.csv")


def table(tmp_path, text, *images):
    """The items by id, and the part, of a CSV file beside images."""
    for image in images:
        (tmp_path / image).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / image).touch()
    (tmp_path / "boxes.csv").write_text(text)
    part = read(csv, tmp_path)
    return {item.id: item for items in part.splits.values() for item in items}, part


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters(tmp_path, delimiter):
    items, _ = table(tmp_path, ROWS["ours"].replace(",", delimiter), "a.jpg", "b.jpg")
    np.testing.assert_array_equal(items["a"].annotation.boxes, [[1, 2, 11, 22], [3, 4, 5, 6.5]])


def test_the_box_column_of_kaggle(tmp_path):
    text = 'image_id,width,height,bbox\na,50,40,"[1.0, 2.0, 10.0, 20.0]"\na,50,40,"[30, 5, 20, 7.5]"\nb,50,40,\n'
    items, part = table(tmp_path, text, "train/a.jpg", "train/b.jpg")
    np.testing.assert_array_equal(items["a"].annotation.boxes, [[1, 2, 11, 22], [30, 5, 50, 12.5]])
    assert items["a"].annotation.names == ("object", "object")
    assert items["a"].image == tmp_path / "train/a.jpg"
    assert items["b"].annotation.names == ()
    assert part.notes == (
        "boxes.csv: the column bbox was read as x, y, width, height",
        "boxes.csv has no column of classes; all objects got the class 'object'",
    )


def test_a_box_column_of_edges_shows_by_the_size_of_the_images(tmp_path):
    text = 'image,class,width,height,box\na.jpg,x,50,40,"30,20,45,38"\na.jpg,y,50,40,"1,2,5,6"\n'
    items, part = table(tmp_path, text, "a.jpg")
    np.testing.assert_array_equal(items["a"].annotation.boxes, [[30, 20, 45, 38], [1, 2, 5, 6]])
    assert part.notes == ("boxes.csv: the column box was read as its edges",)


def test_a_box_cell_without_four_numbers_is_no_box(tmp_path):
    items, _ = table(tmp_path, 'image,class,bbox\na.jpg,x,"[1, 2, 3]"\n', "a.jpg")
    assert np.isnan(items["a"].annotation.boxes).all()


OPEN_IMAGES = (
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside\n"
    "a,xclick,/m/02,1,0.1,0.5,0.2,0.6,1,0,0,0,0\na,xclick,/m/01,1,0,1,0,1,0,1,1,0,0\n"
)


def test_open_images(tmp_path):
    (tmp_path / "class-descriptions-boxable.csv").write_text('/m/03,Zebra\n/m/02,Dog\n/m/01,"Cat"\n')
    (tmp_path / "images-with-rotation.csv").write_text("ImageID,Subset,OriginalURL\na,train,x\nb,train,x\nc,train,x\n")
    items, part = table(tmp_path, OPEN_IMAGES, "a.jpg", "b.jpg")
    assert {name: len(item.annotation.names) for name, item in items.items()} == {"a": 2, "b": 0}
    found = items["a"].annotation
    assert found.names == ("Dog", "Cat")
    np.testing.assert_array_equal(found.boxes, [[0.1, 0.2, 0.5, 0.6], [0, 0, 1, 1]])
    assert found.columns == {"occluded": [True, False], "truncated": [False, True], "crowd": [False, True]}
    assert (part.classes, part.classes_from) == (("Dog", "Cat"), "class-descriptions-boxable.csv")
    source = open_source([tmp_path])
    assert all(item.annotation.relative for items in source.splits.values() for item in items)


def test_vertex(tmp_path):
    text = (
        "TRAIN,gs://bucket/set/a.jpg,cat,0.1,0.2,,,0.5,0.6,,\n"
        "VALIDATION,gs://bucket/set/b.jpg,dog,0.1,0.2,0.5,0.2,0.5,0.6,0.1,0.6\n"
        "UNASSIGNED,gs://bucket/set/c.jpg,,,,,,,,,\n"
    )
    items, part = table(tmp_path, text, "a.jpg", "b.jpg", "c.jpg")
    assert {split: [item.id for item in found] for split, found in part.splits.items()} == {
        "train": ["a"],
        "val": ["b"],
        "": ["c"],
    }
    for name in "ab":
        np.testing.assert_array_equal(items[name].annotation.boxes, [[0.1, 0.2, 0.5, 0.6]])
    assert items["c"].annotation.names == ()


def test_keras_retinanet_lists_its_classes(tmp_path):
    (tmp_path / "classes.csv").write_text("dog,0\ncat,1\n")
    items, part = table(tmp_path, ROWS["without header"], "a.jpg", "b.jpg")
    assert part.classes == ("dog", "cat")
    assert len(items["a"].annotation.names) == 2
    assert [path.name for path in part.files] == ["boxes.csv"]


def test_tables_in_folders_of_splits(tmp_path):
    for split, name in (("train", "a"), ("valid", "b")):
        (tmp_path / split).mkdir()
        (tmp_path / split / f"{name}.jpg").touch()
        (tmp_path / split / "_annotations.csv").write_text(
            f"filename,class,xmin,ymin,xmax,ymax\n{name}.jpg,x,1,2,3,4\n"
        )
    part = read(csv, tmp_path)
    assert {split: [item.image for item in items] for split, items in part.splits.items()} == {
        "train": [tmp_path / "train/a.jpg"],
        "val": [tmp_path / "valid/b.jpg"],
    }


def test_tables_of_something_else_are_passed_over(tmp_path):
    (tmp_path / "log.csv").write_text("epoch,loss\n1,0.5\n")
    (tmp_path / "people.csv").write_bytes("é,b\n".encode("latin-1"))
    (tmp_path / "a.jpg").touch()
    (tmp_path / "boxes.csv").write_text(ROWS["ours"])
    assert [path.name for path in read(csv, tmp_path).files] == ["boxes.csv"]


UNREAD = {
    "UTF-16": (ROWS["ours"].encode("utf-16"), "is UTF-16; save it as UTF-8"),
    "UTF-16 without mark": (ROWS["ours"].encode("utf-16-le"), "holds NUL characters, as UTF-16 does; save it as UTF-8"),
    "cp1252": (b"image,x0,y0,x1,y1,class\na.jpg,1,2,3,4,\xe9\n", r"is not UTF-8 text (byte 38); save it as UTF-8"),
    "NUL": (b"image,x0,y0,x1,y1,class\na.jpg,1,2,3,4,x\0\n", "holds NUL characters, as UTF-16 does; save it as UTF-8"),
    "long cell": (
        b"image,x0,y0,x1,y1,class\n\na.jpg,1,2,3,4," + b"x" * 131_073,
        "line 3: a cell is longer than 131,072 characters; shorten it, or close its quote",
    ),
}


@pytest.mark.parametrize(("data", "why"), UNREAD.values(), ids=UNREAD.keys())
def test_a_table_that_cannot_be_read_is_passed_over_beside_others_and_else_refused_in_one_line(tmp_path, data, why):
    stray = tmp_path / "stray.csv"
    stray.write_bytes(data)
    (tmp_path / "a.jpg").touch()
    for path in (stray, tmp_path):
        with pytest.raises(BadInput) as error:
            open_source([path])
        assert str(error.value) == f"{stray}: {why}"
    items, part = table(tmp_path, ROWS["ours"], "b.jpg")
    assert items.keys() == {"a", "b"}
    assert part.notes == (f"stray.csv was passed over: {why}",)


STRAYS = [
    *(data for data, _ in UNREAD.values()),
    b"a,b\r1,2\r3,4\r",
    b'"' + b"x" * 200_000,
    b"x" * 200_000,
    b"\xff\xfe\x00",
    b"\0" * 100,
    b"",
]


@pytest.mark.parametrize("data", STRAYS, ids=range(len(STRAYS)))
def test_a_stray_table_stops_no_format(tmp_path, data):
    (tmp_path / "stray.csv").write_bytes(data)
    (tmp_path / "a.jpg").touch()
    (tmp_path / "boxes.json").write_text(
        '{"images": [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}], "categories": [{"id": 1, "name": "x"}],'
        ' "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}]}'
    )
    assert [each.format.NAME for each in recognise(tmp_path)] == ["coco"]


def test_line_ends_of_old_spreadsheets(tmp_path):
    items, _ = table(tmp_path, "\ufeff" + ROWS["ours"].replace("\n", "\r"), "a.jpg", "b.jpg")
    np.testing.assert_array_equal(items["a"].annotation.boxes, [[1, 2, 11, 22], [3, 4, 5, 6.5]])


NEEDS = "a table of objects needs an image, a class, and xmin, ymin, xmax, ymax "
NEEDS += "(or x, y, width, height, or one bbox column)"


@pytest.mark.parametrize("layout", [None, "csv"])
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a,b,c\n1,2,3\n", f"has the columns a, b, c, and lacks an image, a class, a box; {NEEDS}"),
        ("file;label;cx;cy\n", f"has the columns file, label, cx, cy, and lacks a box; {NEEDS}"),
        ("file,x,y,w,h\n", f"has the columns file, x, y, w, h, and lacks a class; {NEEDS}"),
        ("", f"is empty; {NEEDS}"),
    ],
)
def test_a_refusal_says_what_a_table_has_and_what_it_needs(tmp_path, text, why, layout):
    (tmp_path / "labels.csv").write_text(text)
    (tmp_path / "a.jpg").touch()
    with pytest.raises(BadInput) as error:
        recognise(tmp_path, layout)
    assert error.value.message == f"no annotations found here among its files (1 image, 1 .csv): labels.csv {why}"


def test_a_refusal_shows_the_table_with_the_most_columns_that_are_known(tmp_path):
    (tmp_path / "boxes.csv").write_text("image,xmin,ymin,xmax,ymax\n")
    (tmp_path / "a.csv").write_text("epoch,loss\n")
    (tmp_path / "z.csv").write_text("a,b,c\n")
    with pytest.raises(
        BadInput, match=r"\(3 .csv\): boxes.csv has .* lacks a class; .*; none of the other 2 CSV files"
    ):
        recognise(tmp_path)


SIZES = [
    "x,y,width,height",
    "x,y,w,h",
    "bbox_x,bbox_y,bbox_w,bbox_h",
    "xmin,ymin,width,height",
    "left,top,width,height",
]


@pytest.mark.parametrize("names", [*SIZES, "X Min,Y-Min,Box Width,box_height"])
def test_a_corner_and_the_size_of_the_box(tmp_path, names):
    items, part = table(tmp_path, f"image,{names},class\na.jpg,1,2,10,20.5,x\nb.jpg,,,,,\n", "a.jpg", "b.jpg")
    np.testing.assert_array_equal(items["a"].annotation.boxes, [[1, 2, 11, 22.5]])
    assert items["a"].annotation.size is None
    assert items["b"].annotation.boxes.shape == (0, 4)
    x, y, width, height = names.split(",")
    assert part.notes == (
        f"boxes.csv: {x}, {y}, {width} and {height} were read as the box's upper left corner and size",
    )


@pytest.mark.parametrize(
    "edges",
    ["x_min,y_min,x_max,y_max", "left,top,right,bottom", "x1,y1,x2,y2", "bbox_x1,bbox_y1,bbox_x2,bbox_y2"],
)
def test_beside_all_edges_width_and_height_are_those_of_the_image(tmp_path, edges):
    items, part = table(tmp_path, f"img_path,width,height,{edges},category\na.jpg,50,40,1,2,11,22,x\n", "a.jpg")
    np.testing.assert_array_equal(items["a"].annotation.boxes, [[1, 2, 11, 22]])
    assert items["a"].annotation.size == (50, 40)
    assert part.notes == ()


@pytest.mark.parametrize("sizes", ["image_width,image_height,width,height", "width,height,w,h"])
def test_the_sizes_of_the_image_and_of_the_box_side_by_side(tmp_path, sizes):
    items, _ = table(tmp_path, f"image,class,x,y,{sizes}\na.jpg,x,1,2,50,40,10,20\n", "a.jpg")
    np.testing.assert_array_equal(items["a"].annotation.boxes, [[1, 2, 11, 22]])
    assert items["a"].annotation.size == (50, 40)


def test_a_size_that_is_no_number_is_not_read_as_one(tmp_path):
    items, _ = table(tmp_path, "image,class,x,y,w,h\na.jpg,x,1,2,,20\n", "a.jpg")
    np.testing.assert_array_equal(items["a"].annotation.boxes, [[1, 2, np.nan, 22]])


def test_the_eight_columns_of_sku_110k(tmp_path):
    items, _ = table(tmp_path, "a.jpg,1,2,11,22,object,50,40\na.jpg,3,4,5,6,object,50,40\n", "a.jpg")
    np.testing.assert_array_equal(items["a"].annotation.boxes, [[1, 2, 11, 22], [3, 4, 5, 6]])
    assert items["a"].annotation.names == ("object", "object")
    assert items["a"].annotation.size == (50, 40)


def test_the_guide_lists_every_name_of_a_column():
    guide = (Path(__file__).parents[2] / "docs/data.md").read_text("utf-8")
    for name, words in COLUMNS.items():
        for word in words:
            assert f"`{word}`" in guide, f"docs/data.md lacks the name {word} of the column {name}"


def test_a_row_of_vertex_that_breaks_off(tmp_path):
    with pytest.raises(BadInput, match="line 2: names no image"):
        table(tmp_path, "TRAIN,gs://bucket/a.jpg,cat,0.1,0.2,,,0.5,0.6,,\nTRAIN\n", "a.jpg")


@pytest.mark.parametrize("side", [0.4, 10**30, -1])
@pytest.mark.filterwarnings("error")
def test_a_box_beside_an_absurd_size_is_kept(tmp_path, side):
    (tmp_path / "a.csv").write_text(f"filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,{side},40,x,1,2,3,4\n")
    (tmp_path / "a.jpg").touch()
    (item,) = open_source([tmp_path / "a.csv"], splits=("train",)).splits["train"]
    np.testing.assert_array_equal(item.annotation.boxes, [[1, 2, 3, 4]])


def test_a_number_of_a_class_that_is_none_is_no_list_of_classes(tmp_path):
    (tmp_path / "classes.csv").write_text(f"dog,{'9' * 5000}\ncat,\u0663\n", "utf-8")
    _, part = table(tmp_path, ROWS["without header"], "a.jpg", "b.jpg")
    assert part.classes == ()


def test_folders_of_tables_given_one_by_one_stay_apart(tmp_path):
    for split in ("train", "val"):
        (tmp_path / split).mkdir()
        (tmp_path / split / f"{split}.jpg").touch()
        (tmp_path / split / "labels.csv").write_text(f"image,class,xmin,ymin,xmax,ymax\n{split}.jpg,x,1,2,3,4\n")
    source = open_source([tmp_path / "train", tmp_path / "val"])
    assert {split: [item.id for item in items] for split, items in source.splits.items()} == {
        "train": ["train/train"],
        "val": ["val/val"],
    }


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (("x.jpg", "x.png"), ["x.jpg", "x.png"]),
        (("s.1", "s.2"), ["s.1", "s.2"]),
        (("v1.5.jpg", "v1.6.jpg"), ["v1.5", "v1.6"]),
        (("day/a.jpg", "night/a.jpg", "day/b.jpg"), ["day/a", "night/a", "b"]),
    ],
)
def test_images_whose_names_differ_have_different_ids(tmp_path, names, ids):
    images = [name if name.endswith("g") else f"{name}.jpg" for name in names]
    rows = "".join(f"{name},1,2,3,4,x\n" for name in names)
    items, _ = table(tmp_path, f"image,x0,y0,x1,y1,class\n{rows}", *images)
    assert {key: item.image for key, item in items.items()} == {
        key: tmp_path / image for key, image in zip(ids, images, strict=True)
    }
    assert sum(map(len, open_source([tmp_path]).splits.values())) == len(names)


def test_a_code_with_two_names_is_refused(tmp_path):
    (tmp_path / "class-descriptions-boxable.csv").write_text("/m/02,Dog\n/m/01,Cat\n/m/02,Dog\n/m/02,Wolf\n")
    with pytest.raises(BadInput, match="the code /m/02 has the names 'Dog' and 'Wolf'; keep the right one"):
        table(tmp_path, OPEN_IMAGES, "a.jpg")


def test_values_of_the_column_of_splits_that_become_one_name_stay_apart(tmp_path):
    rows = "a.jpg,1,2,3,4,x,night time\nb.jpg,1,2,3,4,x,night_time\n"
    (tmp_path / "boxes.csv").write_text(f"image,x0,y0,x1,y1,class,split\n{rows}")
    part = read(csv, tmp_path / "boxes.csv")
    assert {split: [item.id for item in items] for split, items in part.splits.items()} == {
        "night_time-2": ["a"],
        "night_time": ["b"],
    }
