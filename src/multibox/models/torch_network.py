"""A Keras network in PyTorch's own functions, layer by layer.

Keras' layers run on PyTorch too, but they copy each map twice for a convolution, normalise in several passes, and
average over the padding of a pool. The networks consist of a few kinds of built-in layers, so each kind is one function
here. Maps are ``(B, C, H, W)`` with the channels last in memory, as Keras' arrays lie.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias

import torch
from torch.nn import functional

from multibox.models import torch_processes
from multibox.models.layer_calls import Call, Shape, layer_calls, normalised_convolutions, pads

Tensor: TypeAlias = Any

Compute = Callable[[list[Tensor], Sequence[Tensor], bool], Tensor]
"""A function that computes a layer. It takes the layer's inputs, the values of the network's variables, and whether the
network is being trained. It returns the output."""


@dataclass(frozen=True)
class Layer:
    """A layer to be computed.

    Attributes:
        keras: The Keras layer.
        shape: Shape ``(None, H, W, C)`` of the first input in Keras.
        places: Position of each variable of the network, by its identity.
        device: Device of the variables.
        partner: The batch normalisation that alone takes a convolution's output, or the convolution before such a
            normalisation. With constant statistics, the normalisation becomes a part of the convolution. None if there
            is no partner.
    """

    keras: Any
    shape: Shape
    places: dict[int, int]
    device: torch.device
    partner: Any

    def place(self, variable: Any) -> int:
        """Position of a variable among those of the network."""
        return self.places[id(variable)]

    def place_if_any(self, variable: Any) -> int | None:
        """Position of a variable that a layer may lack. None without it."""
        return None if variable is None else self.place(variable)

    @property
    def dtype(self) -> torch.dtype:
        """Type that the layer computes in."""
        found: torch.dtype = getattr(torch, self.keras.compute_dtype)
        return found

    @property
    def margins(self) -> tuple[int, int, int, int]:
        """Cells on the left, on the right, above and below that a convolution or a pool adds to its input."""
        window = self.keras.kernel_size if hasattr(self.keras, "kernel_size") else self.keras.pool_size
        dilation = getattr(self.keras, "dilation_rate", (1, 1))
        top, left, bottom, right = pads(self.keras.padding, self.shape, window, self.keras.strides, dilation)
        return left, right, top, bottom


class TorchNetwork:
    """Computes a Keras network in PyTorch.

    Args:
        network: Functional Keras model on PyTorch, as :func:`multibox.models.ssd.build` returns it. It keeps the
            variables. Which layers are trained must not change afterwards.

    Attributes:
        tensors: Current values of the network's variables, in their order.

    Raises:
        NotImplementedError: The network has a layer of a kind that :data:`LAYERS` does not have.
    """

    def __init__(self, network: Any):
        self.tensors = [variable.value for variable in network.variables]
        places = {id(variable): place for place, variable in enumerate(network.variables)}
        device = next((x.device for x in self.tensors if isinstance(x, torch.Tensor)), torch.device("cpu"))
        calls = layer_calls(network)
        partners = _partners(calls)
        numbers = {id(network.inputs[0]): 0} | {id(call.output): number for number, call in enumerate(calls, start=1)}
        self._steps: list[tuple[Compute, list[int]]] = []
        for call in calls:
            layer = Layer(call.layer, call.inputs[0].shape, places, device, partners.get(id(call.output)))
            self._steps.append((_compute(layer), [numbers[id(x)] for x in call.inputs]))
        self._outputs = {name: numbers[id(x)] for name, x in network.output.items()}

    def __call__(
        self, images: Tensor, tensors: Sequence[Tensor] | None = None, *, training: bool = False
    ) -> dict[str, Tensor]:
        """Run the network on a batch of images.

        Args:
            images: ``(B, H, W, 3)`` uint8 RGB.
            tensors: Values of the network's variables, in their order. None takes their current values.
            training: Whether batch normalisation that is trained uses the batch, and updates its moving statistics.

        Returns:
            Dict of ``classes``, ``(B, P, C + 1)`` float32, and ``boxes``, ``(B, P, 4)`` float32.
        """
        tensors = self.tensors if tensors is None else tensors
        made = [images]
        for compute, inputs in self._steps:
            made.append(compute([made[number] for number in inputs], tensors, training))
        return {name: made[number] for name, number in self._outputs.items()}


def _kind(layer: Any) -> str:
    return type(layer).__name__


def _partners(calls: list[Call]) -> dict[int, Any]:
    """Partner of each convolution and batch normalisation that have one, by the identity of their outputs."""
    found: dict[int, Any] = {}
    for convolution, norm in normalised_convolutions(calls):
        found |= {id(convolution.output): norm.layer, id(norm.output): convolution.layer}
    return found


def _compute(layer: Layer) -> Compute:
    """The function that computes a layer in its precision."""
    kind, dtype = _kind(layer.keras), layer.dtype
    if kind not in LAYERS:
        raise _not_in_torch(layer, f"layers of the kind {kind}")
    compute = LAYERS[kind](layer)
    return lambda maps, tensors, training: compute([x.to(dtype) for x in maps], tensors, training)


def _not_in_torch(layer: Layer, what: str) -> NotImplementedError:
    return NotImplementedError(f"{layer.keras.name}: no PyTorch for {what}")


def _of_one(function: Callable[[Tensor], Tensor]) -> Compute:
    """A layer of one input without variables."""
    return lambda maps, tensors, training: function(maps[0])


def _rescaling(layer: Layer) -> Compute:
    scale, offset = (
        torch.tensor(number, dtype=layer.dtype, device=layer.device)
        for number in (layer.keras.scale, layer.keras.offset)
    )
    return _of_one(lambda x: (x * scale + offset).permute(0, 3, 1, 2))


def _conv(layer: Layer) -> Compute:
    conv, depthwise = layer.keras, _kind(layer.keras) == "DepthwiseConv2D"
    kernel_place, bias_place = layer.place(conv.kernel), layer.place_if_any(conv.bias)
    groups = conv.kernel.shape[2] if depthwise else conv.groups  # (h, w, in, out), or (h, w, in, multiplier)
    strides, dilation, activate = conv.strides, conv.dilation_rate, ACTIVATIONS[conv.activation.__name__]
    left, right, top, bottom = layer.margins
    odd = (left, top) != (right, bottom)
    scaling = None if layer.partner is None else _scaling(layer, layer.partner)
    uses_batch = layer.partner is not None and layer.partner.trainable

    def compute(maps: list[Tensor], tensors: Sequence[Tensor], training: bool) -> Tensor:
        x = functional.pad(maps[0], (left, right, top, bottom)) if odd else maps[0]
        kernel, bias = tensors[kernel_place], None if bias_place is None else tensors[bias_place]
        kernel = kernel.reshape(*kernel.shape[:2], 1, -1) if depthwise else kernel
        if scaling is not None and not (training and uses_batch):
            factor, shift = scaling(tensors)
            kernel, bias = kernel * factor, shift if bias is None else bias * factor + shift
        kernel, bias = kernel.to(x.dtype).permute(3, 2, 0, 1), None if bias is None else bias.to(x.dtype)
        padding = (0, 0) if odd else (top, left)
        return activate(functional.conv2d(x, kernel, bias, strides, padding, dilation, groups))

    return compute


def _scaling(layer: Layer, norm: Any) -> Callable[[Sequence[Tensor]], tuple[Tensor, Tensor]]:
    """A function of factor and shift of each channel, by which a normalisation with constant statistics changes it."""
    mean, variance = layer.place(norm.moving_mean), layer.place(norm.moving_variance)
    gamma, beta, epsilon = layer.place_if_any(norm.gamma), layer.place_if_any(norm.beta), norm.epsilon

    def compute(tensors: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        factor = torch.rsqrt(tensors[variance] + epsilon)
        factor = factor if gamma is None else factor * tensors[gamma]
        shift = -tensors[mean] * factor
        return factor, shift if beta is None else shift + tensors[beta]

    return compute


def _batch_norm(layer: Layer) -> Compute:
    norm, folded, scaling = layer.keras, layer.partner is not None, _scaling(layer, layer.keras)
    places = layer.place(norm.moving_mean), layer.place(norm.moving_variance)
    gamma, beta = layer.place_if_any(norm.gamma), layer.place_if_any(norm.beta)
    trained, epsilon, share = norm.trainable, norm.epsilon, 1 - norm.momentum

    def constant(x: Tensor, tensors: Sequence[Tensor]) -> Tensor:
        factor, shift = (each.to(x.dtype).reshape(1, -1, 1, 1) for each in scaling(tensors))
        return x * factor + shift

    def compute(maps: list[Tensor], tensors: Sequence[Tensor], training: bool) -> Tensor:
        if not (training and trained):
            return maps[0] if folded else constant(maps[0], tensors)
        moving = [tensors[place] for place in places]
        mean, variance = map(torch.zeros_like, moving)
        scale, offset = (None if place is None else tensors[place] for place in (gamma, beta))
        is_single = maps[0].numel() == maps[0].shape[1]  # PyTorch refuses to normalise one value a channel
        if torch_processes.count() > 1 or is_single:
            x, mean, variance = _normalized_over_processes(maps[0], scale, offset, epsilon)
        else:
            x = functional.batch_norm(maps[0], mean, variance, scale, offset, training=True, momentum=1.0, eps=epsilon)
            count = x.numel() // x.shape[1]
            variance = variance * (count - 1) / count  # PyTorch divides by one less than Keras
        with torch.no_grad():
            for old, new in zip(moving, (mean, variance), strict=True):
                old.lerp_(new, share)
        return x

    return compute


def _normalized_over_processes(
    x: Tensor, scale: Tensor | None, offset: Tensor | None, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise maps by the whole batch of all processes, which have equal shares of it.

    PyTorch's own ``SyncBatchNorm`` works on GPUs alone.

    Returns:
        The normalised maps, and the mean and the variance of each channel, ``(C,)`` float32.
    """
    variance, mean = torch.var_mean(x.float(), (0, 2, 3), correction=0)
    means, variances = torch_processes.from_each(torch.stack([mean, variance])).unbind(1)  # (processes, C)
    mean = means.mean(0)
    variance = (variances + (means - mean).square()).mean(0)
    factor = (variance + epsilon).rsqrt() * (1 if scale is None else scale)
    shift = (0 if offset is None else offset) - mean * factor
    normalized = x * factor.to(x.dtype).reshape(1, -1, 1, 1) + shift.to(x.dtype).reshape(1, -1, 1, 1)
    return normalized, mean, variance


