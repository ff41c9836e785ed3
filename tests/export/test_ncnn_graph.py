"""Every kind of layer in the format of ncnn, against Keras: small networks of one layer, and those of all trunks."""

import numpy as np
import pytest

pytest.importorskip("keras")
pytest.importorskip("onnx")
ncnn = pytest.importorskip("ncnn")

from export.one_layer import CASES, NETWORKS, ON_IMAGE, outputs_of, small_network, whole_network  # noqa: E402
from multibox.models.onnx_graph import to_onnx  # noqa: E402
from multibox.runtimes.ncnn_graph import to_ncnn  # noqa: E402

PRIORS = np.random.default_rng(2).random((7, 4)).astype(np.float32)


def outputs_by_ncnn(model, images, folder):
    """Outputs of an ONNX model by ncnn itself, computed in float32."""
    param, weights = to_ncnn(model, PRIORS)
    (folder / "param").write_text(param)
    (folder / "bin").write_bytes(weights)
    network = ncnn.Net()
    network.opt.num_threads = 1
    network.opt.use_fp16_packed = network.opt.use_fp16_storage = network.opt.use_fp16_arithmetic = False
    assert network.load_param(str(folder / "param")) == network.load_model(str(folder / "bin")) == 0
    _, height, width, _ = images.shape
    outputs = {"boxes": [], "classes": [], "priors": []}
    for image in images:
        extractor = network.create_extractor()
        extractor.input("image", ncnn.Mat.from_pixels(image, ncnn.Mat.PixelType.PIXEL_RGB, width, height))
        for name, values in outputs.items():
            values.append(np.array(extractor.extract(name)[1]))
    return {name: np.stack(values) for name, values in outputs.items()}


@pytest.mark.parametrize("case", [*CASES, *ON_IMAGE])
def test_a_layer_computes_the_same_in_ncnn(case, tmp_path):
    model, images = small_network(case)
    given = outputs_by_ncnn(to_onnx(model), images, tmp_path)
    np.testing.assert_array_equal(given["priors"], [PRIORS] * 2)
    for name, values in outputs_of(model, images).items():
        np.testing.assert_allclose(given[name], values, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_computes_the_same_in_ncnn(name, tmp_path):
    model, images = whole_network(name)
    given = outputs_by_ncnn(to_onnx(model), images, tmp_path)
    for key, values in outputs_of(model, images).items():
        np.testing.assert_allclose(given[key], values, atol=1e-5 * np.abs(values).max(), rtol=1e-4)
