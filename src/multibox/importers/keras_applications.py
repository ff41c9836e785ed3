"""The ImageNet weights of Keras Applications: VGG16, ResNet50, MobileNetV2 and MobileNetV3Large."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from multibox.config import Network, Priors
from multibox.errors import BadInput
from multibox.importers.h5_file import list_h5
from multibox.importers.peer import TRUNK_NOTE, TRUNK_ONLY, Misfit, Part, Peer, Plan, Tensors, Weights
from multibox.importers.vgg_ssd import RATIOS, SIZES_300
from multibox.models import mobilenet_v3


def load(network: keras.Model, trunk: str, source: str) -> None:
    """Set the weights of a network's trunk to those of the Keras application.

    Args:
        network: Network whose trunk gets the weights.
        trunk: ``vgg16``, ``resnet50``, ``mobilenet_v2`` or ``mobilenet_v3_large``.
        source: ``imagenet`` for the weights that Keras downloads once and keeps, or the path of a weights file of the
            whole application, including its classifier.

    Raises:
        BadInput: If the weights are not available, or belong to another network.
    """
    application, parts = _APPLICATIONS[trunk]
    tensors = _tensors(_donor(application, source))
    for part in parts(tensors):
        network.get_layer(part.ours).set_weights(part.weights(tensors))


def _tensors(donor: keras.Model) -> Tensors:
    """Weights of a Keras model: a dict from ``LAYER/0``, ``LAYER/1`` and so on to arrays."""
    return {f"{layer.name}/{i}": value for layer in donor.layers for i, value in enumerate(layer.get_weights())}


def _read(path: str | Path) -> Tensors:
    """Read the weights of an application's file with Keras, after verifying that the file is harmless."""
    places = list_h5(path)
    for trunk, (application, _) in _APPLICATIONS.items():
        if _SIGNS[trunk](" ".join(places)):
            return _tensors(_donor(application, str(path)))
    raise BadInput(path, f"not a weights file of {_NAMES}: its layers are those of another network")


def _plan(tensors: Tensors, classes: tuple[str, ...]) -> Plan:
    for trunk, (_, parts) in _APPLICATIONS.items():
        if _FIRST[trunk] in tensors:
            layout, side = ("ssdlite", 320) if trunk.startswith("mobilenet") else ("ssd300", 300)
            values = {"trunk": trunk, "layout": layout, "size": (side, side), "weights": "none"}
            network = Network.model_validate(values | {"batch_norm": "trained"})
            priors = Priors() if layout == "ssdlite" else Priors(sizes=SIZES_300["voc"], ratios=RATIOS["ssd300"])
            return Plan(network, priors, classes or TRUNK_ONLY, tuple(parts(tensors)), (TRUNK_NOTE,))
    raise Misfit(f"it is not one of {_NAMES}")


def _donor(application: Callable[..., keras.Model], source: str) -> keras.Model:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras only warns of layers that a file has no weights for
            return application(weights=source, include_top=True)
    except Exception as error:  # Keras raises plain Exception where a download fails
        reason = " ".join(str(error).split())
        if source == "imagenet":
            raise BadInput(
                "network.weights",
                f"the imagenet weights could not be downloaded ({reason}); "
                f"give a weights file of keras.applications.{application.__name__}, or none",
            ) from None
        raise BadInput(source, f"not a weights file of keras.applications.{application.__name__} ({reason})") from None


def _part(ours: str, theirs: str, count: int, change: Callable[[Weights], Weights] = list) -> Part:
    return Part(ours, tuple(f"{theirs}/{i}" for i in range(count)), change)


def _rgb(values: Weights) -> Weights:
    """Weights of the first convolution for RGB, where the published convolution takes BGR."""
    return [values[0][:, :, ::-1], *values[1:]]


def _vgg16(tensors: Tensors) -> list[Part]:
    del tensors
    parts = []
    for stage, depth in ((1, 2), (2, 2), (3, 3), (4, 3), (5, 3)):
        for i in range(1, depth + 1):
            first = stage == i == 1
            parts.append(_part(f"conv{stage}_{i}", f"block{stage}_conv{i}", 2, _rgb if first else list))
    parts.append(_part("fc6", "fc1", 2, lambda values: [decimate_fc6(values[0]), values[1][::4]]))
    parts.append(_part("fc7", "fc2", 2, lambda values: [values[0][::4, ::4][None, None], values[1][::4]]))
    return parts