def _relu(layer: Layer) -> Compute:
    if layer.keras.negative_slope or layer.keras.threshold:
        raise _not_in_torch(layer, "a ReLU with a slope or a threshold")
    if layer.keras.max_value is None:
        return _of_one(functional.relu)
    most = float(layer.keras.max_value)
    return _of_one(lambda x: functional.hardtanh(x, 0.0, most))


def _activation(layer: Layer) -> Compute:
    return _of_one(ACTIVATIONS[layer.keras.activation.__name__])


def _leaky_relu(layer: Layer) -> Compute:
    slope = float(layer.keras.negative_slope)
    return _of_one(lambda x: functional.leaky_relu(x, slope))


def _prelu(layer: Layer) -> Compute:
    alpha = layer.place(layer.keras.alpha)
    return lambda maps, tensors, _: functional.prelu(maps[0], tensors[alpha].to(maps[0].dtype).reshape(-1))


def _average_of_all(layer: Layer) -> Compute:
    return _of_one(lambda x: x.mean((2, 3), keepdim=True))


def _largest_of_all(layer: Layer) -> Compute:
    return _of_one(lambda x: x.amax((2, 3), keepdim=True))


def _max_pool(layer: Layer) -> Compute:
    size, strides, margins = layer.keras.pool_size, layer.keras.strides, layer.margins
    padded = _padding(margins, float("-inf"))
    return _of_one(lambda x: functional.max_pool2d(padded(x), size, strides))


