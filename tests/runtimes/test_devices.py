"""Devices that share each batch find what one does."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from multibox.config import Network, Priors
from multibox.detect.load import load
from multibox.errors import BadInput
from multibox.models.file import save_model
from multibox.models.maps import feature_maps
from multibox.models.schema import Schema
from multibox.models.ssd import build

SCRIPT = """
import json, sys
import numpy as np
from multibox.detect.load import load
from multibox.evaluation.evaluate import evaluate
model, data = sys.argv[1:]
detector = load(model, devices=2)
images = np.random.default_rng(0).integers(0, 255, (3, 128, 128, 3)).astype(np.uint8)
np.savez("outputs.npz", **detector.runtime.run(images))
print(json.dumps(evaluate(detector, data, batch=1).to_json()))
"""


@pytest.fixture
def model(tmp_path):
    """Of fresh weights: what it finds has no meaning, but is there."""
    network = Network(trunk="mobilenet_v2", layout="ssdlite", size=(128, 128), weights="none", batch_norm="trained")
    schema = Schema(network=network, maps=feature_maps(network), classes=("ball", "crate"), priors=Priors())
    save_model(build(network, 2, Priors()), schema, tmp_path / "model.keras")
    return tmp_path / "model.keras"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_devices_find_what_one_does(backend, model, store_root, tmp_path):
    """Three images, which two devices cannot share, and a store of four, two at once."""
    pytest.importorskip(backend)
    from multibox.evaluation.evaluate import evaluate

    environment = {**os.environ, "KERAS_BACKEND": backend}
    command = [sys.executable, "-c", SCRIPT, str(model), "tiny/train"]
    out = subprocess.run(command, env=environment, cwd=tmp_path, check=True, stdout=subprocess.PIPE, text=True).stdout
    two = json.loads(out.splitlines()[-1])
    detector = load(model)
    images = np.random.default_rng(0).integers(0, 255, (3, 128, 128, 3)).astype(np.uint8)
    given = dict(np.load(tmp_path / "outputs.npz"))
    expected = detector.runtime.run(images)
    assert given.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(given[name], values, rtol=0, atol=1e-4)
    figures = evaluate(detector, "tiny/train").to_json()
    assert figures["detections"] > 0
    assert two | {"seconds": 0} == figures | {"seconds": 0}


def test_onnx_has_no_devices(tmp_path):
    (tmp_path / "model.onnx").touch()
    with pytest.raises(BadInput, match=r"^devices: ONNX Runtime chooses its devices itself"):
        load(tmp_path / "model.onnx", devices=2)
