"""The networks of the Keras project five_scripts: SSD300 on VGG16 and on ResNet50, as Keras 2 saved them."""

from multibox.config import Network, PeerSwitches, Priors
from multibox.importers.caffe import SIZES, head_name
from multibox.importers.h5_file import read_h5
from multibox.importers.peer import (
    TRUNK_NOTE,
    TRUNK_ONLY,
    Part,
    Peer,
    Plan,
    Tensors,
    batch_norm,
    class_columns,
    class_count,
    conv,
    need,
)
from multibox.importers.vgg_ssd import NORM, RATIOS, SIZES_300, Dialect
from multibox.models.resnet50 import EPSILON

_PRIORS = Priors(sizes=SIZES_300["voc"], ratios=RATIOS["ssd300"])
_MEAN = (123.68, 116.779, 103.939)
_EPSILON = 1e-3
"""Epsilon of the project's batch normalisations, the default of Keras 2."""

_DEPTHS = {2: 3, 3: 4, 4: 6, 5: 3}
_EXTRAS = ("res6a", "res7a", "res8a")
_MAPS = ("res3d", "res5c", *_EXTRAS, "pool8")


def _vgg_names(ours: str) -> tuple[str, ...]:
    if ours == NORM:
        return (f"{NORM}/scale",)
    layer = head_name(ours).replace("_conf", "_logit") if ours.endswith(("_classes", "_boxes")) else ours
    return f"{layer}/kernel", f"{layer}/bias"


_VGG = Dialect(
    _vgg_names, {"ssd300": SIZES_300}, oihw=False, bgr=True, mean=_MEAN, order="five_scripts", padding="same"
)
_VGG_OF_CAFFE = Dialect(_vgg_names, {"ssd300": SIZES["ssd300"]}, oihw=False, bgr=True)


def _plan(tensors: Tensors, classes: tuple[str, ...]) -> Plan:
    return _resnet_plan(tensors, classes) if "conv1/kernel" in tensors else _VGG.plan(tensors, classes)


def _pretrained_plan(tensors: Tensors, classes: tuple[str, ...]) -> Plan:
    """Plan for weights from before the training: Caffe's VGG16 under other names, or ResNet50's trunk without heads."""
    if "conv1/kernel" not in tensors:
        return _VGG_OF_CAFFE.plan(tensors, classes)
    network = Network(trunk="resnet50", layout="ssd300", size=(300, 300), weights="none", batch_norm="trained")
    return Plan(network, _PRIORS, TRUNK_ONLY, _trunk(tensors), (TRUNK_NOTE,))


def _resnet_plan(tensors: Tensors, classes: tuple[str, ...]) -> Plan:
    trunk = _trunk(tensors)
    extras = tuple(part for name in _EXTRAS for part in _block(tensors, name, name, project=True))
    need(tensors, [name for part in (*trunk, *extras) for name in part.theirs])
    heads = tuple(
        conv(f"{fmap}_head_{ours}", (f"{fmap}_mbox_{theirs}/kernel", f"{fmap}_mbox_{theirs}/bias"), oihw=False)
        for fmap in _MAPS
        for ours, theirs in (("classes", "logit"), ("boxes", "loc"))
    )
    need(tensors, [name for part in heads for name in part.theirs])
    names, _ = class_columns(class_count(tensors, heads[0].theirs[1], heads[1].theirs[1]), classes)
    network = Network(
        trunk="resnet50",
        layout="ssd300",
        size=(300, 300),
        weights="none",
        batch_norm="trained",
        mean=(0, 0, 0),
        peer=PeerSwitches(resnet50="five_scripts", downsample_padding="same", prior_order="five_scripts"),
    )
    return Plan(network, _PRIORS, names, (*trunk, *extras, *heads))


def _trunk(tensors: Tensors) -> tuple[Part, ...]:
    parts = list(_conv_bn(tensors, "conv1", "conv1", "bn_conv1", bgr=True))
    for stage, depth in _DEPTHS.items():
        for block in range(1, depth + 1):
            theirs = f"res{stage}{'abcdef'[block - 1]}"
            parts += _block(tensors, f"conv{stage}_block{block}", theirs, project=block == 1)
    return tuple(parts)


def _block(tensors: Tensors, ours: str, theirs: str, *, project: bool) -> list[Part]:
    """Parts of a bottleneck: branch 1 projects the shortcut, and branches 2a, 2b and 2c follow each other."""
    branches = ([("0", "1")] if project else []) + [("1", "2a"), ("2", "2b"), ("3", "2c")]
    parts = []
    for number, branch in branches:
        name = f"{theirs}_branch{branch}"
        parts += _conv_bn(tensors, f"{ours}_{number}", name, name.replace("res", "bn"))
    return parts


def _conv_bn(tensors: Tensors, ours: str, kernel: str, norm: str, bgr: bool = False) -> list[Part]:
    theirs = [f"{norm}/{part}" for part in ("gamma", "beta", "moving_mean", "moving_variance")]
    if f"{kernel}/bias" in tensors:
        theirs.append(f"{kernel}/bias")
    return [
        conv(f"{ours}_conv", [f"{kernel}/kernel"], oihw=False, bgr=bgr),
        batch_norm(f"{ours}_bn", theirs, _EPSILON - EPSILON),
    ]


FIVE_SCRIPTS = (
    Peer("five-scripts", "the five-script SSD300 (final.h5)", read_h5, _plan),
    Peer(
        "five-scripts-pretrained",
        "the five-script SSD's weights_from_caffe.h5 or ResNet50_from_keras.h5",
        read_h5,
        _pretrained_plan,
    ),
)