def _average_pool(layer: Layer) -> Compute:
    """Average over the cells of a window that are not padding."""
    size, strides, padded = layer.keras.pool_size, layer.keras.strides, _padding(layer.margins)
    _, height, width, _ = layer.shape
    cells = torch.ones((1, 1, height, width), dtype=layer.dtype, device=layer.device)
    share = functional.avg_pool2d(padded(cells), size, strides)
    return _of_one(lambda x: functional.avg_pool2d(padded(x), size, strides) / share)


def _padding(margins: tuple[int, int, int, int], value: float = 0.0) -> Callable[[Tensor], Tensor]:
    return lambda x: functional.pad(x, margins, value=value) if any(margins) else x


def _zero_pad(layer: Layer) -> Compute:
    (top, bottom), (left, right) = layer.keras.padding
    return _of_one(_padding((left, right, top, bottom)))


def _crop(layer: Layer) -> Compute:
    (top, bottom), (left, right) = layer.keras.cropping
    return _of_one(_padding((-left, -right, -top, -bottom)))


def _enlarge(layer: Layer) -> Compute:
    if layer.keras.interpolation != "nearest":
        raise _not_in_torch(layer, f"the interpolation {layer.keras.interpolation}")
    down, right = layer.keras.size
    return _of_one(lambda x: x.repeat_interleave(down, 2).repeat_interleave(right, 3))


