"""Our plain ONNX file, run by OpenCV 4 with the code of docs/opencv-cpp.md."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from multibox.config_file import load_config
from multibox.detect.detector import Detector
from multibox.export.onnx_file import make_onnx
from multibox.models.maps import feature_maps
from multibox.models.schema import Schema
from multibox.runtimes import KerasRuntime
from same_detections import without_counterpart

pytestmark = pytest.mark.outside
DOCS = Path(__file__).parents[2] / "docs" / "opencv-cpp.md"
CLASSES = ("red", "green", "blue")


@pytest.mark.parametrize("size", ["[128,128]", "[128,320]"])
def test_opencv_4_finds_what_predict_finds(outside, note, tmp_path, size):
    from multibox.models.ssd import build

    config = load_config("ssdlite-efficientnet", [f"network.size={size}"])
    maps = feature_maps(config.network)
    schema = Schema(network=config.network, maps=maps, classes=CLASSES, priors=config.priors)
    network = build(config.network, len(CLASSES), config.priors)
    rng = np.random.default_rng(0)
    for variable in network.weights:
        if variable.name in ("kernel", "bias"):
            fan = max(1, np.prod(variable.shape[:-1]))
            variable.assign(rng.normal(0, np.sqrt(2 / fan), variable.shape).astype(np.float32))
    (tmp_path / "model.onnx").write_bytes(make_onnx(network, schema).SerializeToString())
    (tmp_path / "model.json").write_text(schema.to_json())
    np.save(tmp_path / "priors.npy", schema.make_priors())
    photo = rng.integers(0, 256, (200, 300, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "photo.png"), photo[..., ::-1])

    read = outside("opencv-4.14", "run_opencv.py", DOCS, tmp_path)
    found = read["found"][: schema.detect.per_image]
    corners = np.array([(x, y, x + w, y + h) for _, _, x, y, w, h in found]).clip(0, (300, 200, 300, 200))
    labels = np.array([CLASSES.index(name) for _, name, *_ in found])
    given = SimpleNamespace(boxes=corners, scores=np.array([row[0] for row in found]), labels=labels)
    expected = Detector(KerasRuntime(network, schema))(photo, score=0.05)
    assert len(expected) > 10
    lost = without_counterpart(expected, given)
    note("opencv", read["version"], "onnx", f"{len(expected)} detections at {size}", f"{lost} not equal")
    assert lost <= 0.01 * (len(expected) + len(found))
