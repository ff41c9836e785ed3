"""The commands eval, predict, export and info: what they print and how they end. What they do is tested elsewhere."""

import json
import os
from typing import get_args

import cv2
import pytest
from click.testing import CliRunner

from colored import ColorRuntime, make_schema, paint
from multibox.cli import main
from multibox.cli.options import NMS
from multibox.cli.predict import SAVED
from multibox.config import Detect
from multibox.data.record import Record, make_objects
from multibox.data.store_writer import write_store
from multibox.predict.outputs.saving import FORMATS
from videos import damage, write_video


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder with two pictures, a broken one, a store, and detectors that know pure colours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("multibox.detect.load.open_runtime", lambda *_: ColorRuntime(make_schema()))
    image = paint((128, 192), {"red": (20, 20, 100, 90)})[..., ::-1]
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), image)
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    record = Record("1", (tmp_path / "a.png").read_bytes(), 192, 128, make_objects([(20, 20, 100, 90)], [0]))
    write_store("colors", "test", [record], ("red",))
    return tmp_path


def call(*arguments):
    return CliRunner().invoke(main, arguments)


def test_eval_json():
    result = call("eval", "model.keras", "--data", "colors", "--json", "--save-detections", "found.json")
    assert result.exit_code == 0
    values = json.loads(result.stdout)
    assert values["map"] == 1
    assert values["ap"] == {"red": 1}


def test_eval_table(folder):
    result = call("eval", "model.keras", "--data", "colors/test", "--strict", "--save-detections", "found.json")
    assert result.exit_code == 0
    assert "1.000" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("colors/test: mAP 1.000, ")
    assert (folder / "found-devkit" / "comp4_det_test_red.txt").is_file()


def test_eval_says_which_split_it_used(folder):
    result = call("eval", "model.keras", "--data", "colors/")
    assert result.stdout.splitlines()[-1].startswith("colors/test: mAP 1.000, ")


@pytest.fixture
def numbered(folder):
    """Ten images with two objects each, ids from 1, classes numbered from 1, as COCO files have them."""
    records, image = [], (folder / "a.png").read_bytes()
    for i in range(10):
        boxes = [(10 * i + 3, 7 * i + 5, 10 * i + 43, 7 * i + 35), (180 - 9 * i, 3 * i, 190 - 9 * i + i, 3 * i + 40)]
        extra = {"file_name": f"p{i:03d}.jpg"}
        records.append(Record(str(i + 1), image, 200, 150, make_objects(boxes, [i % 3, (i + 1) % 3]), extra=extra))
    write_store("numbered", "test", records, ("cat", "dog", "car"))
    return [
        {"image_id": i + 1, "category_id": int(label) + 1, "bbox": [x, y, x1 - x, y1 - y], "score": 0.9}
        for i, record in enumerate(records)
        for label, (x, y, x1, y1) in zip(record.objects.labels, record.objects.boxes.tolist(), strict=True)
    ]


def test_eval_of_a_file_with_another_numbering(folder, numbered):
    (folder / "in.json").write_text(json.dumps([{**row, "category_id": row["category_id"] - 1} for row in numbered]))
    refused = call("eval", "in.json", "--data", "numbered", "--json")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith("multibox: in.json: category_id seems to be the position of the class in the data")
    assert "; set --category-ids from-0 to read it that way, or --category-ids data to keep" in refused.stderr

    result = call("eval", "in.json", "--data", "numbered", "--category-ids", "from-0", "--json")
    assert (json.loads(result.stdout)["map"], result.stderr) == (1, "")

    kept = call("eval", "in.json", "--data", "numbered", "--category-ids", "data", "--json", "--report", "out")
    assert json.loads(kept.stdout)["map"] < 0.2
    warnings = kept.stderr.splitlines()
    assert warnings[0].endswith("instead of 0.00; to read it that way, set --category-ids from-0")
    assert warnings[1].startswith(
        "warning: in.json: 7 of 20 rows dropped, category_id is not a class of the dataset; for "
    )
    reading = json.loads(kept.stdout)["reading"]
    assert reading == json.loads((folder / "out" / "report.json").read_text())["reading"]
    assert reading["dropped"][0]["count"] == 7
    assert (
        "7 of 20 rows dropped, category_id is not a class of the dataset"
        in (folder / "out" / "report.html").read_text()
    )