def _rms_norm(layer: Layer) -> Compute:
    place, epsilon = layer.place(layer.keras.scale), layer.keras.epsilon

    def compute(maps: list[Tensor], tensors: Sequence[Tensor], _: bool) -> Tensor:
        scale = tensors[place].to(maps[0].dtype).reshape(1, -1, 1, 1)
        return maps[0] * torch.rsqrt(maps[0].square().mean(1, keepdim=True) + epsilon) * scale

    return compute


def _reshape(layer: Layer) -> Compute:
    """A head's map as a list of priors: row, column, and prior of the cell."""
    target = layer.keras.target_shape
    return _of_one(lambda x: x.permute(0, 2, 3, 1).reshape(x.shape[0], *target))


def _concatenate(layer: Layer) -> Compute:
    axis = layer.keras.axis % len(layer.shape)
    axis = {1: 2, 2: 3, 3: 1}[axis] if len(layer.shape) == 4 else axis
    return lambda maps, tensors, training: torch.cat(maps, axis)


def _of_all(combine: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Layer], Compute]:
    return lambda layer: lambda maps, tensors, training: reduce(combine, maps)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: x,
    "relu": functional.relu,
    "relu6": functional.relu6,
    "sigmoid": torch.sigmoid,
    "silu": functional.silu,
    "swish": functional.silu,
    "hard_sigmoid": functional.hardsigmoid,
    "hard_silu": functional.hardswish,
    "hard_swish": functional.hardswish,
}
"""Each activation, by the name of its function in Keras."""

LAYERS: dict[str, Callable[[Layer], Compute]] = {
    "Rescaling": _rescaling,
    "Conv2D": _conv,
    "DepthwiseConv2D": _conv,
    "BatchNormalization": _batch_norm,
    "ReLU": _relu,
    "Activation": _activation,
    "LeakyReLU": _leaky_relu,
    "PReLU": _prelu,
    "GlobalAveragePooling2D": _average_of_all,
    "GlobalMaxPooling2D": _largest_of_all,
    "AveragePooling2D": _average_pool,
    "MaxPooling2D": _max_pool,
    "ZeroPadding2D": _zero_pad,
    "Cropping2D": _crop,
    "UpSampling2D": _enlarge,
    "RMSNormalization": _rms_norm,
    "Reshape": _reshape,
    "Concatenate": _concatenate,
    "Add": _of_all(torch.add),
    "Multiply": _of_all(torch.mul),
    "Maximum": _of_all(torch.maximum),
}
"""What makes the function that computes each kind of layer, by the name of its class in Keras."""
