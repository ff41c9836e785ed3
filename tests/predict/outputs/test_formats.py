"""What stands in the files, held against the boxes that were painted; and read back where we have a reader."""

import csv
import json

import pytest

from multibox.writing import MARKER
from reading import read

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


def test_coco_numbers_its_own_classes(detector, tmp_path):
    from multibox.predict.outputs.names import Stems
    from multibox.predict.outputs.rows import CocoOutput

    output = CocoOutput(tmp_path / "coco.json", ("person", "toothbrush", "stop sign"), Stems([]))
    assert output._ids == [1, 90, 13]


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
    assert sorted(path.name for path in folder.iterdir()) == [MARKER, "000007.txt", "a-2.txt", "a.txt"]
    assert (folder / "000007.txt").read_text() == ""
    label, *center = (folder / "a-2.txt").read_text().split()
    assert label == "2"
    assert [float(v) for v in center] == pytest.approx([60 / 192, 55 / 128, 80 / 192, 70 / 128], abs=0.01)


def test_yolo_can_be_trained_on(save, files, tmp_path):
    from multibox.annotations.formats import yolo

    save(files[:1], tmp_path / "set", "yolo")
    (tmp_path / "set/images").mkdir()
    files[0].rename(tmp_path / "set/images/a.png")
    part = read(yolo, tmp_path / "set", classes=("red", "green", "blue"))
    (item,) = (item for items in part.splits.values() for item in items)
    assert list(item.annotation.names) == ["red"]


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
