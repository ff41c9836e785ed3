"""The options of ``multibox predict`` that choose detections and hide objects, from the command to the files."""

import json
import struct

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from colored import ColorRuntime, make_schema, paint
from multibox.cli import main
from multibox.predict.redact import MARGIN
from secrets_in_images import CODE, qr_code, read_qr_code

X0, Y0, SIDE = 90, 120, 200


def secret_image():
    """A QR code on green, and a blue object beside it."""
    image = paint((400, 500), {"blue": (400, 20, 460, 90)})
    image[Y0 : Y0 + SIDE, X0 : X0 + SIDE] = qr_code(SIDE)
    return image


def with_thumbnail(image):
    """EXIF data that hold a small JPEG of the image."""
    small = cv2.imencode(".jpg", image[::2, ::2, ::-1])[1].tobytes()
    first = struct.pack("<HHHII", 1, 0x0131, 2, 4, 0x616263) + struct.pack("<I", 26)
    entries = ((0x0103, 3, 1, 6), (0x0201, 4, 1, 68), (0x0202, 4, 1, len(small)))
    second = struct.pack("<H", 3) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + struct.pack("<I", 0)
    return b"Exif\0\0II*\0\x08\0\0\0" + first + second + small, small


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("multibox.detect.load.open_runtime", lambda *_: ColorRuntime(make_schema()))
    cv2.imwrite("a.png", secret_image()[..., ::-1])
    return tmp_path


def call(*arguments):
    return CliRunner().invoke(main, ["predict", "model.keras", *arguments])


def read(path):
    return cv2.imread(str(path))[..., ::-1]


def code_in(image):
    return read_qr_code(image[Y0 : Y0 + SIDE, X0 : X0 + SIDE]) or read_qr_code(image)


def names_in(result):
    return sorted(one["name"] for one in json.loads(result.stdout)[0]["detections"])


def test_classes_and_regions():
    assert names_in(call("a.png", "--json")) == ["blue", "green"]
    assert names_in(call("a.png", "--json", "--classes", "blue, red")) == ["blue"]
    left = ("--region", "0,0,0.5,0,0.5,1,0,1")
    assert names_in(call("a.png", "--json", *left)) == ["green"]
    assert names_in(call("a.png", "--json", *left, "--region", "390,0,500,0,500,100,390,100")) == ["blue", "green"]
    assert names_in(call("a.png", "--json", *left, "--classes", "blue")) == []


def test_a_region_is_drawn(folder):
    plain = call("a.png", "--out", "plain", "--score", "0.999")
    drawn = call("a.png", "--out", "drawn", "--score", "0.999", "--region", "20,30,480,30,480,380")
    assert (plain.exit_code, drawn.exit_code) == (0, 0)
    changed = (read("plain/a.png") != read("drawn/a.png")).any(axis=2)
    assert changed[30, 100]
    assert changed.sum(axis=0)[100] <= 16  # two thin lines


@pytest.mark.parametrize("option", ["--blur", "--pixelate"])
def test_nothing_that_is_written_shows_a_hidden_object(folder, option):
    assert code_in(read("a.png")) == CODE
    saved = ("--save", "pictures", "--save", "crops", "--save", "json")
    result = call("a.png", *saved, option, "green")
    assert result.exit_code == 0, result.output
    assert code_in(read("detections/a.png")) == ""
    assert read_qr_code(read("detections/crops/green/a-000.png")) == ""
    rows = json.loads((folder / "detections/detections.json").read_text())
    assert sorted(one["name"] for one in rows[0]["detections"]) == ["blue", "green"]
    assert result.stdout.splitlines()[-1] == (
        "1 object was made unrecognisable; a detector misses some, so look through the outputs before you share them"
    )


def test_pixels_elsewhere_are_those_of_a_run_that_hides_nothing():
    call("a.png", "--out", "seen")
    call("a.png", "--out", "hidden", "--blur", "green")
    changed = (read("seen/a.png") != read("hidden/a.png")).any(axis=2)
    margin = round(SIDE * MARGIN) + 4
    changed[Y0 - margin : Y0 + SIDE + margin, X0 - margin : X0 + SIDE + margin] = False
    assert not changed.any()


