"""Floating-point operations: how many a network needs, and how many a chip can do."""

import re
from math import prod
from typing import Any

import keras
from keras import layers

TRAINING_FLOPS_PER_MAC = 6
"""A multiplication and an addition forward, as many backward for the inputs, and as many for the weights."""

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
"""Dense TFLOP/s of NVIDIA's data sheets: in 16 bits; in float32, which from the A100 on is computed in TF32."""


def count_macs(network: keras.Model) -> int:
    """Count the multiply-accumulate operations of one image through a network, forward.

    Convolutions and dense layers are counted, by the shapes of kernels and outputs; the rest, such as normalisation,
    activations and pooling, is not, as is usual.

    Args:
        network: Network of known sizes, except the batch's.

    Returns:
        MACs.

    Raises:
        ValueError: If a layer with a kernel is of an unknown kind.
    """
    return sum(_macs_of_node(node) for layer in network.layers for node in layer._inbound_nodes)


def _macs_of_node(node: Any) -> int:
    layer = node.operation
    if isinstance(layer, keras.Model) or not hasattr(layer, "kernel"):
        return 0
    if not isinstance(layer, _HEAVY):
        raise ValueError(f"{layer.name}: the operations of {type(layer).__name__} are not known how to count")
    cells = node.output_tensors[0].shape[1:-1]  # (B, H, W, F): a kernel is applied once a cell
    return prod(cells) * prod(layer.kernel.shape)


def peak_flops(device: str, precision: str) -> float | None:
    """Peak operations per second of a chip.

    Args:
        device: Name of the device, as the driver gives it, such as ``NVIDIA H100 80GB HBM3``.
        precision: Keras dtype policy, such as ``mixed_bfloat16``.

    Returns:
        FLOP/s of dense matrices; None for a chip that is not in the list, and for a CPU.
    """
    for name, half, single in _PEAKS:
        if re.search(rf"\b({name})\b", device, re.IGNORECASE):
            return (single if precision == "float32" else half) * 1e12
    return None
