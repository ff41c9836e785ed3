import shutil

import numpy as np
import pytest

from multibox.annotations.annotation import Annotation
from multibox.annotations.files import Files
from multibox.annotations.formats import yolo
from multibox.annotations.formats.yolo_description import find_description
from multibox.annotations.problem import Problem
from multibox.data.source import open_source
from multibox.errors import BadInput
from reading import read


@pytest.fixture
def folder(tmp_path):
    for split in ("train", "val"):
        (tmp_path / "images" / split).mkdir(parents=True)
        (tmp_path / "labels" / split).mkdir(parents=True)
        for name in "ab":
            (tmp_path / "images" / split / f"{name}.jpg").touch()
    text = "1 0.5 0.5 0.2 0.4\n\n0 0.1 0.2 0.3 0.2 0.3 0.6\n1 0.1 0.2 x 0.3\n"
    (tmp_path / "labels" / "train" / "a.txt").write_text(text)
    (tmp_path / "labels" / "val" / "a.txt").write_text("2 0.5 0.5 0.2 0.4\n")
    (tmp_path / "data.yaml").write_text(
        "path: /not/here\ntrain: images/train\nval: ../images/val\nnames: {1: ant, 0: zebra}\n"
    )
    return tmp_path


def test_a_described_dataset(folder):
    part = read(yolo, folder / "data.yaml")
    assert part.classes == ("zebra", "ant")
    labelled, empty = part.splits["train"]
    assert (labelled.id, labelled.image) == ("a", folder / "images/train/a.jpg")
    found = labelled.annotation
    assert found.relative
    assert found.names == ("ant", "zebra", "ant")
    np.testing.assert_allclose(found.boxes[:2], [[0.4, 0.3, 0.6, 0.7], [0.1, 0.2, 0.3, 0.6]])
    assert np.isnan(found.boxes[2]).any()
    assert isinstance(empty.annotation, Annotation)
    assert empty.annotation.names == ()


def test_a_number_that_is_no_class(folder):
    broken = read(yolo, folder / "data.yaml").splits["val"][0].annotation
    assert isinstance(broken, Problem)
    assert "line 1: '2' is not a class number from 0 to 1" in str(broken)


def test_a_digit_that_is_no_number(folder):
    (folder / "labels" / "val" / "a.txt").write_text("² 0.5 0.5 0.2 0.4\n", "utf-8")
    assert "'²' is not a class" in str(read(yolo, folder / "data.yaml").splits["val"][0].annotation)


def test_folders_without_a_description(folder):
    (folder / "data.yaml").unlink()
    with pytest.raises(BadInput, match="has no class names"):
        open_source([folder])
    source = open_source([folder], classes=("zebra", "ant", "cow"))
    assert source.classes == ("zebra", "ant", "cow")
    assert source.splits["val"][0].annotation.names == ("cow",)
    (folder / "classes.txt").write_text("zebra\nant\ncow\n")
    assert open_source([folder]).classes == ("zebra", "ant", "cow")


def test_pictures_listed_in_a_file(folder):
    (folder / "some.txt").write_text("images/train/a.jpg\n")
    (folder / "data.yaml").write_text("train: some.txt\nnames: [zebra, ant]\n")
    (item,) = read(yolo, folder / "data.yaml").splits["train"]
    assert item.image == folder / "images/train/a.jpg"
    assert len(item.annotation.names) == 3