def test_a_crop_of_another_object_shows_no_hidden_one(folder):
    image = secret_image()
    image[Y0 - 40 : Y0 + SIDE + 40, X0 - 50 : X0 - 30] = (0, 0, 255)
    image[Y0 - 40 : Y0 + SIDE + 40, X0 + SIDE + 30 : X0 + SIDE + 50] = (0, 0, 255)
    image[20:90, 400:460] = 90
    cv2.imwrite("a.png", image[..., ::-1])
    assert call("a.png", "--save", "crops", "--pixelate", "green").exit_code == 0
    (path,) = (folder / "detections/crops/blue").glob("*.png")
    crop = read(path)
    assert crop.shape[1] > SIDE
    assert read_qr_code(crop) == ""


def test_what_is_filtered_out_is_hidden_all_the_same():
    call("a.png", "--blur", "green", "--classes", "blue", "--region", "390,0,500,0,500,100,390,100")
    assert code_in(read("detections/a.png")) == ""


def test_a_video(folder):
    writer = cv2.VideoWriter("film.mp4", cv2.VideoWriter.fourcc(*"mp4v"), 10, (500, 400))
    for _ in range(3):
        writer.write(secret_image()[..., ::-1].copy())
    writer.release()
    assert code_in(cv2.VideoCapture("film.mp4").read()[1]) == CODE
    result = call("film.mp4", "--save", "video", "--save", "crops", "--blur", "all")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1].startswith("6 objects were made unrecognisable;")
    capture = cv2.VideoCapture("detections/film.mp4")
    frames = [image for _, image in iter(capture.read, (False, None))]
    assert [code_in(frame) for frame in frames] == [""] * 3
    assert {path.stem[:11] for path in (folder / "detections/crops/green").glob("*.png")} == {
        f"film-00000{number}" for number in range(3)
    }


def test_no_thumbnail_of_the_source_is_written(folder):
    exif, small = with_thumbnail(secret_image())
    Image.fromarray(secret_image()).save("photo.jpg", quality=95, exif=exif)
    assert small in (folder / "photo.jpg").read_bytes()
    assert read_qr_code(cv2.imdecode(np.frombuffer(small, np.uint8), 1)) == CODE
    assert call("photo.jpg", "--blur", "green", "--save", "pictures", "--save", "crops").exit_code == 0
    for path in (folder / "detections").rglob("*.png"):
        written = path.read_bytes()
        assert small[2:200] not in written
        assert b"eXIf" not in written
        assert not Image.open(path).getexif()


def test_an_unreadable_image_is_not_written(folder):
    (folder / "broken.png").write_bytes(b"no image")
    result = call("a.png", "broken.png", "--blur", "green")
    assert result.exit_code == 1
    assert {path.name for path in (folder / "detections").glob("*.png")} == {"a.png"}


def test_json_on_standard_output_stays_json():
    result = call("a.png", "--json", "--blur", "green")
    assert len(json.loads(result.stdout)) == 1
    assert result.stderr.startswith("1 object was made unrecognisable; ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--classes", "greeen"), "--classes: 'greeen' is not a class of the model; did you mean green?"),
        (("--classes", "dog"), "--classes: 'dog' is not a class of the model; it has red, green, blue"),
        (("--classes", ","), "--classes: names no class; write names separated by commas, or leave it out"),
        (("--region", "1,2,3"), "--region: '1,2,3' has 3 numbers; write x and y of each corner, at least 6 numbers"),
        (("--blur", "dog"), "--blur: 'dog' is not a class of the model; it has red, green, blue"),
        (("--blur", ""), "--blur: names no class; write names separated by commas, or leave it out"),
        (
            ("--blur", "all", "--pixelate", "red"),
            "--pixelate: red is blurred already; name each class for one of the two",
        ),
        (
            ("--blur", "red", "--save", "csv"),
            "--blur: no output holds pixels; leave it out, or add --save pictures, video or crops",
        ),
        (
            ("--pixelate", "red", "--save", "json"),
            "--pixelate: no output holds pixels; leave it out, or add --save pictures, video or crops",
        ),
        (
            ("--engine", "ray", "--classes", "red"),
            "--classes: does not work with --engine ray, which writes all detections; leave it out",
        ),
        (
            ("--engine", "ray", "--region", "0,0,1,0,1,1"),
            "--region: does not work with --engine ray, which writes all detections; leave it out",
        ),
        (
            ("--engine", "ray", "--blur", "red"),
            "--blur: does not work with --engine ray, which writes no images; leave it out",
        ),
        (
            ("--engine", "ray", "--pixelate", "red"),
            "--pixelate: does not work with --engine ray, which writes no images; leave it out",
        ),
    ],
)
def test_refusals(folder, options, message):
    result = call("a.png", *options)
    assert (result.exit_code, result.stderr) == (2, f"multibox: {message}\n")
    assert not (folder / "detections").exists()
