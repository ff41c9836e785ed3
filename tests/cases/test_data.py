"""Datasets as people have reported them: what is built of each, and what is said about it."""

import json
import os

import numpy as np
import pytest
from click.testing import CliRunner

from cases.scenes import HEIGHT, WIDTH, coco, draw, things, write, xml, yolo, yolo_row
from multibox.cli.app import main
from multibox.data.open import find_record, open_stores
from multibox.errors import BadInput
from multibox.training.stores import find_data


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))


def build(*sources, options=(), code=0):
    """What ``data build`` prints, on both streams."""
    result = CliRunner().invoke(main, ["data", "build", *map(str, sources), "--name", "s", *options])
    assert result.exit_code == code, result.output
    return result.output


def splits():
    return {store.meta.split: set(store.ids) for store in open_stores("s")}


def classes():
    return open_stores("s")[0].meta.classes


def boxes(record_id):
    record = find_record(open_stores("s"), record_id)[1]
    return record.objects.boxes


def edges(number, **how):
    return [list(box) for _, *box in things(number, **how)]


def test_files_that_come_apart_stay_apart(tmp_path):
    coco(tmp_path / "in", "annotations/instances_train2014.json", "train2014", range(20))
    coco(tmp_path / "in", "annotations/instances_minival2014.json", "minival2014", range(20, 40))
    said = build(tmp_path / "in")
    assert {split: len(ids) for split, ids in splits().items()} == {"train": 20, "val": 20}
    assert splits()["val"] == {str(number + 1) for number in range(20, 40)}
    assert "'minival2014' was read as the split val" in said


def test_a_piece_with_an_unusual_name_is_a_split_of_its_own(tmp_path):
    coco(tmp_path / "in", "annotations/train.json", "train", range(6))
    coco(tmp_path / "in", "annotations/night.json", "night", range(6, 9))
    build(tmp_path / "in")
    assert {split: len(ids) for split, ids in splits().items()} == {"train": 6, "night": 3}


def test_chance_divides_one_piece_and_says_so(tmp_path):
    coco(tmp_path / "in", "boxes.json", "", range(20))
    said = build(tmp_path / "in")
    assert {split: len(ids) for split, ids in splits().items()} == {"train": 14, "val": 3, "test": 3}
    assert "20 images divided at random into train, val and test, 70/15/15, with --split-seed 0" in said


@pytest.mark.parametrize("given", ["root", "folders"])
def test_voc_in_folders_of_splits(tmp_path, given):
    for folder, numbers in (("train", range(8)), ("valid", range(8, 10)), ("test", range(10, 12))):
        for number in numbers:
            draw(tmp_path / "in" / folder / f"p{number:03}.jpg", number)
            xml(tmp_path / "in" / folder / f"p{number:03}.xml", f"p{number:03}.jpg", things(number))
    root = tmp_path / "in"
    build(*([root] if given == "root" else [root / "train", root / "valid", root / "test"]))
    assert {split: len(ids) for split, ids in splits().items()} == {"train": 8, "val": 2, "test": 2}
    assert {record_id[-4:] for record_id in splits()["test"]} == {"p010", "p011"}


@pytest.mark.parametrize(
    "folders", [("annots", "images"), ("annotations", "images"), ("labels/xml", "pictures/raw"), ("", "")]
)
def test_voc_in_folders_of_any_name(tmp_path, folders):
    for number in range(3):
        draw(tmp_path / "in" / folders[1] / f"p{number}.jpg", number)
        xml(tmp_path / "in" / folders[0] / f"p{number}.xml", f"p{number}.jpg", things(number))
    build(tmp_path / "in")
    np.testing.assert_array_equal(boxes("p0"), edges(0))


