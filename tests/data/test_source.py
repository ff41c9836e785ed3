import json
import re
import shutil
from pathlib import Path

import pytest

from multibox.annotations.annotation import Annotation, Item
from multibox.annotations.splits import divide, usual_split
from multibox.data.remarks import joining
from multibox.data.source import open_source
from multibox.errors import BadInput


def sizes(source):
    return {split: len(items) for split, items in source.splits.items()}


def test_a_voc_folder(voc_folder):
    source = open_source([voc_folder])
    assert source.classes == ("ball", "crate")
    assert sizes(source) == {"train": 4, "val": 2, "test": 2}
    assert list(source.splits) == ["train", "val", "test"]


def test_several_years_of_a_devkit_are_joined(voc_folder, tmp_path):
    for year in ("VOC2007", "VOC2012"):
        shutil.copytree(voc_folder, tmp_path / "VOCdevkit" / year)
    for path in (tmp_path, tmp_path / "VOCdevkit"):
        source = open_source([path])
        assert sizes(source) == {"train": 8, "val": 4, "test": 4}
        assert [source.splits["val"][i].id for i in (0, -1)] == ["VOC2007/000004", "VOC2012/000005"]


def test_the_same_folder_name_twice_gets_its_own_ids(voc_folder, tmp_path):
    shutil.copytree(voc_folder, tmp_path / "toys")
    source = open_source([voc_folder, tmp_path / "toys"])
    assert [item.id for item in source.splits["val"]] == [
        "toys/000004",
        "toys/000005",
        "toys-2/000004",
        "toys-2/000005",
    ]


def test_trainval_is_left_out_where_its_halves_are_there(voc_folder, tmp_path):
    root = shutil.copytree(voc_folder, tmp_path / "toys")
    lists = root / "ImageSets" / "Main"
    (lists / "trainval.txt").write_text((lists / "train.txt").read_text() + (lists / "val.txt").read_text())
    assert sizes(open_source([root])) == {"train": 4, "val": 2, "test": 2}
    assert sizes(open_source([root], splits=["trainval"])) == {"trainval": 6}
    (lists / "val.txt").unlink()
    assert sizes(open_source([root])) == {"train": 4, "test": 2, "trainval": 6}


def test_given_classes_keep_their_order_and_may_be_more(voc_folder):
    assert open_source([voc_folder], classes=["kite", "crate", "ball"]).classes == ("kite", "crate", "ball")


def test_all_unknown_names_are_listed_with_their_count(voc_folder):
    counts = {"ball": 0, "crate": 0}
    for items in open_source([voc_folder]).splits.values():
        for item in items:
            for name in item.annotation.names:
                counts[name] += 1
    with pytest.raises(BadInput) as error:
        open_source([voc_folder], classes=["kite"])
    for name, count in counts.items():
        assert f"{name} ({count})" in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": ["ball", "crate", "ball"]}, "ball given twice"),
        ({"splits": ["holdout"]}, "splits: the data has no split holdout; its splits are test, train, val"),
        ({"images": "nowhere"}, "images: nowhere: no such folder"),
    ],
)
def test_wrong_options(voc_folder, options, message):
    with pytest.raises(BadInput, match=message):
        open_source([voc_folder], **options)