def decimate_fc6(kernel: np.ndarray) -> np.ndarray:
    """Turn the classifier's layer fc6 into a 3x3 convolution (SSD section 3; DeepLab, arXiv 1412.7062, section 3.1).

    Args:
        kernel: ``(7 * 7 * 512, 4096)`` weights of the dense layer fc6.

    Returns:
        ``(3, 3, 512, 1024)`` kernel, of every third of the 7x7 positions and every fourth output.
    """
    return kernel.reshape(7, 7, 512, 4096)[::3, ::3, :, ::4]


def _resnet50(tensors: Tensors) -> list[Part]:
    parts = []
    for norm in [name.partition("/")[0] for name in tensors if name.endswith("_bn/0")]:
        conv = f"{norm.removesuffix('_bn')}_conv"
        parts.append(Part(conv, (f"{conv}/0",), _rgb if conv == "conv1_conv" else list))
        theirs = (*(f"{norm}/{i}" for i in range(4)), f"{conv}/1")
        parts.append(Part(norm, theirs, lambda values: [*values[:2], values[2] - values[4], values[3]]))
    return parts


def _mobilenet_v2(tensors: Tensors) -> list[Part]:
    del tensors
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
    return [_part(ours, theirs, 4 if ours.endswith("bn") else 1) for ours, theirs in names.items()]


def _mobilenet_v3(tensors: Tensors) -> list[Part]:
    del tensors
    names = {"stem_conv": "conv", "stem_bn": "conv_bn", "last_conv": "conv_1", "last_bn": "conv_1_bn"}
    for i, (_, _, expand, _, squeeze, _) in enumerate(mobilenet_v3.BLOCKS):
        theirs = f"expanded_conv_{i}_" if i else "expanded_conv_"
        for part in (["expand"] if expand != 1 else []) + ["project"]:
            names |= {f"block{i}_{part}_conv": f"{theirs}{part}", f"block{i}_{part}_bn": f"{theirs}{part}_bn"}
        names |= {f"block{i}_dwconv": f"{theirs}depthwise", f"block{i}_dwbn": f"{theirs}depthwise_bn"}
        if squeeze:
            names |= {f"block{i}_squeeze_conv": f"{theirs}squeeze_excite_conv"}
            names |= {f"block{i}_excite_conv": f"{theirs}squeeze_excite_conv_1"}
    counts = {"bn": 4, "squeeze_conv": 2, "excite_conv": 2}
    return [
        _part(ours, theirs, next((n for end, n in counts.items() if ours.endswith(end)), 1))
        for ours, theirs in names.items()
    ]


_APPLICATIONS: dict[str, tuple[Callable[..., Any], Callable[[Tensors], list[Part]]]] = {
    "vgg16": (keras.applications.VGG16, _vgg16),
    "resnet50": (keras.applications.ResNet50, _resnet50),
    "mobilenet_v2": (keras.applications.MobileNetV2, _mobilenet_v2),
    "mobilenet_v3_large": (keras.applications.MobileNetV3Large, _mobilenet_v3),
}
_NAMES = "VGG16, ResNet50, MobileNetV2 and MobileNetV3Large"
_FIRST = {
    "vgg16": "block1_conv1/0",
    "resnet50": "conv1_conv/0",
    "mobilenet_v2": "Conv1/0",
    "mobilenet_v3_large": "expanded_conv_14_project/0",
}
_SIGNS: dict[str, Callable[[str], bool]] = {
    "vgg16": lambda places: "block1_conv1" in places or ("layers/conv2d_12/" in places and "norm" not in places),
    "resnet50": lambda places: "conv1_conv" in places or ("layers/conv2d_52/" in places and "depthwise" not in places),
    "mobilenet_v2": lambda places: "bn_Conv1" in places or "layers/depthwise_conv2d_16/" in places,
    "mobilenet_v3_large": lambda places: "squeeze_excite" in places or "layers/depthwise_conv2d_14/" in places,
}
"""Test for each application that recognises its weights by the paths of a file's arrays: by names of layers (Keras 2),
or by the number of layers of a kind (Keras 3)."""

KERAS = Peer("keras", "a weights file of Keras Applications", _read, _plan)