@pytest.mark.parametrize("line", ["/", ".", "//"])
def test_a_line_of_a_list_that_names_no_image_is_refused(folder, line):
    (folder / "some.txt").write_text(f"images/train/a.jpg\n{line}\n")
    (folder / "data.yaml").write_text("train: some.txt\nnames: [zebra, ant]\n")
    with pytest.raises(BadInput, match=rf"some.txt: '{line}' names no image; write the path of one image per line"):
        read(yolo, folder / "data.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("names: [a]\ntrain: nowhere\n", "train: no such folder"),
        ("train: images/train\n", "has no class names"),
        ("names: [cat, '', dog]\ntrain: images/train\n", "names: class 1 has no name"),
        ("names: {1: cat, 2: dog}\ntrain: images/train\n", "numbered 1, 2; number them from 0 without a gap"),
        ("names: {0: cat, x: dog}\ntrain: images/train\n", "numbered 0, x"),
        ("names: cat\ntrain: images/train\n", "names: is 'cat'; write a list"),
        ("names: 3\ntrain: images/train\n", "names: is '3'; write a list"),
        ("names: [a]\ntrain: 5\n", "train: is 5; write a folder"),
        ("{", "not YAML"),
        ("names: [a]\ntrain: 2021-02-30\n", "not YAML: day is out of range for month"),
        ("", "holds no fields"),
    ],
)
def test_wrong_descriptions(folder, text, message):
    (folder / "data.yaml").write_text(text)
    with pytest.raises(BadInput, match=message):
        read(yolo, folder / "data.yaml")


def test_only_blank_lines_at_the_end_of_a_list_are_passed_over(folder):
    (folder / "data.yaml").unlink()
    (folder / "classes.txt").write_text("zebra\n ant \ncow\n\n \n")
    assert read(yolo, folder).splits["val"][0].annotation.names == ("cow",)
    (folder / "classes.txt").write_text("zebra\n\ncow\n")
    with pytest.raises(BadInput, match=r"classes.txt: class 1 has no name"):
        read(yolo, folder)


def test_pictures_without_any_label_file(folder):
    shutil.rmtree(folder / "labels")
    with pytest.raises(BadInput, match=r"no image has a label file; looked for a.txt .*labels/train, .*labels/val"):
        read(yolo, folder / "data.yaml")


@pytest.mark.parametrize("name", ["data.yaml", "some.txt", "classes.txt"])
def test_another_encoding(folder, name):
    (folder / "data.yaml").write_text("train: some.txt\nnames: [zebra, ant]\n")
    (folder / name).write_bytes("é\n".encode("latin-1"))
    (folder / "some.txt").touch()
    if name == "classes.txt":
        (folder / "data.yaml").unlink()
    with pytest.raises(BadInput, match=f"{name}: is not UTF-8 text"):
        read(yolo, folder if name == "classes.txt" else folder / "data.yaml")


def test_json_beside_a_description_is_not_taken_for_coco(folder):
    (folder / "args.json").write_text("{}")
    assert open_source([folder / "data.yaml"], splits=["train"]).classes == ("zebra", "ant")
    assert open_source([folder], splits=["train"]).classes == ("zebra", "ant")


def test_further_keys_are_splits_if_they_name_folders(folder):
    (folder / "images/night").mkdir()
    (folder / "images/night/c.jpg").touch()
    text = "train: images/train\nval:\nnight: images/night\nvalid: [images/val]\nnc: 2\nnames: [zebra, ant]\n"
    (folder / "data.yaml").write_text(text + "path: .\nlicense: CC0\nurl: nowhere\nroboflow: {images: images}\n")
    splits = read(yolo, folder / "data.yaml").splits
    assert {split: [item.id for item in items] for split, items in splits.items()} == {
        "train": ["a", "b"],
        "night": ["c"],
        "val": ["a", "b"],
    }


def test_a_folder_of_images_is_refused(folder):
    with pytest.raises(BadInput, match=r"images: .*: does not apply here"):
        open_source([folder], images=folder / "images")


def test_two_folders_of_one_split(folder):
    (folder / "data.yaml").unlink()
    (folder / "classes.txt").write_text("zebra\nant\n")
    (folder / "images/val").rename(folder / "images/night_train")
    part = read(yolo, folder)
    assert [item.image.parent.name for item in part.splits["train"]] == ["night_train", "night_train", "train", "train"]


def test_a_description_without_splits_leaves_them_to_the_folders(folder):
    (folder / "data.yaml").write_text("nc: 2\nnames: [zebra, ant]\n")
    assert {split: len(items) for split, items in read(yolo, folder).splits.items()} == {"train": 2, "val": 2}


