"""Networks to convert, layer by layer: small ones around a single layer, and those of all trunks."""

import numpy as np
from keras import Input, Model, layers, ops, utils

from multibox.config_file import load_config
from multibox.models.ssd import build

SIZE, CHANNELS = (9, 12), 4


def randomize(model):
    """Weights in which a mistake would show: nothing is 0 or 1 by default."""
    rng = np.random.default_rng(0)
    for variable in model.weights:
        positive = "variance" in variable.name or "gamma" in variable.name or variable.name == "scale"
        values = rng.uniform(0.5, 1.5, variable.shape) if positive else rng.normal(0, 0.2, variable.shape)
        variable.assign(values.astype(np.float32))


def around(*middle):
    """A network with layers between a first convolution and a head."""
    return behind_image(layers.Conv2D(CHANNELS, 1, name="first"), *middle)


def behind_image(*middle):
    """A network with layers between the normalisation and a head."""
    image = Input((*SIZE, 3), dtype="uint8", name="image")
    x = layers.Rescaling([0.01, 0.02, 0.03], [-1.0, -0.5, 0.1], name="normalize")(image)
    for layer in middle:
        x = layer(x)
    outputs = {}
    for name, size in (("classes", 3), ("boxes", 4)):
        head = layers.Conv2D(2 * size, 1, name=f"head_{name}")(x)
        outputs[name] = layers.Concatenate(axis=1, name=name)(
            [layers.Reshape((-1, size), name=f"{name}_flat")(head)] * 2
        )
    return Model(image, outputs)


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

ON_IMAGE = {
    "the image's convolution": [layers.Conv2D(5, 3, 2, padding="same", name="conv")],
    "the image's padding": [layers.ZeroPadding2D(((1, 2), (3, 0)), name="pad"), layers.Conv2D(5, 3, name="conv")],
    "the image's groups": [layers.Conv2D(6, 3, groups=3, padding="same", name="conv")],
    "the image's depthwise convolution": [layers.DepthwiseConv2D(3, padding="same", name="conv")],
    "the image's pool": [layers.MaxPooling2D(2, name="pool")],
    "the image in two layers": [
        lambda x: layers.Add(name="joined")([layers.ReLU(name="act")(x), layers.Activation("sigmoid", name="bend")(x)])
    ],
}
"""Cases whose first layer takes the normalised image."""


NETWORKS = {
    "SSDLite on EfficientNet-Lite0": ("ssdlite-efficientnet", []),
    "with a pyramid": ("ssdlite-efficientnet", ["network.neck=fpn"]),
    "on MobileNetV2": ("ssdlite-efficientnet", ["network.trunk=mobilenet_v2"]),
    "on MobileNetV3": ("ssdlite-efficientnet", ["network.trunk=mobilenet_v3_large"]),
    "SSD on VGG16": ("ssd300-vgg16-voc07", []),
    "SSD on ResNet50": ("ssd300-resnet50-voc0712", []),
}


def small_network(case):
    """A network of a case, with an image batch for it."""
    utils.set_random_seed(0)
    model = around(*CASES[case]) if case in CASES else behind_image(*ON_IMAGE[case])
    randomize(model)
    return model, np.random.default_rng(1).integers(0, 256, (2, *SIZE, 3)).astype(np.uint8)


def whole_network(name):
    """A detector's network at 128 x 160 pixels, with an image batch for it."""
    preset, changes = NETWORKS[name]
    config = load_config(preset, ["network.size=[128,160]", *changes])
    utils.set_random_seed(0)
    model = build(config.network, 3, config.priors)
    return model, np.random.default_rng(1).integers(0, 256, (2, 128, 160, 3)).astype(np.uint8)


def outputs_of(model, images):
    """Outputs of a network by Keras."""
    return {name: ops.convert_to_numpy(value) for name, value in model(images, training=False).items()}