def test_a_path_that_is_given_twice_is_refused(voc_folder, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(voc_folder)
    monkeypatch.chdir(voc_folder.parent)
    for again in (voc_folder, Path(voc_folder.name), f"{voc_folder}/", tmp_path / "link"):
        with pytest.raises(BadInput, match=rf"^{re.escape(str(again))}: is given twice; give each file or folder once"):
            open_source([voc_folder, again])


def test_no_dataset(tmp_path):
    with pytest.raises(BadInput, match="nowhere: no such file or folder"):
        open_source([tmp_path / "nowhere"])
    with pytest.raises(BadInput, match="no annotations found here, the folder is empty"):
        open_source([tmp_path])


def loose(count):
    return {"": [Item(f"{i:03}", Path(f"{i}.jpg"), Annotation("a", (), None)) for i in range(count)]}


@pytest.mark.parametrize(
    ("count", "expected"), [(0, []), (1, [1]), (2, [2]), (3, [1, 1, 1]), (20, [14, 3, 3]), (100, [70, 15, 15])]
)
def test_division(count, expected):
    divided = divide(loose(count), 0)
    assert [len(divided[split]) for split in ("train", "val", "test") if split in divided] == expected
    ids = [item.id for items in divided.values() for item in items]
    assert sorted(ids) == [f"{i:03}" for i in range(count)]


def test_division_depends_on_the_seed_and_on_no_order():
    first, again, other = divide(loose(40), 1), divide({"": loose(40)[""][::-1]}, 1), divide(loose(40), 2)
    ids = [[item.id for item in divided["val"]] for divided in (first, again, other)]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("instances_train2017", "train"),
        ("instances_val2017", "val"),
        ("valid", "val"),
        ("validation", "val"),
        ("test-dev", "test"),
        ("trainval", "trainval"),
        ("held out", "val"),
        ("Hold-Out", "val"),
        ("Training Set", "train"),
        ("withheld out", ""),
        ("constraints", ""),
        ("boxes", ""),
        ("", ""),
    ],
)
def test_usual_split(text, split):
    assert usual_split(text) == split


def test_the_same_id_twice_is_refused(tmp_path):
    image = {"id": 1, "file_name": "a.jpg"}
    content = {"images": [image, image], "annotations": [], "categories": [{"id": 1, "name": "dog"}]}
    (tmp_path / "train.json").write_text(json.dumps(content))
    with pytest.raises(BadInput, match="same id: 1"):
        open_source([tmp_path / "train.json"])


@pytest.mark.parametrize(
    ("split", "safe"), [("../../evil", "evil"), ("day/night", "day_night"), ("..", "loose"), ("a\\b", "a_b")]
)
def test_the_name_of_a_split_leads_nowhere_else(tmp_path, split, safe):
    (tmp_path / "table.csv").write_text(f"image,class,x0,y0,x1,y1,split\na.jpg,cat,1,1,9,9,{split}\n")
    source = open_source([tmp_path / "table.csv"])
    assert list(source.splits) == [safe]
    assert f"{split!r} was read as the split {safe}" in source.understood[0].notes


def coco(path, images):
    content = {"images": images, "annotations": [], "categories": [{"id": 1, "name": "cat"}]}
    path.write_text(json.dumps(content))


def test_splits_without_an_image_are_none(tmp_path):
    coco(tmp_path / "instances_val.json", [])
    with pytest.raises(BadInput, match=f"{tmp_path}: has no annotated image"):
        open_source([tmp_path])
    coco(tmp_path / "instances_train.json", [{"id": 1, "file_name": "a.jpg"}])
    assert sizes(open_source([tmp_path])) == {"train": 1}


def test_classes_that_are_no_text(tmp_path):
    (tmp_path / "x.json").write_text(
        '{"images": [{"id": 1, "file_name": "a"}], "annotations": [], "categories": [{"id": 1, "name": "\\ud83d"}]}'
    )
    with pytest.raises(BadInput, match="is not Unicode text"):
        open_source([tmp_path])


def test_what_lies_beside_a_single_file_and_was_read_belongs_to_the_source(tmp_path):
    (tmp_path / "boxes.csv").write_text("image,x0,y0,x1,y1,class\na.jpg,1,2,3,4,cat\n")
    (tmp_path / "classes.txt").write_text("cat\n")
    (tmp_path / "a.jpg").touch()
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    (tmp_path / "data.yaml").write_text("train: .\nnames: [cat]\n")
    found = open_source([tmp_path / "boxes.csv"])
    assert {path.name for path in found.files} == {"boxes.csv", "classes.txt", "a.jpg"}
    found = open_source([tmp_path / "data.yaml"])
    assert {path.name for path in found.files} == {"data.yaml", "a.txt", "a.jpg"}