def test_a_split_whose_folder_is_not_there_is_left_out_and_said(folder):
    (folder / "data.yaml").write_text(
        "train: images/train\nval: images/val\ntest: ../test/images\nnames: [zebra, ant]\n"
    )
    part = read(yolo, folder)
    assert list(part.splits) == ["train", "val"]
    assert "data.yaml: test: no such folder" in part.notes[0]


def rows(folder, text, shape=""):
    """The annotation of one image with the rows."""
    (folder / "data.yaml").write_text(f"train: images/train\n{shape}names: [zebra, ant]\n")
    (folder / "labels/train/a.txt").write_text(text)
    part = read(yolo, folder)
    return part.splits["train"][0].annotation, part.notes[0] if part.notes else ""


BOX = "0.5 0.4 0.2 0.3"
EDGES = [[0.4, 0.25, 0.6, 0.55]]


@pytest.mark.parametrize(
    ("values", "shape", "said"),
    [
        (BOX, "", "image has no label file"),
        (f"{BOX} 0.45 0.3 0.55 0.5", "kpt_shape: [2, 2]\n", "1 row has key points after the box"),
        (f"{BOX} 0.45 0.3 2 0.55 0.5 1", "kpt_shape: [2, 3]\n", "1 row has key points after the box"),
        (f"{BOX} 0.91", "", "1 row has a score after the box"),
        (f"{BOX} 7", "", "1 row has the number of a track after the box"),
        (f"{BOX} 0.91 7", "", "1 row has a score and the number of a track after the box"),
        ("0.4 0.25 0.6 0.25 0.6 0.55 0.4 0.55", "", "1 row has a polygon"),
    ],
)
def test_what_follows_the_class_is_told_by_the_number_of_columns(folder, values, shape, said):
    found, note = rows(folder, f"1.0000 {values}\n", shape)
    np.testing.assert_allclose(found.boxes, EDGES)
    assert found.names == ("ant",)
    assert said in note


@pytest.mark.parametrize(
    ("values", "shape", "columns"),
    [
        (f"{BOX} 0.45 0.3 0.55 0.5", "kpt_shape: [17, 3]\n", 9),
        (f"{BOX} 0.45 0.3 2 0.55 0.5 1", "", 11),
        (f"{BOX} 0.91 0.2 7", "", 8),
        (f"{BOX} inf", "", 6),
        ("0.5 0.5 0.1", "", 4),
        (f"{BOX} 400", "", None),
    ],
)
def test_rows_that_are_of_no_kind_are_named_by_file_line_and_columns(folder, values, shape, columns):
    found, _ = rows(folder, f"1 {BOX}\n0 {values}\n" if not shape else f"0 {values}\n", shape)
    if columns is None:
        assert len(found.names) == 2
        return
    assert isinstance(found, Problem)
    assert f"labels/train/a.txt: line {1 if shape else 2}: has {columns} columns" in str(found)


def test_edges_in_place_of_centres_are_refused(folder):
    with pytest.raises(BadInput, match="write centres and sizes, not edges"):
        rows(folder, "0 0.5 0.5 0.9 0.95\n1 0.1 0.2 0.8 0.9\n")