def test_voc_lists_of_any_usual_name(tmp_path):
    for number in range(12):
        draw(tmp_path / "in/JPEGImages" / f"p{number:03}.jpg", number)
        xml(tmp_path / "in/Annotations" / f"p{number:03}.xml", f"p{number:03}.jpg", things(number))
    write(tmp_path / "in/ImageSets/Main/train.txt", "".join(f"p{number:03}\n" for number in range(9)))
    write(tmp_path / "in/ImageSets/Main/valid.txt", "".join(f"p{number:03}\n" for number in range(9, 12)))
    build(tmp_path / "in")
    assert {split: len(ids) for split, ids in splits().items()} == {"train": 9, "val": 3}


def test_two_images_of_one_stem_are_told_apart_by_the_name_in_the_annotation(tmp_path):
    draw(tmp_path / "in/a.jpg", 1)
    draw(tmp_path / "in/a.png", 2)
    xml(tmp_path / "in/a.xml", "a.png", things(2))
    draw(tmp_path / "in/b.jpg", 3)
    xml(tmp_path / "in/b.xml", "b.jpg", things(3))
    build(tmp_path / "in")
    assert find_record(open_stores("s"), "a")[1].source.endswith("a.png")
    xml(tmp_path / "in/a.xml", "", things(2))
    assert "a.xml: could belong to a.jpg or a.png; write the image's name into the file" in build(
        tmp_path / "in", options=["--replace"], code=2
    )


def test_key_points_are_no_polygon(tmp_path):
    root = tmp_path / "in"
    for number in range(4):
        (thing,) = things(number, ("car",), 1)
        _, x0, y0, x1, y1 = thing
        points = " ".join(f"{x / WIDTH:.6f} {y / HEIGHT:.6f}" for x, y in ((x0 + 3, y0 + 3), (x1 - 3, y1 - 3)))
        draw(root / f"images/p{number}.jpg", number)
        write(root / f"labels/p{number}.txt", f"{yolo_row(thing, ('car',))} {points}\n")
    write(root / "data.yaml", "train: images\nkpt_shape: [2, 2]\nnames: [car]\n")
    assert "4 rows have key points after the box, which were left out" in build(root)
    np.testing.assert_allclose(boxes("p0"), edges(0, names=("car",), count=1), atol=1e-3)


@pytest.mark.parametrize(
    ("tail", "said"),
    [
        (" 0.91", "4 rows have a score after the box"),
        (" 7", "4 rows have the number of a track after the box"),
        (" 0.91 7", "4 rows have a score and the number of a track after the box"),
    ],
)
def test_scores_and_tracks_are_no_polygon(tmp_path, tail, said):
    for number in range(4):
        draw(tmp_path / f"in/images/p{number}.jpg", number)
        (thing,) = things(number, ("car",), 1)
        write(tmp_path / f"in/labels/p{number}.txt", yolo_row(thing, ("car",)) + tail + "\n")
    write(tmp_path / "in/classes.txt", "car\n")
    assert said in build(tmp_path / "in")
    np.testing.assert_allclose(boxes("p0"), edges(0, names=("car",), count=1), atol=1e-3)


def stems(ids):
    return {record_id.rpartition("/")[2] for record_id in ids}


@pytest.mark.parametrize("change", ["add", "remove", "replace", "nothing"])
def test_stores_notice_every_change_of_their_files(tmp_path, change):
    root = tmp_path / "in"
    for number in range(10):
        draw(root / f"p{number}.jpg", number)
        xml(root / f"p{number}.xml", f"p{number}.jpg", things(number))
    find_data(str(root), "fail")
    before = open_stores("in")[0].meta.built, {store.meta.split: store.meta.digest for store in open_stores("in")}
    if change == "add":
        draw(root / "q.jpg", 99)
        xml(root / "q.xml", "q.jpg", things(99))
        for path in (root / "q.jpg", root / "q.xml", root):
            os.utime(path, (1e9, 1e9))
    elif change == "remove":
        (root / "p3.xml").unlink()
        (root / "p3.jpg").unlink()
        os.utime(root, (1e9, 1e9))
    elif change == "replace":
        draw(root / "p3.jpg", 55)
        os.utime(root / "p3.jpg", (1e9, 1e9))
    find_data(str(root), "fail")
    after = open_stores("in")[0].meta.built, {store.meta.split: store.meta.digest for store in open_stores("in")}
    assert (before[1] == after[1]) == (change == "nothing")
    count = {"add": 11, "remove": 9}.get(change, 10)
    assert sum(len(store) for store in open_stores("in")) == count


