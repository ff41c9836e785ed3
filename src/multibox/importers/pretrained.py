"""Loads the pretrained weights from which training starts."""

from pathlib import Path

import keras

from multibox.config import Network
from multibox.errors import BadInput
from multibox.importers import efficientnet_lite, keras_applications
from multibox.models.efficientnet_lite import FAMILY

_OF_PEERS = {".caffemodel", ".pth", ".pt"}


def load_pretrained(model: keras.Model, network: Network) -> None:
    """Load the weights that ``network.weights`` names into the trunk. Other layers keep their random initial weights.

    Args:
        model: Network, as :func:`multibox.models.ssd.build` returns it.
        network: Configuration of the network. Its field ``weights`` names the weights to load.

    Raises:
        BadInput: If the weights are not available or do not fit.
    """
    if network.weights == "none":
        return
    if network.graph:
        raise BadInput("network.weights", "for a graph, must be none or a model file of the same graph")
    if network.weights != "imagenet" and not Path(network.weights).is_file():
        raise BadInput(
            "network.weights", f"{network.weights} is not a file; give auto, imagenet, none, voc20, or a weights file"
        )
    if network.trunk not in FAMILY and Path(network.weights).suffix in _OF_PEERS:
        raise BadInput(
            "network.weights",
            f"{network.weights} comes from another project; import it with 'multibox import', then set "
            "network.weights to the model file",
        )
    if network.trunk in FAMILY:
        is_packaged = network.weights == "imagenet"
        file = efficientnet_lite.packaged_file(network.trunk) if is_packaged else Path(network.weights)
        efficientnet_lite.load(model, network.trunk, file)
    else:
        keras_applications.load(model, network.trunk, network.weights)