def test_eval_of_a_file_with_names_of_files(folder, numbered):
    rows = [{**row, "image_id": f"p{row['image_id'] - 1:03d}"} for row in numbered]
    (folder / "in.json").write_text(json.dumps(rows))
    result = call("eval", "in.json", "--data", "numbered", "--json")
    assert json.loads(result.stdout)["map"] == 1
    assert result.stderr == ("in.json: image_id is read as the name of the image file, as with --image-ids names\n")


def test_eval_reads_the_file_that_it_compares_with_in_the_form_that_is_given(folder):
    row = {"image_id": 1, "category_id": 1, "bbox": [20, 20, 100, 90], "score": 0.9}
    (folder / "other.json").write_text(json.dumps([row]))
    options = ("--data", "colors", "--report", "out", "--boxes", "corners")
    result = call("eval", "model.keras", *options)
    assert result.stderr.startswith("multibox: --boxes: only applies to a file of detections, and none was given")
    assert call("eval", "model.keras", *options, "--compare", "other.json").exit_code == 0
    assert json.loads((folder / "out" / "report.json").read_text())["comparison"]["difference"] == 0


def test_eval_of_no_store():
    result = call("eval", "model.keras", "--data", "nothing")
    assert result.exit_code == 2
    assert result.stderr.startswith("multibox: nothing: no such store")


def test_predict(folder):
    result = call("predict", "model.keras", "a.png", "b.png")
    assert result.exit_code == 0
    assert result.stdout.count("red") == 2
    saved = {path.name for path in (folder / "detections").iterdir()}
    assert saved == {"a.png", "b.png", "detections.json", ".multibox"}


def test_predict_json():
    result = call("predict", "model.keras", "*.png", "--json", "--out", "out", "--score", "0.999")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == [
        {"file": name, "width": 192, "height": 128, "detections": [], "picture": name} for name in ("a.png", "b.png")
    ]


def test_predict_goes_on_after_a_broken_picture(folder):
    result = call("predict", "model.keras", "a.png", "broken.jpg", "b.png")
    assert result.exit_code == 1
    assert result.stderr.startswith("multibox: 1 of 3 images could not be read: broken.jpg: not an image")
    assert (folder / "detections" / "b.png").is_file()


def test_predict_goes_on_after_a_damaged_frame(folder):
    film = damage(write_video(folder / "film.avi"), 5)
    result = call("predict", "model.keras", film.name, "--json")
    assert result.exit_code == 1
    assert result.stderr == "multibox: 1 of 12 frames could not be read: film.avi: frame 5 cannot be decoded\n"
    assert [row["frame"] for row in json.loads(result.stdout) if "error" not in row] == [0, 1, 2, 3, 4, *range(6, 12)]
    assert (folder / "detections" / "film.mp4").is_file()


def test_predict_prints_a_name_that_is_no_text(folder):
    name = os.fsdecode(b"\xff.png")
    (folder / "a.png").rename(folder / name)
    result = call("predict", "model.keras", name)
    assert result.exit_code == 0, result.exception
    assert "udcff.png" in result.stdout


def test_predict_of_nothing_readable(folder):
    result = call("predict", "model.keras", "broken.jpg")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert not (folder / "detections").exists()


def test_predict_of_no_file():
    result = call("predict", "model.keras", "nowhere.jpg")
    assert result.exit_code == 2
    assert result.stderr == "multibox: nowhere.jpg: no such file or folder\n"


@pytest.mark.parametrize("command", [("info", "broken.jpg"), ("info", "no.keras", "--json"), ("export", "no.keras")])
def test_not_a_model(command):
    result = call(*command)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"multibox: {command[1]}: ")
    assert result.stderr.count("\n") == 1


def test_predict_into_the_folder_of_the_pictures(folder):
    before = {name: (folder / name).read_bytes() for name in ("a.png", "b.png")}
    result = call("predict", "model.keras", "a.png", "b.png", "--out", ".")
    assert result.exit_code == 0
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert {"a-2.png", "b-2.png", "detections.json"} < {path.name for path in folder.iterdir()}


