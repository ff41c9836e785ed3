"""Small networks with numbers that look like a trained one's, and what a format is made of them."""

import numpy as np
import pytest

from multibox.config_file import load_config
from multibox.export.images import prepared
from multibox.models.maps import feature_maps
from multibox.models.schema import Schema

PRESETS = {
    "ssdlite-efficientnet": ("ssdlite-efficientnet", []),
    "ssd300-vgg16": ("ssd300-vgg16-voc07", []),
    "fpn-efficientnet": ("ssdlite-efficientnet", ["network.neck=fpn"]),
    "ssdlite-mobilenet_v2": ("ssdlite-efficientnet", ["network.trunk=mobilenet_v2"]),
    "ssdlite-mobilenet_v3": ("ssdlite-efficientnet", ["network.trunk=mobilenet_v3_large"]),
    "ssd300-resnet50": ("ssd300-resnet50-voc0712", []),
}
"""Preset and changes of each network, by its name in the tests."""
CLASSES = ("red", "green", "blue")


class Original:
    """A network of a preset at 128 pixels: random weights, logits of deviation 2, deltas of deviation 1/2."""

    def __init__(self, name: str):
        from multibox.models.ssd import build
        from multibox.runtimes import KerasRuntime

        preset, changes = PRESETS[name]
        config = load_config(preset, ["network.size=[128,128]", *changes])
        maps = feature_maps(config.network)
        self.schema = Schema(network=config.network, maps=maps, classes=CLASSES, priors=config.priors)
        self.network = build(config.network, len(CLASSES), config.priors)
        self.images = prepared(self.schema, None, 4)
        self.runtime = KerasRuntime(self.network, self.schema)
        _randomize(self.network)
        outputs = self.runtime.run(self.images)
        _scale(self.network, "_head_classes", 2 / outputs["classes"].std())
        _scale(self.network, "_head_boxes", 0.5 / outputs["boxes"].std())


def _randomize(network):
    """He's start for every kernel: Keras' own lets the numbers of a deep network without training die out."""
    rng = np.random.default_rng(0)
    for layer in network.layers:
        if hasattr(layer, "kernel"):
            shape = layer.kernel.shape
            inputs = np.prod(shape[:2] if layer.name.endswith("_dwconv") else shape[:3])
            layer.kernel.assign(rng.normal(0, np.sqrt(2 / inputs), shape).astype(np.float32))


def _scale(network, head, factor):
    for layer in network.layers:
        if layer.name.endswith(head):
            layer.kernel.assign(layer.kernel * factor)


@pytest.fixture(scope="session")
def original(request) -> Original:
    """The network that a test names, with ``indirect``."""
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the export needs Keras on TensorFlow")
    return Original(request.param)
