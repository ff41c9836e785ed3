import json
import shutil
from pathlib import Path
from urllib.parse import unquote

import cv2
import numpy as np
import pytest
from lxml import etree

from multibox.data.build import build
from multibox.data.store import dataset_splits, open_store
from multibox.detect.detections import Detections
from multibox.errors import BadInput
from multibox.labelling.prelabelled import PreLabelled
from multibox.labelling.prelabels import FORMATS, write_prelabels

CLASSES = ("zebra", "Ölfaß", "ant hill")
"""In no alphabet's order, with a space and letters beyond ASCII."""

BOXES = {
    "a": ([[0, 0, 64, 48], [1.25, 2.75, 30.4, 20.6]], [0, 2], [0.9, 0.4]),
    "two words": ([[33.33334, 0, 66.66667, 47.9]], [1], [0.123456]),
    "empty": ([], [], []),
}
SIZES = {"a": (48, 64), "two words": (100, 199), "empty": (50, 50)}


def image_at(path: Path, size: tuple[int, int], seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (*size, 3)).astype(np.uint8)
    assert cv2.imwrite(str(path), pixels)
    return path


@pytest.fixture
def images(tmp_path):
    return [
        PreLabelled(
            image_at(tmp_path / "photos" / f"{name}.jpg", SIZES[name], seed),
            SIZES[name],
            np.array(boxes, np.float32).reshape(-1, 4),
            np.array(labels, np.int64),
            np.array(scores, np.float32),
        )
        for seed, (name, (boxes, labels, scores)) in enumerate(BOXES.items())
    ]


def accept(folder: Path) -> Path:
    """The file that Label Studio exports once each prediction was submitted unchanged, beside the tasks."""
    tasks = json.loads((folder / "tasks.json").read_text())
    for number, task in enumerate(tasks, start=1):
        results = [{**one, "origin": "prediction"} for one in task["predictions"][0]["result"]]
        task |= {"id": number, "annotations": [{"id": number, "was_cancelled": False, "result": results}]}
    export = folder / "train.json"
    export.write_text(json.dumps(tasks))
    return export


@pytest.mark.parametrize("kind", FORMATS)
def test_a_build_reads_back_the_same_boxes(tmp_path, monkeypatch, images, kind):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    write_prelabels(tmp_path / kind, kind, images, CLASSES)
    shutil.rmtree(tmp_path / "photos")  # the folder needs no other file
    source = accept(tmp_path / kind) if kind == "label-studio" else tmp_path / kind
    build([source], "back", classes=() if kind in ("cvat", "yolo") else CLASSES)
    assert dataset_splits("back") == ["train"]
    store = open_store("back/train")
    assert store.meta.classes == CLASSES
    found = {record.id: record for record in store}
    assert found.keys() == BOXES.keys()
    for name, (boxes, labels, _) in BOXES.items():
        np.testing.assert_allclose(found[name].objects.boxes, np.reshape(boxes, (-1, 4)), atol=6e-4)
        assert found[name].objects.labels.tolist() == labels
        assert (found[name].height, found[name].width) == SIZES[name]


def test_label_studio_gets_predictions_that_no_build_takes_for_annotations(tmp_path, monkeypatch, images):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    write_prelabels(tmp_path / "out", "label-studio", images, CLASSES, model="bccd.onnx")
    tasks = json.loads((tmp_path / "out/tasks.json").read_text())
    (prediction,) = tasks[0]["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("bccd.onnx", 0.65)
    assert prediction["result"][1]["score"] == 0.4
    # 1.25 of 64 pixels from the left, 2.75 of 48 from the top, 29.15 wide and 17.85 high
    value = prediction["result"][1]["value"]
    sides = [value[side] for side in ("x", "y", "width", "height")]
    np.testing.assert_allclose(sides, [1.953125, 5.7291667, 45.546875, 37.1875], atol=1e-5)
    assert value["rectanglelabels"] == ["ant hill"]
    assert "score" not in tasks[2]["predictions"][0]
    with pytest.raises(BadInput, match="no task is annotated \\(3 of 3 have predictions only\\)"):
        build([tmp_path / "out"], "back")


def test_label_studios_interface_fits_the_tasks(tmp_path, images):
    write_prelabels(tmp_path / "out", "label-studio", images, CLASSES)
    view = etree.parse(tmp_path / "out/labelling.xml").getroot()
    tasks = json.loads((tmp_path / "out/tasks.json").read_text())
    result = tasks[0]["predictions"][0]["result"][0]
    assert view.find("RectangleLabels").get("name") == result["from_name"]
    assert view.find("RectangleLabels").get("toName") == view.find("Image").get("name") == result["to_name"]
    assert view.find("Image").get("value") == "$" + next(iter(tasks[0]["data"]))
    assert [label.get("value") for label in view.iter("Label")] == list(CLASSES)
    address = tasks[1]["data"]["image"]
    assert " " not in address
    assert (tmp_path / "out" / unquote(address.partition("?d=")[2])).is_file()


@pytest.mark.parametrize("kind", FORMATS)
def test_images_of_one_name_get_a_number(tmp_path, kind):
    boxes, labels = np.array([[1, 2, 3, 4]], np.float32), np.array([0])
    paths = [image_at(tmp_path / name, (8, 8), seed) for seed, name in enumerate(("1/a.jpg", "2/A.png", "3/a-2.jpg"))]
    images = [PreLabelled(path, (8, 8), boxes, labels) for path in paths]
    placed = write_prelabels(tmp_path / "out", kind, images, ("ant",))
    stems = [Path(placed[path]).stem for path in paths]
    assert len({stem.casefold() for stem in stems}) == 3
    assert stems[0] == "a"
    for path in paths:
        assert (tmp_path / "out" / placed[path]).read_bytes() == path.read_bytes()


def test_detections_become_prelabels(tmp_path):
    found = Detections(np.ones((1, 4), np.float32), np.array([0.5]), np.array([1]), CLASSES, (30, 40))
    image = PreLabelled.of(tmp_path / "a.jpg", found)
    assert (image.image, image.image_size, image.scores.tolist()) == (tmp_path / "a.jpg", (30, 40), [0.5])


def test_a_corrected_folder_is_kept(tmp_path, images):
    write_prelabels(tmp_path / "out", "labelme", images, CLASSES)
    (tmp_path / "out/train/a.json").write_text("corrected by a person")
    with pytest.raises(BadInput, match="was changed since Multibox wrote it"):
        write_prelabels(tmp_path / "out", "labelme", images, CLASSES)
    assert (tmp_path / "out/train/a.json").read_text() == "corrected by a person"


def test_bad_input_is_refused_and_nothing_is_written(tmp_path, images):
    with pytest.raises(BadInput, match="kind: 'coco' is unknown; choose among label-studio, cvat, labelme, yolo"):
        write_prelabels(tmp_path / "out", "coco", images, CLASSES)
    lost = [*images, PreLabelled(tmp_path / "lost.jpg", (1, 1), np.zeros((0, 4)), np.zeros(0, np.int64))]
    with pytest.raises(BadInput, match=r"lost\.jpg: cannot be read: No such file"):
        write_prelabels(tmp_path / "out", "cvat", lost, CLASSES)
    with pytest.raises(BadInput, match="control characters"):
        write_prelabels(tmp_path / "out", "cvat", images, ("a\x01",))
    assert not (tmp_path / "out").exists()
