"""A box whose overlap with a better one equals the limit stays, also where a runtime's own NMS removes it."""

import numpy as np
import pytest

from multibox.config import Detect, Network, Priors
from multibox.models.maps import feature_maps
from multibox.models.schema import Schema

BOXES = np.array([[0, 0, 1, 1], [0, 0, 1, 0.5]], np.float32)
"""Two boxes with an IoU of 1/2, without a rounding."""
SCORES = np.array([0.75, 0.5], np.float32)


@pytest.fixture(params=[(0.5, 2), (0.49, 1)], ids=["the limit", "more than the limit"])
def case(request):
    """A schema with a limit for NMS, and how many of the two boxes stay."""
    limit, stay = request.param
    detect = Detect(nms_iou=limit, score=0.1, per_class=2, per_image=2)
    network = Network()
    maps = feature_maps(network)
    return Schema(network=network, maps=maps, classes=("square",), priors=Priors(), detect=detect), stay


def test_in_openvinos_format(case, tmp_path):
    onnx, _ = pytest.importorskip("onnx"), pytest.importorskip("openvino")
    from multibox.export.openvino import write_openvino
    from multibox.runtimes.openvino import import_openvino

    schema, stay = case
    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["": 17]>
        two (float[1, 2, 4] boxes, float[1, 1, 2] scores) => (int64[n, 3] kept)
        <int64[1] most = {2}, float[1] nms_iou = {0}, float[1] score = {0.1}>
        { kept = NonMaxSuppression(boxes, scores, most, nms_iou, score) }""")
    limit = next(constant for constant in model.graph.initializer if constant.name == "nms_iou")
    limit.CopyFrom(onnx.numpy_helper.from_array(np.float32([schema.detect.nms_iou]), "nms_iou"))
    write_openvino(model, schema, tmp_path / "model.xml")
    kept = import_openvino().compile_model(tmp_path / "model.xml", "CPU")([BOXES[None], SCORES[None, None]])[0]
    assert len(kept) == stay


def test_in_litert(case):
    tensorflow, interpreter = pytest.importorskip("tensorflow"), pytest.importorskip("ai_edge_litert.interpreter")
    from multibox.export.tensorflow_graph import choose_by_class

    schema, stay = case
    specs = [tensorflow.TensorSpec(shape, "float32") for shape in ((1, 1, 2), (1, 1, 2, 4))]
    traced = tensorflow.function(lambda scores, boxes: choose_by_class(scores, boxes, 2, schema)["count"], specs)
    content = tensorflow.lite.TFLiteConverter.from_concrete_functions([traced.get_concrete_function()]).convert()
    run = interpreter.Interpreter(model_content=content)
    run.allocate_tensors()
    for given in run.get_input_details():
        run.set_tensor(given["index"], SCORES[None, None] if len(given["shape"]) == 3 else BOXES[None, None])
    run.invoke()
    assert run.get_tensor(run.get_output_details()[0]["index"]).tolist() == [stay]