def test_the_declared_order_of_the_classes_is_kept(tmp_path):
    yolo(tmp_path / "in", range(8), ("dog", "cat"), folder="train")
    write(tmp_path / "in/data.yaml", "train: images/train\nnames: [dog, cat]\n")
    build(tmp_path / "in")
    assert classes() == ("dog", "cat")
    coco(tmp_path / "in2", "boxes.json", "", range(8), ("zebra", "ant"))
    build(tmp_path / "in2", options=["--replace"])
    assert classes() == ("zebra", "ant")


def test_without_a_declared_order_classes_are_sorted_and_that_is_said(tmp_path):
    for number in range(4):
        draw(tmp_path / f"in/p{number}.jpg", number)
        xml(tmp_path / f"in/p{number}.xml", f"p{number}.jpg", things(number, ("dog", "cat")))
    assert "classes: cat, dog; sorted by name, as the data gives no order; set --classes A,B to choose one" in build(
        tmp_path / "in"
    )


@pytest.mark.parametrize("layout", ["coco", "csv"])
def test_the_folder_is_the_one_in_which_most_images_are(tmp_path, layout):
    coco(tmp_path / "in", "annotations/instances_train.json", "images/set a", range(12))
    if layout == "csv":
        rows = [
            f"p{number:03}.jpg,{x0},{y0},{x1},{y1},{name}"
            for number in range(12)
            for name, x0, y0, x1, y1 in things(number)
        ]
        write(tmp_path / "in/boxes.csv", "\n".join(["image,xmin,ymin,xmax,ymax,label", *rows]) + "\n")
        (tmp_path / "in/annotations/instances_train.json").unlink()
    (tmp_path / "in/images/set a/p000.jpg").unlink()
    said = build(tmp_path / "in", options=["--on-bad", "skip"])
    assert "missing images: 1 that annotations name (p000.jpg)" in said
    assert sum(len(ids) for ids in splits().values()) == 11


def test_coordinates_between_0_and_1_are_parts_of_the_image(tmp_path):
    rows = []
    for number in range(6):
        draw(tmp_path / f"in/p{number}.jpg", number)
        rows += [
            f"p{number}.jpg,{x0 / WIDTH:.6f},{y0 / HEIGHT:.6f},{x1 / WIDTH:.6f},{y1 / HEIGHT:.6f},{name}"
            for name, x0, y0, x1, y1 in things(number)
        ]
    write(tmp_path / "in/labels.csv", "\n".join(["image,xmin,ymin,xmax,ymax,label", *rows]) + "\n")
    assert "all coordinates lie between 0 and 1 and were read as fractions of the image" in build(tmp_path / "in")
    np.testing.assert_allclose(boxes("p0"), edges(0), atol=1e-3)


def test_fractions_in_coco_are_parts_of_the_image(tmp_path):
    content = coco(tmp_path / "in", "train.json", "train", range(6))
    for annotation in content["annotations"]:
        annotation["bbox"] = [v / side for v, side in zip(annotation["bbox"], (WIDTH, HEIGHT) * 2, strict=True)]
    write(tmp_path / "in/train.json", json.dumps(content))
    assert "were read as fractions of the image" in build(tmp_path / "in")
    np.testing.assert_allclose(boxes("1"), edges(0), atol=1e-3)


