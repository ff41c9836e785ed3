"""Odd sizes, one class and many, both activations and letterboxes, in every format that has a runtime of its own."""

import numpy as np
import pytest

from multibox.detect.detector import Detector
from multibox.detect.load import load
from multibox.export import FORMATS
from multibox.export.images import prepared
from multibox.export.write import Plan, write
from multibox.runtimes import KerasRuntime
from same_detections import without_counterpart
from small_ssd import CASES, make_network, make_schema

pytest.importorskip("keras")

PACKAGES = {"onnx": "onnx", "litert": "ai_edge_litert", "openvino": "openvino", "ncnn": "ncnn"}
ROWS = [(kind, nms) for kind in PACKAGES for nms in ((False, True) if FORMATS[kind].nms else (False,))]


@pytest.fixture(scope="module", params=CASES)
def small(request):
    size, classes, changes = CASES[request.param]
    schema = make_schema(size, classes, **changes)
    return make_network(schema), schema


@pytest.mark.parametrize(("kind", "nms"), ROWS)
def test_an_unusual_detector_finds_the_same(small, kind, nms, tmp_path):
    pytest.importorskip(PACKAGES[kind])
    network, schema = small
    path = tmp_path / f"model{FORMATS[kind].suffix}"
    checked = write(network, schema, path, Plan(kind, nms), prepared(schema, None, 4))
    assert checked.difference.is_small
    image = np.random.default_rng(2).integers(0, 256, (90, 200, 3), np.uint8)
    expected, found = Detector(KerasRuntime(network, schema))(image), load(path)(image)
    assert len(expected) > 5
    assert without_counterpart(expected, found) == 0