def test_predict_saves_what_is_asked_for(folder):
    result = call("predict", "model.keras", ".", "--save", "yolo", "--save", "csv", "--tta", "--tiles", "100")
    assert result.exit_code == 1  # broken.jpg
    assert {path.name for path in (folder / "detections").iterdir()} == {
        "labels",
        "data.yaml",
        "detections.csv",
        ".multibox",
    }
    assert (folder / "detections/detections.csv").read_text().count("red") == 2


def test_predict_takes_the_ids_of_the_data_that_it_is_judged_on(folder):
    record = Record("17", (folder / "a.png").read_bytes(), 192, 128, make_objects([(20, 20, 100, 90)], [0]), "x/a.png")
    write_store("named", "test", [record], ("red",))
    result = call("predict", "model.keras", "a.png", "--save", "coco", "--ids-from", "named/test", "--score", "0.01")
    assert result.exit_code == 0
    assert result.stderr.startswith("ids are taken from named/test; it lacks the detector's classes green, blue")
    judged = call("eval", "detections/coco.json", "--data", "named", "--json")
    assert json.loads(judged.stdout)["map"] == 1


def test_eval_reads_what_predict_wrote_by_the_list_beside_it(folder):
    """Another id of the image and other numbers of the classes: red is 1 in the run and 2 in the data."""
    record = Record("17", (folder / "a.png").read_bytes(), 192, 128, make_objects([(20, 20, 100, 90)], [1]), "x/a.png")
    write_store("named", "test", [record], ("blue", "red"))
    assert call("predict", "model.keras", "a.png", "b.png", "--save", "coco").exit_code == 0
    judged = call("eval", "detections/coco.json", "--data", "named", "--json")
    values = json.loads(judged.stdout)
    assert values["map"] == 1
    assert (values["reading"]["image_ids"], values["reading"]["category_ids"]) == ("listed", "listed")
    assert values["reading"]["dropped"] == [
        {"reason": "image_id is not an image of the dataset", "count": 1, "example": "image_id b in row 1"}
    ]


def test_predict_refuses_an_image_that_the_data_do_not_have():
    result = call("predict", "model.keras", "b.png", "--save", "coco", "--ids-from", "colors/nowhere")
    assert result.exit_code == 2
    result = call("predict", "model.keras", "b.png", "--ids-from", "colors")
    assert result.exit_code == 2
    assert result.stderr == "multibox: --ids-from: applies to COCO results only; leave it out, or set --save coco\n"


def test_predict_from_standard_input(folder):
    result = CliRunner().invoke(main, ["predict", "model.keras", "-", "--json"], input=(folder / "a.png").read_bytes())
    assert [row["picture"] for row in json.loads(result.stdout)] == ["stdin.png"]
    result = CliRunner().invoke(main, ["predict", "model.keras", "-", "--json"], input="a.png\nb.png\n")
    assert [row["file"] for row in json.loads(result.stdout)] == ["a.png", "b.png"]


def test_eval_with_views_and_tiles():
    for options in (["--tta"], ["--tiles", "1x2"], ["--nms", "soft-gaussian"], ["--agnostic", "--nms-iou", "0.6"]):
        result = call("eval", "model.keras", "--data", "colors", "--json", *options)
        assert json.loads(result.stdout)["map"] == 1, options


def test_not_tiles():
    result = call("predict", "model.keras", "a.png", "--tiles", "huge")
    assert result.exit_code == 2
    assert result.stderr.startswith("multibox: --tiles: huge: give a tile's side in pixels")


def test_the_choices_are_what_there_is():
    assert SAVED == FORMATS
    assert get_args(Detect.model_fields["nms"].annotation) == NMS


def test_ctrl_c_ends_the_list(folder, monkeypatch):
    monkeypatch.setattr("multibox.cli.predict.Summary.add", interrupt_after(1))
    result = call("predict", "model.keras", "a.png", "b.png", "--json")
    assert result.exit_code == 130
    assert [row["file"] for row in json.loads(result.stdout)] == ["a.png"]
    assert (folder / "detections" / "detections.json").is_file()


def interrupt_after(count):
    from multibox.cli.predict import Summary

    add = Summary.add

    def interrupted(self, prediction):
        if self.tally.images == count:
            raise KeyboardInterrupt
        add(self, prediction)

    return interrupted