def test_pixels_in_yolo_are_pixels(tmp_path):
    for number in range(6):
        draw(tmp_path / f"in/images/p{number}.jpg", number)
        rows = [f"0 {(x0 + x1) / 2} {(y0 + y1) / 2} {x1 - x0} {y1 - y0}\n" for _, x0, y0, x1, y1 in things(number)]
        write(tmp_path / f"in/labels/p{number}.txt", "".join(rows))
    write(tmp_path / "in/classes.txt", "cat\n")
    assert "were read as pixels, not as fractions of the image" in build(tmp_path / "in")
    np.testing.assert_allclose(boxes("p0"), edges(0), atol=1e-3)


@pytest.mark.parametrize("bbox", [[], None, "absent"])
def test_an_annotation_without_a_box_is_named_and_can_be_skipped(tmp_path, bbox):
    content = coco(tmp_path / "in", "annotations/instances_train.json", "train", range(8))
    content["annotations"][3]["bbox"] = bbox
    if bbox == "absent":
        del content["annotations"][3]["bbox"]
    write(tmp_path / "in/annotations/instances_train.json", json.dumps(content))
    (message,) = [line for line in build(tmp_path / "in", code=2).splitlines() if line.startswith("multibox:")]
    for word in ("instances_train.json", "image 2", "p001.jpg", "annotation 4"):
        assert word in message
    build(tmp_path / "in", options=["--on-bad", "skip"])
    assert len(boxes("2")) == 1
    checked = CliRunner().invoke(main, ["data", "check", str(tmp_path / "in")])
    assert "annotation 4" in checked.output
    content["annotations"][3]["segmentation"] = [[10, 20, 60, 20, 60, 70.5]]
    write(tmp_path / "in/annotations/instances_train.json", json.dumps(content))
    assert "1 annotation has no bbox; the bounding box of its segmentation" in build(
        tmp_path / "in", options=["--replace"]
    )
    np.testing.assert_array_equal(boxes("2")[1], [10, 20, 60, 70.5])


def test_what_is_no_annotation_file_is_passed_over(tmp_path):
    yolo(tmp_path / "in", range(8), ("dog", "cat"))
    write(tmp_path / "in/classes.txt", "dog\ncat\n")
    notes = {"categories": [{"id": 0, "name": "dog"}, {"id": 1, "name": "cat"}], "info": {"year": 2026}}
    write(tmp_path / "in/notes.json", json.dumps(notes))
    build(tmp_path / "in")
    assert classes() == ("dog", "cat")
    np.testing.assert_allclose(boxes("p000"), edges(0, names=("dog", "cat")), atol=1e-3)


def test_fractions_of_pixels_prove_edges(tmp_path):
    for number in range(4):
        draw(tmp_path / f"in/p{number}.jpg", number)
        moved = [(name, x0 + 0.25, y0 + 0.5, x1 + 0.25, y1 + 0.5) for name, x0, y0, x1, y1 in things(number)]
        xml(tmp_path / f"in/p{number}.xml", f"p{number}.jpg", moved, add=0)
    build(tmp_path / "in")
    np.testing.assert_array_equal(boxes("p0"), np.add(edges(0), [0.25, 0.5, 0.25, 0.5]))


LABELIMG = (
    "\n\t<folder>side</folder><path>/home/me/a.jpg</path>"
    "<source><database>Unknown</database></source><segmented>0</segmented>"
)


def test_labelimg_writes_edges_and_raises_0_to_1(tmp_path):
    draw(tmp_path / "my_voc/a.jpg", 0)
    xml(tmp_path / "my_voc/a.xml", "a.jpg", [("cat", 1, 1, 10, 20), ("dog", 100, 50, 200, 150)], add=0, head=LABELIMG)
    said = build(tmp_path / "my_voc")
    np.testing.assert_array_equal(boxes("a"), [[0, 0, 10, 20], [100, 50, 200, 150]])
    assert "because labelImg wrote them" in said
    assert classes() == ("cat", "dog")


