"""``/v1/model`` and ``/v1/detect`` say what the detector says."""

import base64

import numpy as np
import pytest

from colored import ColorRuntime, make_schema
from multibox.detect.detector import Detector
from multibox.detect.load import load
from multibox.serve.settings import Settings
from served import as_file, assert_refused, client_of, encode, painted
from tiny_onnx import write_tiny_onnx


def found_by(detector, image, **options):
    found = detector(image, **options)
    rows = zip(found.labels.tolist(), found.names, found.scores.tolist(), found.boxes.tolist(), strict=True)
    return [{"label": label, "name": name, "score": score, "box": box} for label, name, score, box in rows]


def test_a_form_with_two_pictures(colors, picture):
    answer = colors.post("/v1/detect", files=[as_file(picture, "one.png"), as_file(picture, "../two.png")])
    assert answer.status_code == 200
    said = answer.json()
    assert said["model"] == "colors"
    assert [result["name"] for result in said["results"]] == ["one.png", "../two.png"]
    expected = found_by(Detector(ColorRuntime()), painted())
    assert sorted(one["name"] for one in expected) == ["blue", "red"]
    for result in said["results"]:
        assert (result["width"], result["height"]) == (400, 300)
        assert result["detections"] == expected
    assert set(said["timings_ms"]) == {"decode", "queue", "network", "total"}
    assert said["timings_ms"]["total"] >= said["timings_ms"]["network"] >= 0


def test_json_with_base64_and_data_urls(colors, picture):
    text = base64.b64encode(picture).decode()
    images = [{"data": text, "name": "x"}, {"data": "data:image/png;base64," + text}]
    said = colors.post("/v1/detect", json={"images": images, "score": 0.5}).json()
    assert [result["name"] for result in said["results"]] == ["x", "image 1"]
    expected = found_by(Detector(ColorRuntime()), painted(), score=0.5)
    assert [result["detections"] for result in said["results"]] == [expected] * 2


def test_score_and_overlap_are_the_requests(tmp_path, picture):
    path = write_tiny_onnx(tmp_path / "tiny.onnx")
    detector = load(path)
    with client_of(Settings(), detector.runtime) as client:
        for options in ({"score": 0.05}, {"score": 0.3, "nms_iou": 0.1}, {"score": 1}):
            said = client.post("/v1/detect", files=[as_file(picture)], data=options).json()
            assert said["results"][0]["detections"] == found_by(detector, painted(), **options)
        assert len(found_by(detector, painted(), score=0.05)) > 5  # else this would show nothing


def test_nothing_to_find(colors):
    grey = encode(np.full((20, 30, 3), 90, np.uint8), ".jpg")
    assert colors.post("/v1/detect", files=[as_file(grey)]).json()["results"][0]["detections"] == []


def test_tiles(picture):
    with client_of(tiles="1x2") as client:
        said = client.post("/v1/detect", files=[as_file(picture)]).json()
    assert said["results"][0]["detections"] == found_by(Detector(ColorRuntime(), tiles="1x2"), painted())


def test_a_file_that_suppresses_by_itself(tmp_path, picture):
    onnx = pytest.importorskip("onnx")
    from multibox.export.onnx_detections import add_detections

    plain = write_tiny_onnx(tmp_path / "tiny.onnx")
    onnx.save(add_detections(onnx.load(plain), load(plain).schema), tmp_path / "tiny-nms.onnx")
    detector = load(tmp_path / "tiny-nms.onnx")
    with client_of(detector=detector) as client:
        said = client.post("/v1/detect", files=[as_file(picture)], data={"score": 0.1}).json()
        expected = found_by(detector, painted(), score=0.1)
        assert len(expected) > 2
        assert said["results"][0]["detections"] == expected
        for options in ({"nms_iou": 0.1}, {"score": 0.001}):
            assert_refused(client.post("/v1/detect", files=[as_file(picture)], data=options), 400, "bad-input")


@pytest.mark.parametrize("field", ["score", "nms_iou"])
@pytest.mark.parametrize("value", ["x", "nan", "2", "-1"])
def test_numbers_that_do_not_fit(colors, picture, field, value):
    answer = colors.post("/v1/detect", files=[as_file(picture)], data={field: value})
    assert 400 <= answer.status_code < 500
    assert field in answer.json()["error"]["message"]


def test_requests_without_pictures(colors, picture):
    assert_refused(colors.post("/v1/detect", files=[("other", ("a", picture, "image/png"))]), 422, "no-images")
    assert_refused(colors.post("/v1/detect", json={"images": []}), 422, "no-images")
    assert_refused(colors.post("/v1/detect", json={}), 422, "bad-field")
    assert_refused(colors.post("/v1/detect", content=b"x"), 415, "not-a-form")
    assert_refused(colors.get("/v1/detect"), 405, "method-not-allowed")
    assert_refused(colors.get("/v1/nothing"), 404, "not-found")


def test_what_the_model_is(colors):
    said = colors.get("/v1/model").json()
    schema = make_schema()
    detector = Detector(ColorRuntime())
    assert said["classes"] == ["red", "green", "blue"]
    assert said["size"] == [128, 192]
    assert said["maps"] == [
        {"index": 0, "height": 8, "width": 8, "per_cell": 4, "first": 0},
        {"index": 1, "height": 4, "width": 4, "per_cell": 4, "first": 256},
        {"index": 2, "height": 2, "width": 2, "per_cell": 4, "first": 320},
    ]
    assert said["priors"] == 336 == len(schema.make_priors())
    assert said["thresholds"] == dict(zip(detector.classes, detector.shown.tolist(), strict=True))
    assert said["limits"] == {"bytes": 32 << 20, "pixels": 50_000_000, "images": 16}
    assert (said["name"], said["runtime"], said["datasets"]) == ("colors", "colored", [])


def test_the_first_prior_of_a_map_is_where_its_cells_begin(colors):
    for fmap in colors.get("/v1/model").json()["maps"]:
        x0, y0, x1, y1 = make_schema().make_priors()[fmap["first"]]
        np.testing.assert_allclose([(x0 + x1) / 2 * fmap["width"], (y0 + y1) / 2 * fmap["height"]], 0.5, atol=1e-5)
