"""What stands in the files, held against the boxes that were painted; and read back where we have a reader."""

import csv
import json

import pytest
import yaml

from multibox.data.source import open_source
from multibox.writing import MARKER

BOX = pytest.approx((20, 20, 100, 90), abs=1.5)


def test_json_lines(save, files, tmp_path):
    save(files, tmp_path / "out", "jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out/detections.jsonl").read_text().splitlines()]
    assert [row["file"] for row in rows] == list(map(str, files))
    assert tuple(rows[0]["detections"][0]["box"]) == BOX
    assert "picture" not in rows[0]
    assert "error" in rows[1]


def test_csv(save, files, tmp_path):
    save(files, tmp_path / "out", "csv")
    with (tmp_path / "out/detections.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], row["frame"], row["name"]) for row in rows] == [
        (str(files[0]), "", "red"),
        (str(files[2]), "", "blue"),
    ]
    assert tuple(float(rows[0][edge]) for edge in ("x0", "y0", "x1", "y1")) == BOX
    assert 0.5 < float(rows[0]["score"]) < 1


def test_coco(save, files, tmp_path):
    number = tmp_path / "one" / "000000000139.png"
    files[0].rename(number)
    save([number, *files[1:]], tmp_path / "out", "coco")
    rows = json.loads((tmp_path / "out/coco.json").read_text())
    assert [(row["image_id"], row["category_id"]) for row in rows] == [(139, 1), ("a", 3)]
    x, y, width, height = rows[0]["bbox"]
    assert (x, y, x + width, y + height) == BOX


def test_voc(save, files, tmp_path):
    save(files, tmp_path / "out", "voc")
    folder = tmp_path / "out/voc"
    assert sorted(path.name for path in folder.iterdir()) == [
        MARKER,
        *(f"comp4_det_test_{name}.txt" for name in ("blue", "green", "red")),
    ]
    name, score, *box = (folder / "comp4_det_test_blue.txt").read_text().split()
    assert name == "a-2"
    assert float(score) > 0.5
    assert [float(edge) for edge in box] == pytest.approx([21, 21, 100, 90], abs=1.5)  # from 1, both ends inside
    assert (folder / "comp4_det_test_green.txt").read_text() == ""


def test_yolo(save, files, tmp_path):
    save(files, tmp_path / "out", "yolo")
    folder = tmp_path / "out/labels"
    assert sorted(path.name for path in folder.iterdir()) == [MARKER, "000007.txt", "a-2.txt", "a.txt", "classes.txt"]
    assert (folder / "000007.txt").read_text() == ""
    label, *center = (folder / "a-2.txt").read_text().split()
    assert label == "2"
    assert [float(v) for v in center] == pytest.approx([60 / 192, 55 / 128, 80 / 192, 70 / 128], abs=0.01)


@pytest.mark.parametrize("kind", ["yolo", "yolo-score"])
def test_yolo_names_the_classes_in_their_order(save, files, tmp_path, kind):
    save(files[:1], tmp_path / "out", kind)
    assert (tmp_path / "out/labels/classes.txt").read_text() == "red\ngreen\nblue\n"
    described = yaml.safe_load((tmp_path / "out/data.yaml").read_text())
    assert described == {"train": "images", "val": None, "nc": 3, "names": {0: "red", 1: "green", 2: "blue"}}


def test_labels_of_an_image_called_classes_are_kept(save, files, tmp_path):
    image = files[0].rename(files[0].with_name("classes.png"))
    save([image], tmp_path / "out", "yolo")
    assert (tmp_path / "out/labels/classes.txt").read_text().startswith("0 0.3")


def test_yolo_can_be_trained_on(save, files, tmp_path):
    """The class order of the detector is that of the data, which are not sorted by name."""
    save([files[0], files[2], files[3]], tmp_path / "set", "yolo", "coco")
    (tmp_path / "set/images").mkdir()
    for file, name in ((files[0], "a"), (files[2], "a-2"), (files[3], "000007")):
        file.rename(tmp_path / f"set/images/{name}.png")
    source = open_source([tmp_path / "set"])
    assert source.classes == ("red", "green", "blue")
    found = {item.id: list(item.annotation.names) for items in source.splits.values() for item in items}
    assert found == {"000007": [], "a": ["red"], "a-2": ["blue"]}


def test_yolo_with_scores(save, files, tmp_path):
    save(files, tmp_path / "out", "yolo-score")
    assert float((tmp_path / "out/labels/a.txt").read_text().split()[5]) > 0.5


def test_frames(save, film, tmp_path):
    save([film], tmp_path / "out", "jsonl", "csv", "coco", "yolo")
    rows = [json.loads(line) for line in (tmp_path / "out/detections.jsonl").read_text().splitlines()]
    assert [(row["frame"], row["seconds"]) for row in rows] == [(i, i / 10) for i in range(5)]
    assert json.loads((tmp_path / "out/coco.json").read_text())[4]["image_id"] == "film-000004"
    assert (tmp_path / "out/labels/film-000003.txt").read_text().startswith("0 ")
    assert (tmp_path / "out/detections.csv").read_text().splitlines()[2].startswith(f"{film},1,red,")
