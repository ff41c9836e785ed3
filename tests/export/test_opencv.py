"""OpenCV's dnn module runs exported files, as docs/opencv-cpp.md shows it."""

import re
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from multibox.detect.detector import Detector
from multibox.export.onnx_file import make_onnx
from multibox.runtimes import KerasRuntime, OnnxRuntime
from same_detections import without_counterpart

pytest.importorskip("onnx")

WITH_NMS, PRIORS, PLAIN = re.findall(
    r"```python\n(.*?)```", (Path(__file__).parents[2] / "docs" / "opencv-cpp.md").read_text("utf-8"), re.DOTALL
)
NETWORKS = ["ssdlite-efficientnet", pytest.param("ssd300-vgg16", marks=pytest.mark.slow)]


@pytest.fixture(params=["softmax"])
def schema(original, request):
    return original.schema.model_copy(update={"activation": request.param})


@pytest.fixture
def files(original, schema, tmp_path, monkeypatch):
    """A folder with what the documentation has the user write."""
    monkeypatch.chdir(tmp_path)
    for name, nms in (("model.onnx", False), ("model-nms.onnx", True)):
        (tmp_path / name).write_bytes(make_onnx(original.network, schema, nms=nms).SerializeToString())
    Path("model.json").write_text(schema.to_json())
    return tmp_path


@pytest.mark.parametrize("schema", ["softmax", "sigmoid"], indirect=True)
@pytest.mark.parametrize("original", NETWORKS, indirect=True, scope="session")
def test_opencv_finds_in_the_plain_file_what_predict_finds(original, schema, files):
    exec(PRIORS, {})
    documented = {}
    exec(PLAIN, documented)
    detector = Detector(KerasRuntime(original.network, schema))
    photos = [cv2.resize(image, size) for image, size in zip(original.images, ((128, 128), (300, 211)), strict=False)]
    for photo in photos:
        height, width = photo.shape[:2]
        found = documented["detect"](np.ascontiguousarray(photo[..., ::-1]), 0.05)[: schema.detect.per_image]
        labels = np.array([schema.classes.index(name) for _, name, *_ in found])
        scores = np.array([score for score, *_ in found])
        boxes = np.array([(x, y, x + w, y + h) for _, _, x, y, w, h in found])
        given = SimpleNamespace(boxes=boxes.clip(0, (width, height, width, height)), scores=scores, labels=labels)
        expected = detector(photo, score=0.05)
        assert len(expected) > 10
        assert without_counterpart(expected, given) <= 0.01 * (len(expected) + len(found))
    assert documented["detect"](photos[0], 1.0) == []


@pytest.mark.parametrize("original", NETWORKS, indirect=True, scope="session")
def test_opencv_runs_the_file_with_nms_inside(original, files, capsys):
    image = original.images[:1]
    documented = {"image": image}
    capsys.readouterr()
    exec(WITH_NMS, documented)
    expected = OnnxRuntime(files / "model-nms.onnx").run(image)
    count = expected["count"][0]
    assert documented["count"][0] == count > 10
    assert len(capsys.readouterr().out.splitlines()) == count
    sides = [
        SimpleNamespace(**{name: np.asarray(side[name])[0, :count] for name in ("boxes", "scores", "labels")})
        for side in (expected, documented)
    ]
    assert without_counterpart(*sides) <= 0.01 * 2 * count


@pytest.mark.parametrize("original", NETWORKS[:1], indirect=True, scope="session")
def test_opencvs_older_engine_computes_the_plain_file_right(original, files):
    net = cv2.dnn.readNetFromONNX("model.onnx", engine=cv2.dnn.ENGINE_CLASSIC)
    net.setInput(original.images[:1])
    logits, deltas = net.forward(["classes", "boxes"])
    expected = OnnxRuntime(files / "model.onnx").run(original.images[:1])
    np.testing.assert_allclose(logits, expected["classes"], atol=1e-3)
    np.testing.assert_allclose(deltas, expected["boxes"], atol=1e-3)
    assert original.schema.maps[-1].height == 1, "a map of a single row is the hard case"
