"""Counts the floating-point operations of a network, and looks up how many a chip can do per second."""

import re
from math import prod
from typing import Any

import keras
from keras import layers

TRAINING_FLOPS_PER_MAC = 6
"""FLOPs of training for each multiply-accumulate: 2 forward, 2 backward for the inputs and 2 for the weights."""

_HEAVY = (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)

_PEAKS = (
    ("B200", 2250, 1125),
    ("H200|GH200", 989, 494),
    ("H100 NVL", 835, 417),
    ("H100 PCIe", 756, 378),
    ("H100", 989, 494),
    ("A100", 312, 156),
    ("L40S", 362, 183),
    ("L4", 121, 60),
    ("A10", 125, 62.5),
    ("V100", 125, 15.7),
    ("T4", 65, 8.1),
    ("RTX 4090", 165, 82.6),
    ("RTX 3090", 71, 35.6),
)
"""Name pattern of each NVIDIA chip, and its peak TFLOP/s without sparsity in 16 bits and in float32, by data sheet.
From the A100 on, float32 is computed in TF32."""


def count_macs(network: keras.Model) -> int:
    """Count the multiply-accumulate operations (MACs) of one forward pass with one image.

    Convolutions and dense layers are counted, from the shapes of their kernels and outputs. Other layers, such as
    normalisation, activation and pooling, are not counted, as is usual.

    Args:
        network: Network whose sizes are all known, except the batch size.

    Returns:
        Number of multiply-accumulate operations.

    Raises:
        ValueError: If a layer with a kernel is neither a convolution nor a dense layer.
    """
    return sum(_macs_of_node(node) for layer in network.layers for node in layer._inbound_nodes)


def _macs_of_node(node: Any) -> int:
    layer = node.operation
    if isinstance(layer, keras.Model) or not hasattr(layer, "kernel"):
        return 0
    if not isinstance(layer, _HEAVY):
        raise ValueError(f"{layer.name}: operations of the layer type {type(layer).__name__} cannot be counted")
    cells = node.output_tensors[0].shape[1:-1]  # (B, H, W, F): a kernel is applied once a cell
    return prod(cells) * prod(layer.kernel.shape)


def peak_flops(device: str, precision: str) -> float | None:
    """Largest number of floating-point operations per second of a chip.

    Args:
        device: Name of the chip, as its driver gives it, such as ``NVIDIA H100 80GB HBM3``.
        precision: Keras dtype policy, such as ``mixed_bfloat16``.

    Returns:
        FLOP/s without sparsity. None for a CPU, and for a chip that is not in the list.
    """
    for name, half, single in _PEAKS:
        if re.search(rf"\b({name})\b", device, re.IGNORECASE):
            return (single if precision == "float32" else half) * 1e12
    return None
