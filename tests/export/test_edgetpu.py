"""The light presets on the Edge TPU: every layer of each is one that it computes."""

import pytest

pytest.importorskip("ai_edge_litert")
pytest.importorskip("keras")

import keras

from multibox.config_file import load_config, presets
from multibox.export.edgetpu import INTEGERS, find_fallbacks
from multibox.export.images import prepared
from multibox.export.litert import write_ssd_layout
from multibox.export.litert_graph import LiteRtGraph
from multibox.export.ssd_layout import in_ssd_layout
from multibox.models.maps import feature_maps
from multibox.models.schema import Schema
from multibox.models.ssd import build

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the export needs Keras on TensorFlow"),
]


@pytest.mark.parametrize("preset", [name for name in presets() if name.startswith("ssdlite")])
def test_the_edge_tpu_computes_every_layer_of_a_light_preset(preset, tmp_path):
    config = load_config(preset)
    maps, classes = feature_maps(config.network), ("a", "b", "c")
    schema = in_ssd_layout(Schema(network=config.network, maps=maps, classes=classes, priors=config.priors))
    network, path = build(config.network, len(classes), config.priors), tmp_path / "model.tflite"
    write_ssd_layout(network, schema, path, precision="int8", images=prepared(schema, None, 2))
    assert find_fallbacks(path) == []

    graph = LiteRtGraph(path.read_bytes())
    body = [op for op in graph.operators if graph.kind(op) in ("CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "CONCATENATION")]
    assert len(body) > 60
    assert {graph.type(tensor) for op in body for tensor in graph.outputs(op)} <= set(INTEGERS)
