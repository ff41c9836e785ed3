import os

import cv2
import numpy as np
import pytest

from colored import COLORS, GREY
from multibox.detect.detections import Detections
from multibox.errors import BadInput
from multibox.predict.outputs.crops import CropsOutput
from multibox.predict.outputs.names import Stems, folder_names
from multibox.predict.outputs.saving import open_outputs, save_predictions
from multibox.predict.predict import Prediction
from multibox.predict.sources import Source

IMAGE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)


def crops(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


def save_crops(out, boxes, classes=("cat",), labels=None, number=None):
    source = Source("a.png") if number is None else Source("film.mp4", "video")
    count = len(boxes)
    labels = np.zeros(count, int) if labels is None else np.array(labels)
    found = Detections(np.array(boxes, np.float32), np.ones(count), labels, classes, (60, 80), IMAGE)
    outputs = open_outputs(["crops"], out, classes, [source])
    save_predictions([Prediction(source, found, number=number)], outputs)
    return out / "crops"


def test_each_detection_is_cut_out(save, files, tmp_path):
    save(files, tmp_path, "crops")
    assert crops(tmp_path / "crops") == ["blue/a-2-000.png", "red/a-000.png"]
    crop = cv2.imread(str(tmp_path / "crops/red/a-000.png"))[..., ::-1]
    assert abs(np.array(crop.shape[:2]) - (70, 80)).max() <= 2
    assert {tuple(pixel) for pixel in crop.reshape(-1, 3).tolist()} <= {COLORS["red"], GREY}
    assert (crop == COLORS["red"]).all(axis=2).mean() > 0.95


def test_a_crop_holds_every_pixel_that_its_box_touches(tmp_path):
    folder = save_crops(tmp_path, [(10.2, 5.7, 20.1, 30), (0, 0, 80, 60)])
    for name, expected in (("a-000", IMAGE[5:30, 10:21]), ("a-001", IMAGE)):
        np.testing.assert_array_equal(cv2.imread(str(folder / f"cat/{name}.png"))[..., ::-1], expected)


def test_frames_carry_their_number_and_empty_boxes_are_left_out(tmp_path):
    boxes = [(10, 10, 10.5, 40), (10, 10, 40, 10), (1, 1, 2, 2)]
    assert crops(save_crops(tmp_path, boxes, number=17)) == ["cat/film-000017-002.png"]


def test_names_of_classes_stay_in_the_folder(tmp_path):
    classes = ("../../up", "a/b", "a_b", "Person", "person", "/etc", "..", "", "con")
    folder = save_crops(tmp_path / "out", [(1, 1, 9, 9)] * len(classes), classes, range(len(classes)))
    found = crops(folder)
    assert len(found) == len({name.casefold() for name in found}) == len(classes)
    assert all(name.count("/") == 1 for name in found)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_folder_names_are_safe():
    assert folder_names(["cat", "big dog", "Ölfaß", "雪豹", "v1.2"]) == ["cat", "big dog", "Ölfaß", "雪豹", "v1.2"]
    strange = ["CON", "nul.txt", "com1", ".hidden", "..", "end.", "end ", " start", "a\0b", "a\\b", "c:d", "\udcff", ""]
    names = folder_names([*strange, "x" * 300, "x" * 300 + "y", "雪" * 300, "é", "e\u0301"])
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert name
        assert len(os.fsencode(name)) <= 255
        assert not set(name) & set('<>:"/\\|?*\0')
        assert not name.startswith((".", " "))
        assert not name.endswith((".", " "))
        assert name.split(".")[0].upper() not in {"CON", "NUL", "COM1"}


def test_crops_of_an_earlier_run_are_replaced_and_others_are_not(save, files, tmp_path):
    save(files, tmp_path, "crops")
    save(files[:1], tmp_path, "crops")
    assert crops(tmp_path / "crops") == ["red/a-000.png"]
    mine = tmp_path / "crops/red/mine.png"
    mine.write_bytes(b"mine")
    with pytest.raises(BadInput, match="crops: was changed since Multibox wrote it"):
        save(files, tmp_path, "crops")
    with pytest.raises(BadInput, match=r"red: holds mine\.png, which Multibox did not write"):
        save(files, tmp_path, "crops", replace=True)
    assert mine.read_bytes() == b"mine"


def test_crops_that_were_changed_are_replaced_on_request(save, files, tmp_path):
    save(files, tmp_path, "crops")
    (tmp_path / "crops/red/a-000.png").write_bytes(b"painted over")
    with pytest.raises(BadInput, match="was changed"):
        save(files, tmp_path, "crops")
    save(files, tmp_path, "crops", replace=True)
    assert cv2.imread(str(tmp_path / "crops/red/a-000.png")) is not None


def test_a_folder_of_the_user_is_refused(save, files, tmp_path):
    (tmp_path / "crops").mkdir()
    (tmp_path / "crops/mine.png").write_bytes(b"mine")
    with pytest.raises(BadInput, match="crops: is not empty"):
        save(files, tmp_path, "crops", replace=True)


def test_detections_without_an_image_give_no_crops(tmp_path):
    source = Source("a.png")
    found = Detections(np.array([[1, 1, 9, 9]], np.float32), np.ones(1), np.zeros(1, int), ("cat",), (60, 80))
    output = CropsOutput(tmp_path / "crops", ("cat",), Stems([source]))
    assert output.encode(Prediction(source, found)) == []
    assert output.encode(Prediction(source, error="broken")) == []