def test_label_files_beside_the_images(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.jpg").touch()
        (tmp_path / f"{name}.txt").write_text(f"0 {BOX}\n")
    (tmp_path / "classes.txt").write_text("cat\n")
    part = read(yolo, tmp_path)
    assert [(item.id, item.annotation.names) for item in part.splits[""]] == [("a", ("cat",)), ("b", ("cat",))]


def test_images_and_label_files_that_do_not_belong_together_are_counted(folder):
    (folder / "labels/train/a.txt").rename(folder / "labels/train/a.webp.txt")
    notes = read(yolo, folder).notes
    assert "3 images have no label file and count as images without objects (a.jpg, b.jpg, b.jpg)" in notes
    assert "1 label file belongs to no image of the splits (a.webp.txt)" in notes


def test_darknets_description_and_lists(tmp_path):
    for split, names in (("train", "ab"), ("valid", "c")):
        (tmp_path / f"obj_{split}_data").mkdir()
        for name in names:
            (tmp_path / f"obj_{split}_data/{name}.jpg").touch()
            (tmp_path / f"obj_{split}_data/{name}.txt").write_text(f"1 {BOX}\n")
        (tmp_path / f"{split}.txt").write_text("".join(f"data/obj_{split}_data/{name}.jpg\n" for name in names))
    (tmp_path / "obj.names").write_text("dog\ncat\n")
    text = "classes = 2\ntrain = data/train.txt\nvalid = data/valid.txt\nnames = data/obj.names\nbackup = backup/\n"
    (tmp_path / "obj.data").write_text(text)
    part = read(yolo, tmp_path)
    assert part.classes == ("dog", "cat")
    assert {split: [item.id for item in items] for split, items in part.splits.items()} == {
        "train": ["a", "b"],
        "val": ["c"],
    }
    np.testing.assert_allclose(part.splits["val"][0].annotation.boxes, EDGES)
    (tmp_path / "obj.data").unlink()
    assert {split: len(items) for split, items in read(yolo, tmp_path).splits.items()} == {"train": 2, "val": 1}


def test_a_description_that_names_no_list_of_classes(tmp_path):
    (tmp_path / "obj.data").write_text("classes = 2\ntrain = data/train.txt\n")
    with pytest.raises(BadInput, match=r"obj.data: names: no such file"):
        read(yolo, tmp_path)


@pytest.mark.parametrize("shape", ["17", "[17]", "[a, b]", "[0, 2]"])
def test_a_shape_of_key_points_that_is_none(folder, shape):
    with pytest.raises(BadInput, match="kpt_shape: is "):
        rows(folder, f"0 {BOX}\n", f"kpt_shape: {shape}\n")


def one_row(tmp_path, labels, images="images", suffix=".txt", text="0 0.5 0.5 0.2 0.4\n", encoding="utf-8"):
    """Two images, of which the first has a label file, and a list of two classes."""
    for folder in (labels, images):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    for name in "ab":
        (tmp_path / images / f"{name}.JPG").touch()
    (tmp_path / labels / f"a{suffix}").write_text(text, encoding)
    (tmp_path / "Classes.txt").write_text("cat\ndog\n")
    return tmp_path


def names_of(part):
    return [item.annotation.names for items in part.splits.values() for item in items]


def test_label_files_begin_with_a_byte_order_mark(tmp_path):
    folder = one_row(tmp_path, "labels", text="1 0.5 0.5 0.2 0.4\r\n", encoding="utf-8-sig")
    assert yolo.find(Files(folder)) == [folder / "labels/a.txt"]
    assert names_of(read(yolo, folder)) == [("dog",), ()]


@pytest.mark.parametrize("labels", ["Train/Labels", "Train/labels", "Train/LABELS"])
@pytest.mark.parametrize("suffix", [".txt", ".TXT"])
def test_folders_and_suffixes_of_labels_in_any_case(tmp_path, labels, suffix):
    folder = one_row(tmp_path, labels, "Train/Images", suffix)
    assert names_of(read(yolo, folder)) == [("cat",), ()]
    (folder / "data.yaml").write_text("train: Train/Images\nnames: [cat, dog]\n")
    assert names_of(read(yolo, folder / "data.yaml")) == [("cat",), ()]


@pytest.mark.parametrize("rows", ["1 2", "1.0 2 1"])
def test_class_numbers_from_one_are_refused_and_never_shifted(tmp_path, rows):
    folder = one_row(tmp_path, "labels", text="".join(f"{row} 0.5 0.5 0.2 0.4\n" for row in rows.split()))
    message = "class numbers run from 1 to 2, and there are 2 classes; YOLO counts from 0, so subtract 1"
    with pytest.raises(BadInput, match=message):
        open_source([folder])


@pytest.mark.parametrize(("rows", "wrong"), [("0 1 2", "'2'"), ("2", "'2'"), ("1 3", "'3'"), ("1", None)])
def test_class_numbers_that_may_count_from_zero(tmp_path, rows, wrong):
    folder = one_row(tmp_path, "labels", text="".join(f"{row} .5 .5 .2 .4\n" for row in rows.split()))
    found = read(yolo, folder).splits[""][0].annotation
    assert f"{wrong} is not a class number from 0 to 1" in str(found) if wrong else found.names == ("dog",)


def test_a_label_file_of_two_images_is_said(folder):
    (folder / "images/train/a.png").touch()
    part = read(yolo, folder)
    names = "images/train/a.jpg, images/train/a.png"
    said = f"1 label file belongs to several images, each of which got its boxes (labels/train/a.txt: {names})"
    assert said in part.notes
    both = [item.annotation.boxes for item in part.splits["train"] if item.image.stem == "a"]
    assert len(both) == 2
    np.testing.assert_array_equal(*both)


def test_class_names_that_are_called_like_folders_are_no_split(folder):
    text = "train: images/train\nnames: [images, labels]\nflip_idx: [labels]\ndownload: images\nnc: 2\n"
    (folder / "data.yaml").write_text(text)
    assert list(read(yolo, folder / "data.yaml").splits) == ["train"]


@pytest.mark.parametrize("key", ["val", "valid", "validation"])
def test_a_split_of_any_spelling_is_found_where_roboflow_writes_it_and_said_where_it_is_not(folder, key):
    (folder / "data.yaml").write_text(f"train: ../images/train\n{key}: ../images/val\nnames: [zebra, ant]\n")
    part = read(yolo, folder / "data.yaml")
    assert {split: len(items) for split, items in part.splits.items()} == {"train": 2, "val": 2}
    (folder / "data.yaml").write_text(f"train: images/train\n{key}: ../gone/val\nnames: [zebra, ant]\n")
    notes = read(yolo, folder / "data.yaml").notes
    assert notes[0] == f"data.yaml: {key}: no such folder {folder}/../gone/val, left out"


def test_a_description_whose_only_split_is_not_there_is_refused_in_one_sentence(folder):
    (folder / "data.yaml").write_text("val: gone\nnames: [zebra, ant]\n")
    with pytest.raises(BadInput) as error:
        read(yolo, folder / "data.yaml")
    assert str(error.value) == f"{folder / 'data.yaml'}: val: no such folder {folder / 'gone'}; correct it"


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000])
def test_deep_yaml_is_refused_as_a_description_and_passed_over_beside_one(folder, text):
    (folder / "notes.yaml").write_text(text)
    assert find_description(Files(folder)) == folder / "data.yaml"
    with pytest.raises(BadInput, match=r"notes.yaml: not YAML: it is nested too deeply"):
        read(yolo, folder / "notes.yaml")


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("train: images/train\nnames:\n  0: zebra\n  1: ant\n  0: cow\n", 3, "0"),
        ("train: images/train\nnames: [zebra, ant]\ntrain: images/val\n", 1, "train"),
    ],
)
def test_a_key_that_is_there_twice_is_refused(folder, text, line, key):
    (folder / "data.yaml").write_text(text)
    with pytest.raises(BadInput, match=f"data.yaml: not YAML: line {line}: {key} is given twice; keep one"):
        read(yolo, folder / "data.yaml")


def test_two_lists_of_one_split_are_joined(tmp_path):
    (tmp_path / "classes.txt").write_text("dog\n")
    for name, stem in (("train", "a"), ("training", "b")):
        (tmp_path / f"{stem}.jpg").touch()
        (tmp_path / f"{stem}.txt").write_text("0 0.5 0.5 0.2 0.2\n")
        (tmp_path / f"{name}.txt").write_text(f"{stem}.jpg\n")
    assert [item.id for item in read(yolo, tmp_path).splits["train"]] == ["a", "b"]
