"""Boxes whose IoU is exactly the limit stay, whoever runs NMS."""

import numpy as np
import pytest

from colored import make_schema
from multibox.boxes import iou
from multibox.config import Detect, Network, Priors
from multibox.detect.detector import Detector
from multibox.detect.load import load
from multibox.export import FORMATS
from multibox.export.write import Plan, write
from multibox.priors import FeatureMap
from multibox.runtimes import KerasRuntime, open_runtime

keras = pytest.importorskip("keras")

SIDE = 32
SHIFT = 8
LIMIT = (SIDE - SHIFT) / (SIDE + SHIFT)
"""IoU of two neighbouring priors, 0.6: none of the numbers that it is computed from is rounded."""


def schema_of(nms_iou):
    """One map of squares that lie a quarter of their side apart."""
    maps = (FeatureMap("a", 128 // SHIFT, 128 // SHIFT, SHIFT, SHIFT),)
    priors = Priors(sizes=(SIDE, SIDE), at=128, ratios=((),))
    detect = Detect(nms_iou=nms_iou, per_image=400)
    return make_schema(network=Network(size=(128, 128)), maps=maps, priors=priors, detect=detect)


@pytest.fixture(scope="module")
def network():
    """A network whose boxes are the priors, with scores by the image."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("LiteRT needs Keras on TensorFlow")
    keras.utils.set_random_seed(0)
    cells = len(schema_of(LIMIT).make_priors()) // (128 // SHIFT) ** 2
    image = keras.Input((128, 128, 3), dtype="uint8", name="image")
    x = keras.layers.Rescaling(1 / 128, -1.0, name="normalize")(image)
    heads = {
        name: keras.layers.Conv2D(size * cells, SHIFT, SHIFT, kernel_initializer=start, name=f"{name}_head")(x)
        for name, size, start in (("classes", 4, "he_normal"), ("boxes", 4, "zeros"))
    }
    flat = {name: keras.layers.Reshape((-1, 4), name=f"{name}_flat")(x) for name, x in heads.items()}
    return keras.Model(image, {name: keras.layers.Concatenate(axis=1, name=name)([x]) for name, x in flat.items()})


KINDS = ("onnx", "saved-model", "litert", "openvino")
EDGES = [("onnx", 0.0), ("onnx", 1.0), ("saved-model", 0.0), ("litert", 0.0), ("openvino", 0.0), ("openvino", 1.0)]


@pytest.mark.parametrize(
    ("kind", "nms_iou"),
    [*((kind, LIMIT) for kind in KINDS), *(pytest.param(*e, marks=pytest.mark.slow) for e in EDGES)],
)
def test_a_file_keeps_the_boxes_that_predict_keeps(network, kind, nms_iou, tmp_path):
    if kind == "litert":
        pytest.importorskip("ai_edge_litert")
    pytest.importorskip("openvino" if kind == "openvino" else "onnx")
    schema = schema_of(nms_iou)
    images = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), np.uint8)
    path = tmp_path / f"model{FORMATS[kind].suffix}"
    write(network, schema, path, Plan(kind, nms=True), images)
    expected = Detector(KerasRuntime(network, schema))(list(images), score=schema.detect.score)
    assert_same(expected, load(path)(list(images), score=schema.detect.score))
    if nms_iou == LIMIT:
        assert any(at_limit(found) for found in expected)
    if kind == "onnx":
        pytest.importorskip("openvino")
        found = Detector(open_runtime(path, runtime="openvino"))(list(images), score=schema.detect.score)
        assert_same(expected, found)


def assert_same(expected, given):
    for wanted, got in zip(expected, given, strict=True):
        assert len(wanted) > 10
        np.testing.assert_allclose(got.scores, wanted.scores, atol=1e-5)
        np.testing.assert_array_equal(got.labels, wanted.labels)
        np.testing.assert_allclose(got.boxes, wanted.boxes, atol=1e-3)


def at_limit(found):
    """Whether there are two boxes of one class whose IoU is exactly the limit."""
    pairs = iou(found.boxes / 128, found.boxes / 128) == np.float32(LIMIT)
    return (pairs & (found.labels[:, None] == found.labels)).any()
