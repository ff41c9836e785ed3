"""Write a light network with fresh weights as ONNX: something for the base install to run."""

import sys

from multibox.config import Network, Priors
from multibox.export import export_onnx
from multibox.models.file import save_model
from multibox.models.maps import feature_maps
from multibox.models.schema import Schema
from multibox.models.ssd import build

network = Network(size=(128, 128))
classes = ("bucket", "fish", "flower", "gear", "key", "leaf", "mug", "star")
schema = Schema(network=network, maps=feature_maps(network), classes=classes, priors=Priors())
keras_file = sys.argv[1].replace(".onnx", ".keras")
save_model(build(network, len(classes), Priors()), schema, keras_file)
export_onnx(keras_file, sys.argv[1])
