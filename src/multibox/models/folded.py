"""A network for training whose constant batch normalisation is a part of its convolutions.

A frozen batch normalisation multiplies and adds constants. After a convolution, the kernel takes the factor and the
bias takes the rest. So the large maps are not read and written once more in each direction. The gradient of the kernel
is the same.
"""

from collections import Counter
from typing import Any

import keras
from keras import layers, ops

from multibox.models.layer_calls import Call, layer_calls

Tensor = Any


class FoldedConv(layers.Layer):
    """A convolution and the batch normalisation after it, as one convolution. It has no variables of its own.

    Args:
        conv: Convolution or depthwise convolution without an activation.
        norm: Batch normalisation with constant statistics.
    """

    def __init__(self, conv: Any, norm: Any):
        super().__init__(name=f"{conv.name}_folded")
        self.conv, self.norm = conv, norm

    def call(self, x: Tensor) -> Tensor:
        """Compute the map ``(B, H, W, F)`` that the normalisation returns."""
        conv, norm = self.conv, self.norm
        factor = ops.rsqrt(norm.moving_variance + norm.epsilon) * (norm.gamma if norm.scale else 1.0)
        bias = factor * ((conv.bias if conv.use_bias else 0.0) - norm.moving_mean) + (norm.beta if norm.center else 0.0)
        is_depthwise = isinstance(conv, layers.DepthwiseConv2D)
        convolve = ops.depthwise_conv if is_depthwise else ops.conv
        kernel = conv.kernel * (ops.reshape(factor, conv.kernel.shape[2:]) if is_depthwise else factor)
        return convolve(x, kernel, conv.strides, conv.padding, None, conv.dilation_rate) + bias

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Shape of the map for an input of a shape."""
        return tuple(self.conv.compute_output_shape(shape))


def fold_constant_norms(network: keras.Model) -> keras.Model:
    """Fold every constant batch normalisation of a network into the convolution before it.

    Args:
        network: Functional Keras model in float32.

    Returns:
        A model that computes the same with the same variables, or the network itself if it has nothing to fold.
    """
    calls = layer_calls(network)
    folded = _folded(calls)
    if not folded:
        return network
    made = {id(network.inputs[0]): keras.Input(network.inputs[0].shape[1:], dtype=network.inputs[0].dtype)}
    image = made[id(network.inputs[0])]
    for call in calls:
        conv = folded.get(id(call.inputs[0]))
        if conv and isinstance(call.layer, layers.BatchNormalization):
            made[id(call.output)] = FoldedConv(conv.layer, call.layer)(made[id(conv.inputs[0])])
        elif id(call.output) not in folded:
            inputs = [made[id(tensor)] for tensor in call.inputs]
            made[id(call.output)] = call.layer(inputs if len(inputs) > 1 else inputs[0])
    return keras.Model(image, {name: made[id(output)] for name, output in network.output.items()})


def _folded(calls: list[Call]) -> dict[int, Call]:
    """Convolutions that only a constant batch normalisation follows, by the identity of their outputs."""
    uses = Counter(id(tensor) for call in calls for tensor in call.inputs)
    alone = {
        id(call.output): call
        for call in calls
        if isinstance(call.layer, layers.Conv2D | layers.DepthwiseConv2D)
        and call.layer.activation is keras.activations.linear
        and uses[id(call.output)] == 1
    }
    normalised = {
        id(call.inputs[0])
        for call in calls
        if isinstance(call.layer, layers.BatchNormalization) and not call.layer.trainable
    }
    return {key: call for key, call in alone.items() if key in normalised}
