"""A network for training whose constant batch normalisation is a part of its convolutions.

A frozen batch normalisation multiplies and adds constants. After a convolution, the kernel takes the factor and the
bias takes the rest. So the large maps are not read and written once more in each direction. The gradient of the kernel
is the same.
"""

from typing import Any

import keras
from keras import layers, ops

from multibox.models.layer_calls import layer_calls, normalised_convolutions

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
    constant = [pair for pair in normalised_convolutions(calls) if not pair[1].layer.trainable]
    if not constant:
        return network
    folded = {id(norm.output): convolution for convolution, norm in constant}
    inner = {id(convolution.output) for convolution, _ in constant}
    image = keras.Input(network.inputs[0].shape[1:], dtype=network.inputs[0].dtype)
    made = {id(network.inputs[0]): image}
    for call in calls:
        if convolution := folded.get(id(call.output)):
            made[id(call.output)] = FoldedConv(convolution.layer, call.layer)(made[id(convolution.inputs[0])])
        elif id(call.output) not in inner:
            inputs = [made[id(tensor)] for tensor in call.inputs]
            made[id(call.output)] = call.layer(inputs if len(inputs) > 1 else inputs[0])
    return keras.Model(image, {name: made[id(output)] for name, output in network.output.items()})
