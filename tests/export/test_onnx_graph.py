"""Every kind of layer as ONNX, against Keras: small networks of one layer, and the networks of all trunks."""

import numpy as np
import onnxruntime
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("onnx")

from keras import layers  # noqa: E402

from multibox.config_file import load_config  # noqa: E402
from multibox.export.onnx_graph import LAYERS, to_onnx  # noqa: E402
from multibox.models.ssd import build  # noqa: E402

SIZE, CHANNELS = (9, 12), 4


def randomize(model):
    """Weights in which a mistake would show: nothing is 0 or 1 by default."""
    rng = np.random.default_rng(0)
    for variable in model.weights:
        positive = "variance" in variable.name or "gamma" in variable.name or variable.name == "scale"
        values = rng.uniform(0.5, 1.5, variable.shape) if positive else rng.normal(0, 0.2, variable.shape)
        variable.assign(values.astype(np.float32))


def outputs_of(model, images):
    """Outputs by Keras and by ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(to_onnx(model).SerializeToString(), options, ["CPUExecutionProvider"])
    given = dict(
        zip((value.name for value in session.get_outputs()), session.run(None, {"image": images}), strict=True)
    )
    expected = {name: keras.ops.convert_to_numpy(value) for name, value in model(images, training=False).items()}
    return expected, given


def around(*middle):
    """A network with layers between the normalisation and a head."""
    image = keras.Input((*SIZE, 3), dtype="uint8", name="image")
    x = layers.Rescaling([0.01, 0.02, 0.03], [-1.0, -0.5, 0.1], name="normalize")(image)
    x = layers.Conv2D(CHANNELS, 1, name="first")(x)
    for layer in middle:
        x = layer(x)
    outputs = {}
    for name, size in (("classes", 3), ("boxes", 4)):
        head = layers.Conv2D(2 * size, 1, name=f"head_{name}")(x)
        outputs[name] = layers.Concatenate(axis=1, name=name)(
            [layers.Reshape((-1, size), name=f"{name}_flat")(head)] * 2
        )
    return keras.Model(image, outputs)


def shared_norm(maps):
    """A sum of a convolution and its batch normalisation."""
    return layers.Add(name="joined")([maps[1], layers.BatchNormalization(name="norm")(maps[1])])


def branches(kind):
    """A layer of two inputs, as a function of one."""
    return lambda x: kind(name="joined")([x, layers.Conv2D(CHANNELS, 1, name="second")(x)])


CASES = {
    "a convolution": [layers.Conv2D(5, 3, name="conv")],
    "a padded convolution": [layers.Conv2D(5, 3, padding="same", name="conv")],
    "a stride of 2": [layers.Conv2D(5, 3, 2, padding="same", name="conv")],
    "a large kernel": [layers.Conv2D(5, 5, 2, padding="same", name="conv")],
    "dilation": [layers.Conv2D(5, 3, dilation_rate=2, padding="same", name="conv")],
    "an activation of its own": [layers.Conv2D(5, 1, activation="relu", name="conv")],
    "groups": [layers.Conv2D(6, 3, groups=2, name="conv")],
    "no bias": [layers.Conv2D(5, 3, use_bias=False, name="conv")],
    "a depthwise convolution": [layers.DepthwiseConv2D(3, 2, padding="same", name="conv")],
    "a depthwise convolution that multiplies": [layers.DepthwiseConv2D(3, depth_multiplier=2, name="conv")],
    "a norm behind a convolution": [layers.BatchNormalization(epsilon=0.01, name="norm")],
    "a norm without scale and shift": [layers.BatchNormalization(scale=False, center=False, name="norm")],
    "a norm behind something else": [layers.MaxPooling2D(2, name="pool"), layers.BatchNormalization(name="norm")],
    "a norm behind a convolution that others use": [branches(lambda name: shared_norm)],
    "ReLU": [layers.ReLU(name="act")],
    "ReLU6": [layers.ReLU(6.0, name="act")],
    **{
        name: [layers.Activation(name, name="act")] for name in ("relu", "sigmoid", "silu", "hard_silu", "hard_sigmoid")
    },
    "no activation": [layers.Activation("linear", name="act")],
    "a pool": [layers.MaxPooling2D(3, 2, padding="same", name="pool")],
    "a pool without padding": [layers.MaxPooling2D(2, 2, name="pool")],
    "a pool of one cell": [layers.MaxPooling2D(1, 2, name="pool")],
    "a ReLU with a slope": [layers.LeakyReLU(0.2, name="act")],
    "a ReLU with a slope for each channel": [layers.PReLU(shared_axes=[1, 2], name="act")],
    "a pool of averages": [layers.AveragePooling2D(3, 2, padding="same", name="pool")],
    "a pool of averages along the rows": [layers.AveragePooling2D((3, 1), (2, 1), name="pool")],
    "a global pool of the largest": [layers.GlobalMaxPooling2D(keepdims=True, name="pool")],
    "a global pool": [layers.GlobalAveragePooling2D(keepdims=True, name="pool")],
    "padding": [layers.ZeroPadding2D(((1, 2), (3, 0)), name="pad")],
    "cropping": [layers.Cropping2D(((1, 2), (3, 0)), name="crop")],
    "enlarging": [layers.UpSampling2D((2, 3), interpolation="nearest", name="enlarge")],
    "a norm of each cell": [layers.RMSNormalization(axis=-1, epsilon=1e-10, name="norm")],
    "a sum": [branches(layers.Add)],
    "the larger of two": [branches(layers.Maximum)],
    "rows repeated": [branches(lambda name: lambda maps: layers.Concatenate(axis=1, name=name)([maps[0], *maps]))],
    "a product": [branches(layers.Multiply)],
    "channels side by side": [branches(lambda name: layers.Concatenate(axis=-1, name=name))],
}


@pytest.mark.parametrize("case", CASES)
def test_a_layer_computes_the_same_in_onnx(case):
    keras.utils.set_random_seed(0)
    model = around(*CASES[case])
    randomize(model)
    images = np.random.default_rng(1).integers(0, 256, (2, *SIZE, 3)).astype(np.uint8)
    expected, given = outputs_of(model, images)
    for name, values in expected.items():
        assert np.abs(values).max() > 0.05
        np.testing.assert_allclose(given[name], values, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (2, 2), (2, 3)])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
def test_a_kernel_larger_than_the_map_computes_the_same_without_what_only_meets_padding(size, kernel, stride):
    smaller = layers.Cropping2D(((SIZE[0] - size[0], 0), (0, SIZE[1] - size[1])), name="crop")
    model = around(
        smaller,
        layers.DepthwiseConv2D(kernel, stride, padding="same", name="deep"),
        layers.Conv2D(5, kernel, padding="same", name="wide"),
    )
    randomize(model)
    expected, given = outputs_of(model, np.full((1, *SIZE, 3), 200, np.uint8))
    for name, values in expected.items():
        np.testing.assert_allclose(given[name], values, atol=2e-5, rtol=1e-5)
    convolutions = {node.name: node for node in to_onnx(model).graph.node if node.op_type == "Conv"}
    attributes = {value.name: list(value.ints) for value in convolutions["deep/conv"].attribute}
    if stride == 1:
        assert attributes["kernel_shape"] == [min(kernel, 2 * length - 1) for length in size]


def test_every_kind_of_layer_is_among_the_cases():
    used = {type(layer).__name__ for middle in CASES.values() for layer in around(*middle).layers}
    assert set(LAYERS) <= used


@pytest.mark.parametrize(
    "layer",
    [
        layers.Dense(3, name="odd"),
        layers.ReLU(negative_slope=0.1, name="odd"),
        layers.ReLU(1.0, name="odd"),
        layers.PReLU(name="odd"),
        layers.Activation("gelu", name="odd"),
        layers.UpSampling2D(2, interpolation="bilinear", name="odd"),
    ],
)
def test_a_layer_that_has_no_onnx_is_refused(layer):
    with pytest.raises(NotImplementedError, match="odd"):
        to_onnx(around(layer))


NETWORKS = {
    "SSDLite on EfficientNet-Lite0": ("ssdlite-efficientnet", []),
    "with a pyramid": ("ssdlite-efficientnet", ["network.neck=fpn"]),
    "on MobileNetV2": ("ssdlite-efficientnet", ["network.trunk=mobilenet_v2"]),
    "on MobileNetV3": ("ssdlite-efficientnet", ["network.trunk=mobilenet_v3_large"]),
    "SSD on VGG16": ("ssd300-vgg16-voc07", []),
    "SSD on ResNet50": ("ssd300-resnet50-voc0712", []),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_computes_the_same_in_onnx(name):
    preset, changes = NETWORKS[name]
    config = load_config(preset, ["network.size=[128,160]", *changes])
    keras.utils.set_random_seed(0)
    model = build(config.network, 3, config.priors)
    images = np.random.default_rng(1).integers(0, 256, (2, 128, 160, 3)).astype(np.uint8)
    expected, given = outputs_of(model, images)
    for key, values in expected.items():
        np.testing.assert_allclose(given[key], values, atol=1e-5 * np.abs(values).max(), rtol=1e-4)
