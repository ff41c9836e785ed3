"""Keras networks of any backend, computed by PyTorch."""

import keras
import numpy as np
import torch
from keras import ops

from multibox.models.torch_network import TorchNetwork
from multibox.runtimes import Runtime


def values_of(network):
    """Values of a network's variables as tensors of PyTorch."""
    return [torch.from_numpy(np.array(ops.convert_to_numpy(variable))) for variable in network.variables]


def outputs_in_torch(network, images, values=None, *, training=False):
    """Outputs of a network by PyTorch, for images ``(B, H, W, 3)`` uint8."""
    with torch.no_grad():
        return TorchNetwork(network)(torch.from_numpy(images), values or values_of(network), training=training)


class TorchRuntime(Runtime):
    """Runs a network of any backend in PyTorch."""

    name = "torch"

    def __init__(self, network, schema):
        self.network = network
        self.schema = schema

    def run(self, images):
        return {name: values.numpy() for name, values in outputs_in_torch(self.network, images).items()}


def activations_in_torch(network, layer, images):
    """Map of a layer by PyTorch, ``(B, H, W, C)``, for images ``(B, H, W, 3)`` uint8."""
    part = keras.Model(network.input, {layer: network.get_layer(layer).output})
    return outputs_in_torch(part, images)[layer].permute(0, 2, 3, 1).numpy()
