"""The ImageNet weights of Keras Applications: VGG16, ResNet50 and MobileNetV2."""

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from multibox.errors import BadInput

Weights = list[np.ndarray]


def load(network: keras.Model, trunk: str, source: str) -> None:
    """Set the trunk's weights from those of the Keras application.

    Args:
        network: with the trunk's layers under their names.
        trunk: ``vgg16``, ``resnet50`` or ``mobilenet_v2``.
        source: ``imagenet``, which Keras downloads once and keeps, or a weights file of the whole application, with
            its classifier.

    Raises:
        BadInput: the weights cannot be had, or are of another network.
    """
    application, copy = _APPLICATIONS[trunk]
    copy(network, _donor(application, source))


def _donor(application: Callable[..., keras.Model], source: str) -> keras.Model:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras only warns of layers that a file has no weights for
            return application(weights=source, include_top=True)
    except Exception as error:  # Keras raises plain Exception where a download fails
        reason = " ".join(str(error).split())
        if source == "imagenet":
            raise BadInput(
                f"network.weights: the imagenet weights could not be downloaded ({reason}); "
                f"give a weights file of keras.applications.{application.__name__}, or none"
            ) from None
        raise BadInput(
            f"{source}: not a weights file of keras.applications.{application.__name__} ({reason})"
        ) from None


def _rgb(kernel: np.ndarray) -> np.ndarray:
    """The first convolution's kernel for RGB, where the published one sees BGR."""
    return kernel[:, :, ::-1]


def _copy_vgg16(network: keras.Model, donor: keras.Model) -> None:
    for stage, depth in ((1, 2), (2, 2), (3, 3), (4, 3), (5, 3)):
        for i in range(1, depth + 1):
            kernel, bias = donor.get_layer(f"block{stage}_conv{i}").get_weights()
            first = stage == i == 1
            network.get_layer(f"conv{stage}_{i}").set_weights([_rgb(kernel) if first else kernel, bias])
    kernel, bias = donor.get_layer("fc1").get_weights()
    network.get_layer("fc6").set_weights([decimate_fc6(kernel), bias[::4]])
    kernel, bias = donor.get_layer("fc2").get_weights()
    network.get_layer("fc7").set_weights([kernel[::4, ::4][None, None], bias[::4]])


def decimate_fc6(kernel: np.ndarray) -> np.ndarray:
    """The classifier's first layer as a 3x3 convolution (SSD section 3; DeepLab, arXiv 1412.7062, section 3.1).

    Args:
        kernel: ``(7 * 7 * 512, 4096)``.

    Returns:
        ``(3, 3, 512, 1024)``: every third tap of 7x7, every fourth output.
    """
    return kernel.reshape(7, 7, 512, 4096)[::3, ::3, :, ::4]


def _copy_resnet50(network: keras.Model, donor: keras.Model) -> None:
    for layer in donor.layers:
        if not layer.name.endswith("_bn"):
            continue
        conv = donor.get_layer(f"{layer.name.removesuffix('_bn')}_conv")
        kernel, bias = conv.get_weights()
        gamma, beta, mean, variance = layer.get_weights()
        network.get_layer(conv.name).set_weights([_rgb(kernel) if conv.name == "conv1_conv" else kernel])
        network.get_layer(layer.name).set_weights([gamma, beta, mean - bias, variance])


def _copy_mobilenet_v2(network: keras.Model, donor: keras.Model) -> None:
    names = {"stem_conv": "Conv1", "stem_bn": "bn_Conv1", "last_conv": "Conv_1", "last_bn": "Conv_1_bn"}
    for i in range(17):
        theirs = f"block_{i}" if i else "expanded_conv"
        names |= {
            f"block{i}_dwconv": f"{theirs}_depthwise",
            f"block{i}_dwbn": f"{theirs}_depthwise_BN",
            f"block{i}_project_conv": f"{theirs}_project",
            f"block{i}_project_bn": f"{theirs}_project_BN",
        }
        if i:
            names |= {f"block{i}_expand_conv": f"{theirs}_expand", f"block{i}_expand_bn": f"{theirs}_expand_BN"}
    for ours, theirs in names.items():
        network.get_layer(ours).set_weights(donor.get_layer(theirs).get_weights())


_APPLICATIONS: dict[str, tuple[Callable[..., Any], Callable[[keras.Model, keras.Model], None]]] = {
    "vgg16": (keras.applications.VGG16, _copy_vgg16),
    "resnet50": (keras.applications.ResNet50, _copy_resnet50),
    "mobilenet_v2": (keras.applications.MobileNetV2, _copy_mobilenet_v2),
}