def test_corners_without_evidence_are_taken_as_vocs_and_that_is_said(tmp_path):
    draw(tmp_path / "in/a.jpg", 0)
    xml(tmp_path / "in/a.xml", "a.jpg", things(0))
    said = build(tmp_path / "in")
    assert "corners: first and last pixel, counted from 1" in said
    assert "if that is wrong, give --one-based true or --one-based false" in said
    np.testing.assert_array_equal(boxes("a"), edges(0))
    build(tmp_path / "in", options=["--one-based", "false", "--replace"])
    np.testing.assert_array_equal(boxes("a"), np.add(edges(0), [1, 1, 0, 0]))


def test_a_category_that_stands_over_the_others_is_no_class(tmp_path):
    content = coco(tmp_path / "in", "train/_annotations.coco.json", "train", range(8), ("car",))
    content["categories"] = [{"id": 0, "name": "car", "supercategory": "none"}, {"id": 1, "name": "car"}]
    write(tmp_path / "in/train/_annotations.coco.json", json.dumps(content))
    assert "the category 0 (car) is left out" in build(tmp_path / "in")
    assert classes() == ("car",)


def test_images_and_label_files_that_do_not_meet_are_counted(tmp_path):
    for number in range(12):
        draw(tmp_path / f"in/images/p{number:03}.webp.jpg", number)
        name = f"p{number:03}.txt" if number else "p000.webp.txt"
        write(tmp_path / "in/labels" / name, yolo_row(things(number)[0], ("cat", "dog")) + "\n")
    write(tmp_path / "in/classes.txt", "cat\ndog\n")
    said = build(tmp_path / "in")
    assert "11 images have no label file and count as images without objects" in said
    assert "11 label files belong to no image" in said


def test_darknets_folder(tmp_path):
    root = tmp_path / "in"
    for number in range(10):
        draw(root / f"obj_train_data/p{number:03}.jpg", number)
        rows = [yolo_row(thing, ("dog", "cat")) for thing in things(number, ("dog", "cat"))]
        write(root / f"obj_train_data/p{number:03}.txt", "\n".join(rows) + "\n")
    write(root / "train.txt", "".join(f"data/obj_train_data/p{number:03}.jpg\n" for number in range(10)))
    write(root / "obj.names", "dog\ncat\n")
    write(root / "obj.data", "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n")
    build(root)
    assert {split: len(ids) for split, ids in splits().items()} == {"train": 10}
    assert classes() == ("dog", "cat")
    np.testing.assert_allclose(boxes("p000"), edges(0, names=("dog", "cat")), atol=1e-3)


def test_the_csv_of_tensorflows_tutorials(tmp_path):
    for split, numbers in (("train", range(10)), ("test", range(10, 14))):
        rows = ["filename,width,height,class,xmin,ymin,xmax,ymax"]
        for number in numbers:
            draw(tmp_path / f"in/{split}/p{number:03}.jpg", number)
            rows += [
                f"p{number:03}.jpg,{WIDTH},{HEIGHT},{name},{x0},{y0},{x1},{y1}"
                for name, x0, y0, x1, y1 in things(number)
            ]
        write(tmp_path / f"in/{split}_labels.csv", "\n".join(rows) + "\n")
    build(tmp_path / "in")
    assert {split: len(ids) for split, ids in splits().items()} == {"train": 10, "test": 4}
    np.testing.assert_array_equal(boxes("p000"), edges(0))


def test_a_folder_without_annotations_names_what_is_there_and_what_is_read(tmp_path):
    draw(tmp_path / "in/a.jpg", 0)
    write(tmp_path / "in/readme.md", "Photographs.")
    said = build(tmp_path / "in", code=2)
    assert "no annotations found here among its files (1 image, 1 .md)" in said
    assert "Pascal VOC XML" in said
    with pytest.raises(BadInput):
        find_data(str(tmp_path / "in"), "fail")