def labelled(folder, split, *names):
    """YOLO images of a split, each with one object of a class of that name, and a class list."""
    classes = list(dict.fromkeys(names))
    for number, name in enumerate(names):
        image = folder / "images" / split / f"{split}{number}.jpg"
        label = folder / "labels" / split / f"{split}{number}.txt"
        for path in (image, label):
            path.parent.mkdir(parents=True, exist_ok=True)
        image.touch()
        label.write_text(f"{classes.index(name)} 0.5 0.5 0.2 0.2\n")
    (folder / "classes.txt").write_text("".join(f"{name}\n" for name in classes))


def test_data_without_a_split_for_validation_are_said(tmp_path):
    labelled(tmp_path, "train", "cat")
    labelled(tmp_path, "test", "cat")
    (said,) = open_source([tmp_path]).notes
    assert said.startswith(
        "no split is called val (train, test), so training has no validation; rename a split's folder"
    )
    assert not open_source([tmp_path], splits=["train"]).notes
    labelled(tmp_path, "held out", "cat")
    source = open_source([tmp_path])
    assert list(source.splits) == ["train", "val", "test"]
    assert not source.notes
    assert source.understood[0].notes == ("'held out' was read as the split val",)


def test_names_that_differ_in_case_or_spaces_are_said_and_can_be_joined(tmp_path):
    labelled(tmp_path, "train", "Red cell", "redcell", "cat", "redcell")
    labelled(tmp_path, "val", "Red cell", "redcell", "cat")
    said = 'classes redcell and Red cell differ only in case or spaces; rename="Red cell=redcell" joins them'
    assert open_source([tmp_path]).notes == (said,)
    source = open_source([tmp_path], rename={"Red cell": "redcell"})
    assert (source.classes, source.notes) == (("redcell", "cat"), ())
    names = [item.annotation.names[0] for item in source.splits["train"]]
    assert names == ["redcell", "redcell", "cat", "redcell"]


def test_names_that_a_list_of_new_names_cannot_hold_are_left_out_of_the_advice():
    alike = [["Cat", "cat"], ["a,b", "A,B"], ["x=y", "X=Y"], ['6"', '6 "'], ["dog", " dog"]]
    assert joining(alike) == (
        "rename=\"cat=Cat\" joins them; 'A,B', 'X=Y', '6 \"' and 1 more cannot be renamed with rename, so "
        "change the annotations"
    )
    assert joining([["a,b", "A,B"]]) == "'A,B' cannot be renamed with rename, so change the annotations"


def test_a_new_name_for_no_class_is_refused(voc_folder):
    with pytest.raises(BadInput, match="rename: the data has no class bal; its classes are ball, crate"):
        open_source([voc_folder], rename={"bal": "ball"})


def test_new_names_hold_for_a_list_of_classes_too(voc_folder, tmp_path):
    root = shutil.copytree(voc_folder, tmp_path / "toys")
    (root / "classes.txt").write_text("kite\ncrate\nball\n")
    source = open_source([root], rename={"ball": "sphere", "kite": "sphere"})
    assert source.classes == ("sphere", "crate")


def test_data_without_objects_have_no_classes(tmp_path, caplog):
    (tmp_path / "a.jpg").touch()
    (tmp_path / "a.json").write_text('{"shapes": [], "imagePath": "a.jpg"}')
    caplog.set_level("INFO", "multibox")
    assert open_source([tmp_path]).classes == ()
    assert "classes: none, as the data has no objects" in caplog.messages


def test_splits_that_come_from_two_files_may_share_images_too(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.jpg").touch()
    for split in ("train", "val"):
        image = {"id": 1, "file_name": "a.jpg", "width": 40, "height": 30}
        content = {"images": [image], "annotations": [], "categories": [{"id": 1, "name": "cat"}]}
        (tmp_path / f"{split}.json").write_text(json.dumps(content))
    (said,) = open_source([tmp_path / "train.json", tmp_path / "val.json"], images=tmp_path / "images").notes
    assert said.startswith("1 image is in both train and val (")
