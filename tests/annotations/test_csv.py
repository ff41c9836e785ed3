import numpy as np
import pytest

from multibox.annotations.formats import csv
from multibox.annotations.problem import Problem
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
        "classes.txt lacks the class 'cat' (1 objects), which comes after those that it lists",
    )
    (tmp_path / "classes.txt").write_text("night shift\n")
    source = open_source([tmp_path / "boxes.csv"])
    assert source.classes == ("cat", "dog")
    assert "classes.txt is not the list of the classes" in source.understood[0].notes[0]


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
        ("image,x0,y0,width\na.jpg,1,2,3\n", "no column x1, y1, class in its header"),
    ],
)
def test_tables_that_are_not_of_objects(tmp_path, text, message):
    (tmp_path / "boxes.csv").write_text(text)
    with pytest.raises(BadInput, match=message):
        read(csv, tmp_path / "boxes.csv")
