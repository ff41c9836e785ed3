"""The whole network: image in, class logits and box deltas of every prior out."""

from math import log
from types import ModuleType

import keras
from keras import layers

from multibox.config import Activation, Network, Priors
from multibox.errors import BadInput
from multibox.models import efficientnet_lite0, fpn, mobilenet_v2, resnet50, ssdlite, vgg16
from multibox.models.layers import Tensor
from multibox.models.maps import feature_maps
from multibox.priors import priors_per_cell

TRUNKS: dict[str, ModuleType] = {
    "vgg16": vgg16,
    "resnet50": resnet50,
    "mobilenet_v2": mobilenet_v2,
    "efficientnet_lite0": efficientnet_lite0,
}

RARE = -log((1 - 0.01) / 0.01)
"""The bias at which a sigmoid says 0.01 (RetinaNet, arXiv 1708.02002, section 4.1): objects are rare, and at 0 the many
priors without one would make the first losses huge."""


def build(network: Network, classes: int, priors: Priors, activation: Activation = "softmax") -> keras.Model:
    """Build an SSD network with fresh weights.

    Example:
        >>> model = build(Network(), classes=20, priors=Priors())
        >>> model(images)["classes"].shape  # (B, P, 21)

    Args:
        network: trunk, layout, neck, input size, what is trained.
        classes: the number of the user's classes C, without background.
        priors: their number in a cell of each map.
        activation: what its loss makes scores of the logits with; with sigmoid, its classes start as rare.

    Returns:
        a functional Keras model of built-in layers. Input: ``(B, H, W, 3)`` uint8 RGB. Output: a dict of ``classes``,
        ``(B, P, C + 1)`` float32 logits with background in column 0, and ``boxes``, ``(B, P, 4)`` float32 deltas, in
        the order of :func:`multibox.priors.make_priors`.

    Raises:
        BadInput: a layout that the trunk does not have, or priors that do not fit its maps.
    """
    names = [fmap.name for fmap in feature_maps(network)]
    per_cell = priors_per_cell(priors)
    if len(per_cell) != len(names):
        raise BadInput(f"priors.ratios: needs {len(names)} lists, one a feature map, has {len(per_cell)}")
    trunk = TRUNKS[network.trunk]
    image = keras.Input((*network.size, 3), dtype="uint8", name="image")
    offset = [-mean * scale for mean, scale in zip(trunk.MEAN, trunk.SCALE, strict=True)]
    x = layers.Rescaling(list(trunk.SCALE), offset, name="normalize")(image)
    maps = trunk.trunk(x)
    last = list(maps.values())[-1]
    if network.layout == "ssdlite":
        maps |= ssdlite.extras(last, network.trunk)
    else:
        maps |= trunk.extras(last, network.layout, network.downsample_padding)
    if network.neck == "fpn":
        maps = fpn.pyramid(
            {name: maps[name] for name in names}, network.neck_channels, light=network.layout == "ssdlite"
        )
    bias = RARE if activation == "sigmoid" else 0.0
    outputs = {
        "classes": _heads(maps, names, per_cell, classes + 1, "classes", network.layout, bias),
        "boxes": _heads(maps, names, per_cell, 4, "boxes", network.layout),
    }
    model = keras.Model(image, outputs, name=f"{network.layout}_{network.trunk}")
    _set_trainable(model, network, trunk.STAGES)
    return model


def _heads(
    maps: dict[str, Tensor], names: list[str], per_cell: list[int], size: int, kind: str, layout: str, bias: float = 0.0
) -> Tensor:
    """One convolution a map, its outputs laid out by row, column and prior, and all maps one after the other."""
    head = ssdlite.head if layout == "ssdlite" else _head
    flat = []
    for name, count in zip(names, per_cell, strict=True):
        x = head(maps[name], count * size, f"{name}_head_{kind}", bias)
        flat.append(layers.Reshape((-1, size), name=f"{name}_{kind}_flat")(x))
    return layers.Concatenate(axis=1, dtype="float32", name=kind)(flat)  # (B, P, size)


def _head(x: Tensor, outputs: int, name: str, bias: float) -> Tensor:
    start = keras.initializers.Constant(bias)
    return layers.Conv2D(
        outputs, 3, padding="same", kernel_initializer="lecun_uniform", bias_initializer=start, name=name
    )(x)


def stage_of(layer: keras.layers.Layer) -> str:
    """The trunk's stage that a layer is of: its name up to the first underscore."""
    return layer.name.split("_")[0]


def is_trunk(layer: keras.layers.Layer, trunk: str) -> bool:
    """Whether a layer belongs to the trunk: it came with the pretrained weights."""
    return stage_of(layer) in TRUNKS[trunk].STAGES and "_head_" not in layer.name and not layer.name.endswith("_norm")


def _set_trainable(model: keras.Model, network: Network, stages: tuple[str, ...]) -> None:
    if network.freeze and network.freeze not in stages:
        raise BadInput(f"network.freeze: {network.trunk} has no stage {network.freeze}; it has {', '.join(stages)}")
    frozen = stages[: stages.index(network.freeze) + 1] if network.freeze else ()
    for layer in model.layers:
        if not is_trunk(layer, network.trunk):
            continue
        norm = isinstance(layer, layers.BatchNormalization)
        layer.trainable = stage_of(layer) not in frozen and not (norm and network.batch_norm == "frozen")
