"""What may be taken for something else: images of one name, lists that disagree, stray files."""

import json

import cv2
import numpy as np
import pytest

from multibox.data.build import build
from multibox.data.source import open_source
from multibox.errors import BadInput

HEADER = "image,xmin,ymin,xmax,ymax,class"


def image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((80, 100, 3), np.uint8))


def text(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def voc(path, name, label="cat"):
    box = "<xmin>2</xmin><ymin>3</ymin><xmax>30</xmax><ymax>40</ymax>"
    objects = f"<object><name>{label}</name><bndbox>{box}</bndbox></object>"
    text(path, f"<annotation><filename>{name}</filename>{objects}</annotation>")


def labelme(path, name):
    shape = {"label": "cat", "points": [[2, 3], [30, 40]], "shape_type": "rectangle"}
    text(path, {"imagePath": name, "imageData": None, "shapes": [shape]})


def coco(path, images, **more):
    text(
        path,
        {
            "images": [{"id": number, "file_name": name} for number, name in images.items()],
            "annotations": [
                {"id": i, "image_id": number, "category_id": 1, "bbox": [2, 3, 28, 37], **more}
                for i, number in enumerate(images)
            ],
            "categories": [{"id": 1, "name": "cat"}],
        },
    )


def kitti(path):
    text(path, "Car 0.00 0 -1.58 2 3 30 40 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n")


def pairs(folder, **options):
    """The image of each item by split and id, as paths below the folder."""
    source = open_source([folder], **options)
    return {
        f"{split} {item.id}": str(item.image.relative_to(folder))
        for split, items in source.splits.items()
        for item in items
    }


def notes(folder, **options):
    return " | ".join(open_source([folder], **options).understood[0].notes)


def write_twins(layout, folder):
    """Two folders, train and val, whose images have the same names. The image 3 of train is missing."""
    for split in ("train", "val"):
        for number in range(1, 5):
            if (split, number) != ("train", 3):
                image(folder / split / f"{number}.jpg")
            if layout == "voc":
                voc(folder / split / f"{number}.xml", f"{number}.jpg")
            if layout == "voc without names":
                voc(folder / split / f"{number}.xml", "")
            if layout == "labelme":
                labelme(folder / split / f"{number}.json", f"{number}.jpg")
        if layout == "coco":
            coco(folder / f"{split}.json", {number: f"{number}.jpg" for number in range(1, 5)})
        if layout == "csv":
            rows = [f"{number}.jpg,2,3,30,40,cat" for number in range(1, 5)]
            text(folder / f"{split}.csv", "\n".join([HEADER, *rows]))
    if layout == "csv of folders":
        rows = [f"{split}/{number}.jpg,2,3,30,40,cat,{split}" for split in ("train", "val") for number in range(1, 5)]
        text(folder / "boxes.csv", "\n".join([f"{HEADER},split", *rows]))


@pytest.mark.parametrize("layout", ["voc", "voc without names", "labelme", "coco", "csv", "csv of folders"])
def test_a_missing_image_is_not_replaced_by_the_one_of_its_name_in_another_folder(layout, tmp_path):
    write_twins(layout, tmp_path)
    source = open_source([tmp_path])
    found = {
        split: sorted(str(item.image.relative_to(tmp_path)) for item in source.splits[split])
        for split in ("train", "val")
    }
    assert found["val"] == [f"val/{number}.jpg" for number in range(1, 5)]
    assert found["train"] == [f"train/{number}.jpg" for number in range(1, 5)]
    assert source.understood[0].missing == ("3.jpg",)


def test_a_missing_image_of_kitti_is_not_taken_from_its_test_images(tmp_path):
    for number in range(4):
        image(tmp_path / f"testing/image_2/{number:06}.png")
        kitti(tmp_path / f"training/label_2/{number:06}.txt")
        if number != 2:
            image(tmp_path / f"training/image_2/{number:06}.png")
    assert not any(path.startswith("testing") for path in pairs(tmp_path).values())


def test_images_in_several_folders_are_found_though_one_name_is_in_two(tmp_path):
    for name in ("a/1", "a/2", "a/same", "b/3", "b/4", "b/same"):
        image(tmp_path / f"{name}.jpg")
    for stem in ("1", "2", "3", "4"):
        voc(tmp_path / f"xml/{stem}.xml", f"{stem}.jpg")
    voc(tmp_path / "xml/same.xml", "same.jpg")
    assert set(pairs(tmp_path).values()) >= {"a/1.jpg", "a/2.jpg", "b/3.jpg", "b/4.jpg"}


@pytest.mark.parametrize("layout", ["voc", "csv", "coco"])
def test_names_that_differ_in_upper_and_lower_case_alone_are_two_images(layout, tmp_path):
    names = ["a.JPG", "a.jpg", "B.jpg", "b.jpg"]
    for name in names:
        image(tmp_path / name)
    if layout == "voc":
        for name in ("a.jpg", "B.jpg", "b.jpg"):
            voc(tmp_path / name.replace(".jpg", ".xml"), name)
        names.remove("a.JPG")
    elif layout == "csv":
        names.remove("a.JPG")
        text(tmp_path / "boxes.csv", "\n".join([HEADER, *(f"{name},2,3,30,40,cat" for name in names)]))
    else:
        coco(tmp_path / "boxes.json", dict(enumerate(names)))
    assert sorted(pairs(tmp_path).values()) == sorted(names)


def test_a_column_of_splits_tells_images_of_one_name_apart(tmp_path):
    rows = []
    for split in ("train", "test"):
        for number in range(3):
            image(tmp_path / split / f"{number}.jpg")
            rows.append(f"{number}.jpg,2,3,30,40,cat,{split}")
    text(tmp_path / "boxes.csv", "\n".join([f"{HEADER},split", *rows]))
    expected = {f"{split} {number}": f"{split}/{number}.jpg" for split in ("train", "test") for number in range(3)}
    assert pairs(tmp_path) == expected


def test_files_numbered_anew_keep_their_images_though_they_name_those_of_before(tmp_path):
    before = {1: 1, 2: 3, 3: 4, 4: 5}
    for number, old in before.items():
        image(tmp_path / f"{number}.jpg")
        voc(tmp_path / f"{number}.xml", f"{old}.jpg")
    assert sorted(path.removesuffix(".jpg") for path in pairs(tmp_path).values()) == ["1", "2", "3", "4"]
    for key, path in pairs(tmp_path).items():
        assert key.endswith(path.removesuffix(".jpg"))


def test_names_that_go_crosswise_are_said(tmp_path):
    for number, other in {1: 2, 2: 1}.items():
        image(tmp_path / f"{number}.jpg")
        voc(tmp_path / f"{number}.xml", f"{other}.jpg")
    assert "2 annotation files name an image other than the one with their own stem" in notes(tmp_path)
    assert "(1.xml names 2.jpg, 2.xml names 1.jpg)" in notes(tmp_path)


def test_a_choice_between_images_of_one_name_is_said(tmp_path):
    for folder in ("original", "small"):
        for number in range(3):
            image(tmp_path / folder / f"{number}.jpg")
    text(tmp_path / "boxes.csv", "\n".join([HEADER, *(f"{number}.jpg,2,3,30,40,cat" for number in range(3))]))
    said = "3 names belong to several images, of which the first was used (original/0.jpg and not small/0.jpg, "
    assert said in notes(tmp_path)
    assert notes(tmp_path, images=tmp_path / "small") == ""
    assert all(path.startswith("small/") for path in pairs(tmp_path, images=tmp_path / "small").values())


def test_an_image_that_is_listed_twice_is_said_and_not_divided(tmp_path):
    for number in range(20):
        image(tmp_path / f"{number}.jpg")
    coco(tmp_path / "boxes.json", {number: f"{number % 20}.jpg" for number in range(40)})
    source = open_source([tmp_path])
    images = {split: {str(item.image) for item in items} for split, items in source.splits.items()}
    assert not images["train"] & images["val"]
    assert not images["train"] & images["test"]
    assert {split: len(items) for split, items in source.splits.items()} == {"train": 28, "val": 6, "test": 6}
    assert "20 images are annotated more than once in a split (0.jpg and 19 more)" in notes(tmp_path)


def test_images_that_splits_share_are_said(tmp_path):
    for number in range(3):
        image(tmp_path / f"images/{number}.jpg")
        text(tmp_path / f"labels/{number}.txt", "0 0.5 0.5 0.2 0.2\n")
    text(tmp_path / "data.yaml", "train: images\nval: images\nnames: [cat]\n")
    said = (
        f"3 images are in both train and val ({tmp_path / 'images/0.jpg'} and 2 more); metrics on val will be too high"
    )
    assert open_source([tmp_path]).notes == (said,)
    assert not open_source([tmp_path], splits=["val"]).notes


@pytest.mark.parametrize(
    ("value", "is_crowd"), [("0", False), ("false", False), ("1", True), (1, True), (0, False), (True, True)]
)
def test_a_crowd_in_coco_may_be_written_as_text(value, is_crowd, tmp_path):
    image(tmp_path / "a.jpg")
    coco(tmp_path / "train.json", {1: "a.jpg"}, iscrowd=value)
    (item,) = open_source([tmp_path]).splits["train"]
    assert item.annotation.columns["crowd"] == [is_crowd]


@pytest.mark.parametrize(
    ("value", "is_crowd"), [("True", True), ("1.0", True), ("1", True), ("0.0", False), ("", False)]
)
def test_a_crowd_in_csv_may_be_written_in_words(value, is_crowd, tmp_path):
    image(tmp_path / "a.jpg")
    text(tmp_path / "train.csv", f"{HEADER},iscrowd\na.jpg,2,3,30,40,cat,{value}\n")
    (item,) = open_source([tmp_path]).splits["train"]
    assert item.annotation.columns["crowd"] == [is_crowd]


def test_numbers_of_a_box_may_begin_with_the_point(tmp_path):
    image(tmp_path / "a.jpg")
    text(tmp_path / "train.csv", 'image,bbox\na.jpg,"[.5, 2, 30, -.25]"\n')
    (item,) = open_source([tmp_path]).splits["train"]
    assert item.annotation.boxes.tolist() == [[0.5, 2, 30.5, 1.75]]


def write_years(folder):
    """Two folders with annotations of the same names, and lists beside the first."""
    for year, label in (("new", "dog"), ("old", "cat")):
        for number in range(1, 4):
            image(folder / year / f"JPEGImages/{number}.jpg")
            voc(folder / year / f"Annotations/{number}.xml", f"{number}.jpg", label)
    text(folder / "new/ImageSets/Main/train.txt", "1\n2\n")


def test_a_list_means_the_annotations_beside_it(tmp_path):
    write_years(tmp_path)
    source = open_source([tmp_path])
    assert [item.annotation.names for item in source.splits["train"]] == [("dog",), ("dog",)]
    assert pairs(tmp_path) == {"train 1": "new/JPEGImages/1.jpg", "train 2": "new/JPEGImages/2.jpg"}
    assert "4 XML files are in no list and were left out" in notes(tmp_path)


def test_a_list_that_could_mean_several_annotations_is_refused(tmp_path):
    write_years(tmp_path)
    (tmp_path / "new/ImageSets").rename(tmp_path / "ImageSets")
    with pytest.raises(BadInput, match=r"1 could be .*new/Annotations/1.xml or .*old/Annotations/1.xml; keep one"):
        open_source([tmp_path])


def yolo(folder, label="labels", rows="0 0.5 0.5 0.2 0.2\n", count=4):
    for number in range(count):
        image(folder / f"images/{number}.jpg")
        text(folder / f"{label}/{number}.txt", rows)


def test_lists_of_classes_that_number_them_differently_are_refused(tmp_path):
    for split, classes in (("train", "cat\ndog\n"), ("val", "dog\ncat\n")):
        yolo(tmp_path / split)
        text(tmp_path / split / "classes.txt", classes)
    with pytest.raises(BadInput, match=r"train/classes.txt: numbers the classes differently than val/classes.txt"):
        open_source([tmp_path])
    apart = open_source([tmp_path / "train", tmp_path / "val"])
    assert {item.annotation.names for item in apart.splits["train"]} == {("cat",)}
    assert {item.annotation.names for item in apart.splits["val"]} == {("dog",)}
    text(tmp_path / "val/classes.txt", "cat\ndog\n")
    assert open_source([tmp_path]).classes == ("cat", "dog")


def test_a_list_and_a_second_description_that_were_not_read_are_said(tmp_path):
    yolo(tmp_path)
    text(tmp_path / "data.yaml", "train: images\nnames: [cat, dog]\n")
    assert notes(tmp_path) == ""
    text(tmp_path / "classes.txt", "dog\ncat\n")
    text(tmp_path / "other.yaml", "train: images\nnames: [x]\n")
    assert "classes.txt lists other classes than data.yaml, or in another order, and was not used" in notes(tmp_path)
    assert "other.yaml describes a dataset too and was not read" in notes(tmp_path)


def test_names_of_classes_in_yaml_are_taken_as_written(tmp_path):
    yolo(tmp_path)
    text(tmp_path / "data.yaml", "train: images\nnames: [yes, no, 01, 2020-01-01]\n")
    assert open_source([tmp_path]).classes == ("yes", "no", "01", "2020-01-01")


@pytest.mark.parametrize("stray", ["voc", "labelme"])
def test_a_stray_file_does_not_decide_the_format(stray, tmp_path):
    yolo(tmp_path)
    text(tmp_path / "classes.txt", "cat\ndog\n")
    if stray == "voc":
        voc(tmp_path / "images/0.xml", "0.jpg")
    else:
        labelme(tmp_path / "images/0.json", "0.jpg")
    (understood,) = open_source([tmp_path]).understood
    assert (understood.layout, understood.paired) == ("YOLO text", 4)
    assert "which was not read; to read another format, set layout=NAME" in understood.notes[0]


@pytest.mark.parametrize(
    "points", ["0.45 0.45 0.55 0.5 0.5 0.5 0.42 0.58", "0.45 0.45 0.55 0.5", "0.45 0.45 1 0.55 0.5 0 0.5 0.5 1 0 0 0"]
)
def test_key_points_that_nothing_declares_are_no_polygons(points, tmp_path):
    yolo(tmp_path, rows=f"0 0.5 0.5 0.2 0.2 {points}\n")
    text(tmp_path / "classes.txt", "cat\n")
    with pytest.raises(
        BadInput, match=r"line 1: has \d+ columns, which fit neither a class with a box, nor a polygon, nor the key"
    ):
        build([tmp_path], "points")


@pytest.mark.parametrize("names", [("crash_test_train", "crash_test_val"), ("train_set_of_val", "val_set_of_val")])
def test_a_word_that_all_files_share_is_no_split(names, tmp_path):
    for number, name in enumerate(names):
        image(tmp_path / f"{number}.jpg")
        coco(tmp_path / f"{name}.json", {number: f"{number}.jpg"})
    assert {split: len(items) for split, items in open_source([tmp_path]).splits.items()} == {"train": 1, "val": 1}


@pytest.mark.parametrize("layout", ["createml", "coco", "csv"])
def test_annotation_files_of_one_image_each_are_no_splits(layout, tmp_path):
    for number in range(20):
        name = f"{'train' if number < 15 else 'valid'}/p{number}"
        image(tmp_path / f"{name}.jpg")
        if layout == "createml":
            box = {"x": 16, "y": 20, "width": 28, "height": 37}
            text(
                tmp_path / f"{name}.json",
                [{"image": f"p{number}.jpg", "annotations": [{"label": "cat", "coordinates": box}]}],
            )
        elif layout == "coco":
            coco(tmp_path / f"{name}.json", {number: f"p{number}.jpg"})
        else:
            text(tmp_path / f"{name}.csv", f"{HEADER}\np{number}.jpg,2,3,30,40,cat\n")
    splits = open_source([tmp_path]).splits
    assert {split: len(items) for split, items in splits.items()} == {"train": 15, "val": 5}
    splits = open_source([tmp_path / "valid"]).splits
    assert {split: len(items) for split, items in splits.items()} == {"val": 5}


def test_parts_of_the_image_among_pixels_are_said(tmp_path):
    for number in range(3):
        image(tmp_path / f"{number}.jpg")
    text(tmp_path / "train.csv", f"{HEADER}\n0.jpg,2,3,30,40,cat\n1.jpg,0.1,0.2,0.5,0.6,cat\n2.jpg,,,,,\n")
    assert "1 image has only coordinates between 0 and 1, which were read as pixels (" in notes(tmp_path)
