"""L2 normalisation, and the layers whose padding decides whether the authors' weights fit, in NumPy."""

import keras
import numpy as np
import pytest

from multibox.config_file import load_config
from multibox.models import vgg16
from multibox.models.maps import feature_maps

to_numpy = keras.ops.convert_to_numpy


def convolve(x, kernel, bias, stride=1, pad=0):
    """A convolution and its ReLU, with ``pad`` zeros on each side: ``(H, W, F)`` to ``(H', W', G)``."""
    side = len(kernel)
    x = np.pad(x, ((pad, pad), (pad, pad), (0, 0)))
    rows, columns = (stride * ((n - side) // stride + 1) for n in x.shape[:2])
    total = bias
    for down, right in np.ndindex(side, side):
        total = total + x[down : down + rows : stride, right : right + columns : stride] @ kernel[down, right]
    return np.maximum(total, 0)


def first_map(preset):
    """Cells of fc7, on which the extra layers stand."""
    return feature_maps(load_config(preset).network)[1]


@pytest.fixture(scope="module", params=["ssd300", "ssd512"])
def extras(request):
    """The extra layers on a narrow fc7, and what each gives for a random one: ``{name: (map, layer)}``."""
    fc7 = first_map(f"{request.param}-vgg16-voc0712")
    x = keras.Input((fc7.height, fc7.width, 8))
    layers = keras.Model(x, list(vgg16.extras(x, request.param, "both").values())).layers[1:]
    noise = np.random.default_rng(0).normal(size=(1, *x.shape[1:])).astype("f4")
    maps = keras.Model(x, [layer.output for layer in layers])(noise)
    return request.param, {layer.name: (to_numpy(each)[0], layer) for layer, each in zip(layers, maps, strict=True)}


def test_padding_of_the_extra_layers(extras):
    """Which of them have a pixel on both sides, and which stride."""
    layout, found = extras
    if layout == "ssd300":
        expected = {"conv6": (10, 2, 1), "conv7": (5, 2, 1), "conv8": (3, 1, 0), "conv9": (1, 1, 0)}
    else:
        expected = {f"conv{i}": (n, 2, 1) for i, n in ((6, 16), (7, 8), (8, 4), (9, 2))} | {"conv10": (1, 1, 1)}
    for name, (cells, stride, pad) in expected.items():
        below, layer = found[f"{name}_1"][0], found[f"{name}_2"][1]
        plain = convolve(below.astype(float), *layer.get_weights(), stride, pad)
        assert plain.shape == (cells, cells, layer.filters)
        assert np.abs(plain).mean() > 1e-3
        np.testing.assert_allclose(found[f"{name}_2"][0], plain, rtol=1e-4, atol=1e-5, err_msg=name)


def test_padding_as_the_seed_has_it():
    """An even map gets its row and column of zeros at the far end alone; a map of 19 both ways, as the authors'."""
    x = keras.Input((19, 19, 8))
    model = keras.Model(x, vgg16.extras(x, "ssd300", "same"))
    noise = np.random.default_rng(0).normal(size=(1, 19, 19, 8)).astype("f4")
    names = ("conv6_1", "conv6_2", "conv7_1", "conv7_2")
    maps = keras.Model(x, [model.get_layer(name).output for name in names])(noise)
    conv6_1, conv6_2, conv7_1, conv7_2 = (to_numpy(each)[0] for each in maps)
    six, seven = (model.get_layer(name).get_weights() for name in ("conv6_2", "conv7_2"))
    np.testing.assert_allclose(conv6_2, convolve(conv6_1, *six, 2, 1), rtol=1e-4, atol=1e-5)
    at_the_end = np.pad(conv7_1, ((0, 1), (0, 1), (0, 0)))
    np.testing.assert_allclose(conv7_2, convolve(at_the_end, *seven, 2, 0), rtol=1e-4, atol=1e-5)
    assert np.abs(conv7_2 - convolve(conv7_1, *seven, 2, 1)).max() > 1e-2


def test_l2_normalization():
    """x / sqrt(sum x^2 + 1e-10) times a scale of each channel, also where there is nothing, or little."""
    rng = np.random.default_rng(0)
    image = keras.Input((2, 3, 512))
    norm = keras.Model(image, vgg16.l2_normalize(image))
    layer = norm.get_layer("conv4_3_norm")
    np.testing.assert_allclose(layer.get_weights()[0], 20 / np.sqrt(512), rtol=1e-6)
    scale = rng.uniform(5, 30, 512)
    layer.set_weights([scale / np.sqrt(512)])
    x = np.maximum(rng.normal(size=(1, 2, 3, 512)), 0).astype("f4")
    x[0, 0, 0], x[0, 0, 1] = 0, x[0, 0, 1] * 0.01
    expected = np.zeros(x.shape)
    for position in np.ndindex(x.shape[:3]):
        length = np.sqrt(sum(float(value) ** 2 for value in x[position]) + 1e-10)
        expected[position] = x[position] / length * scale
    np.testing.assert_allclose(to_numpy(norm(x)), expected, rtol=1e-5, atol=1e-6)
