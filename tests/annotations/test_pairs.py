"""Which image an annotation gets where names repeat: never another's, and what is doubtful is said."""

import json

import cv2
import numpy as np
import pytest

from multibox.data.source import open_source

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
    assert "2 annotation files name another image than the one of their own stem" in notes(tmp_path)
    assert "(1.xml names 2.jpg, ...)" in notes(tmp_path)


def test_a_choice_between_images_of_one_name_is_said(tmp_path):
    for folder in ("original", "small"):
        for number in range(3):
            image(tmp_path / folder / f"{number}.jpg")
    text(tmp_path / "boxes.csv", "\n".join([HEADER, *(f"{number}.jpg,2,3,30,40,cat" for number in range(3))]))
    said = "3 names belong to several images, of which the first was taken (original/0.jpg, not small/0.jpg, ...)"
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
    assert "20 images are annotated more than once in a split (0.jpg, ...)" in notes(tmp_path)


def test_images_that_splits_share_are_said(tmp_path):
    for number in range(3):
        image(tmp_path / f"images/{number}.jpg")
        text(tmp_path / f"labels/{number}.txt", "0 0.5 0.5 0.2 0.2\n")
    text(tmp_path / "data.yaml", "train: images\nval: images\nnames: [cat]\n")
    assert "3 images are in several of the splits train, val (images/0.jpg, ...)" in notes(tmp_path)


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
