"""Reads the layers of a Caffe network, with their inputs and outputs, from its weights' file or from a text file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from multibox.importers.caffe_fields import LAYER, NETWORK
from multibox.importers.caffe_message import Message, read_message, read_text
from multibox.importers.peer import Unsupported
from multibox.protobuf_wire import BYTES, read_fields

OUTPUTS = ("DetectionOutput", "MultiBoxLoss")
"""Types of the layers that take the outputs of a detector's heads: ``DetectionOutput`` when it detects,
``MultiBoxLoss`` when it is trained.
"""

DATA = ("Input", "AnnotatedData", "Data", "VideoData", "MemoryData", "DummyData", "ImageData")
"""Types of the layers that read data or declare inputs.

The images are the first output of each of these layers except ``Input``.
"""

MOST_LAYERS = 10_000
"""Largest number of layers of a network."""


@dataclass(frozen=True)
class Layer:
    """A layer of Caffe.

    Attributes:
        name: Name of the layer, under which its weights are stored.
        type: Name of Caffe's type of layer.
        bottoms: Names of the arrays that the layer takes.
        tops: Names of the arrays that the layer computes.
        message: Fields of the layer's message.
    """

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    message: Message = field(default_factory=dict)

    def section(self, name: str) -> "Params":
        """Parameters of the layer, such as those of ``convolution_param``. Empty if the layer has none."""
        return Params(last(self.message, name, {}))

    def refuse(self, why: str) -> Unsupported:
        """The error that refuses the network because of this layer."""
        return Unsupported(f"its layer {self.name} ({self.type}) {why}")


@dataclass(frozen=True)
class Params:
    """Parameters of a layer.

    Attributes:
        message: Fields of the parameters' message.
    """

    message: Message

    def one(self, name: str, default: Any) -> Any:
        """Value of a field that occurs once, or Caffe's default if it is missing."""
        return last(self.message, name, default)

    def all(self, name: str) -> list[Any]:
        """All values of a repeated field."""
        return list(self.message.get(name, []))

    def section(self, name: str) -> "Params":
        """Parameters in a nested message, such as a filler."""
        return Params(last(self.message, name, {}))

    def pair(self, name: str, short: str, default: int | None) -> tuple[int, int] | None:
        """Values of a field for the height and for the width, such as those of a kernel.

        Args:
            name: Name of the field that holds one number for both axes, or one for each.
            short: Common part of the names of the fields for one axis, without ``_h`` and ``_w``.
            default: Value for both axes if the fields are missing.

        Returns:
            The two numbers. None if there are more than two numbers, or the fields are missing and there is no default.
        """
        numbers = self.all(name)
        single = [self.one(f"{short}_{axis}", None) for axis in "hw"]
        if any(number is not None for number in single):
            height, width = (default if number is None else number for number in single)
        elif len(numbers) > 2 or (not numbers and default is None):
            return None
        else:
            height, width = (numbers or [default])[0], (numbers or [default])[-1]
        return None if height is None or width is None else (height, width)


@dataclass(frozen=True)
class Source:
    """An input of the network.

    Attributes:
        name: Name of the input's array.
        shape: Lengths of the axes: images, channels, height and width. Empty if the network does not give four lengths.
        layer: Data layer that gives the array. None if a field of the network declares the input.
    """

    name: str
    shape: tuple[int, ...] = ()
    layer: Layer | None = None


@dataclass(frozen=True)
class Net:
    """A network of Caffe.

    Attributes:
        layers: Layers in order, each after the layers whose arrays it takes.
        inputs: Inputs of the network, by name.
    """

    layers: tuple[Layer, ...] = ()
    inputs: dict[str, list[int]] = field(default_factory=dict)

    @property
    def output(self) -> Layer | None:
        """The layer that takes the outputs of the detector. None if the network has none."""
        found = {layer.type: layer for layer in reversed(self.layers) if layer.type in OUTPUTS}
        return next((found[kind] for kind in OUTPUTS if kind in found), None)

    @property
    def image(self) -> Source | None:
        """The input that holds the images: the one that a dataset gives, else the one with the most pixels.

        None without inputs.
        """
        sources = [Source(name, _four(shape)) for name, shape in self.inputs.items()]
        sources += [source for layer in self.layers if layer.type in DATA for source in _given(layer)]
        return max(sources, key=_pixels, default=None)


def binary_net(data: memoryview) -> Net:
    """Read the network from the binary file of its weights.

    Raises:
        ValueError: The bytes are not a network, or the network has too many layers.
    """
    rest = {number: scheme for number, scheme in NETWORK.items() if number != 100}
    layers = []
    for found in read_fields(data):
        if (found.number, found.kind) == (100, BYTES):
            layers.append(_layer(read_message(found.data, LAYER)))
            if len(layers) > MOST_LAYERS:
                raise ValueError(f"it has more than {MOST_LAYERS} layers")
    return Net(tuple(layers), _inputs(read_message(data, rest)))


def text_net(path: str | Path) -> Net:
    """Read the network in a text file, in its test phase.

    If the network has no detector's output in the test phase, it is read in its training phase.

    Raises:
        BadInput: The file cannot be read, or is not a network's text file.
    """
    message = read_text(path)
    net = Net()
    for phase in ("TEST", "TRAIN"):
        layers = tuple(_layer(values) for values in message["layer"][:MOST_LAYERS] if _is_in(values, phase))
        net = Net(layers, _inputs(message))
        if net.output:
            break
    return net


def last(message: Message, name: str, default: Any) -> Any:
    """Value of a field that should occur once. If it occurs several times, the last value is taken."""
    return message[name][-1] if message.get(name) else default


def _layer(values: Message) -> Layer:
    return Layer(
        last(values, "name", ""),
        last(values, "type", ""),
        tuple(values.get("bottom", [])),
        tuple(values.get("top", [])),
        values,
    )


def _given(layer: Layer) -> list[Source]:
    """Arrays that a layer gives. Labels, the second array of a dataset, are left out."""
    if layer.type != "Input":
        return [Source(name, layer=layer) for name in layer.tops[:1]]
    shapes = [shape.get("dim", []) for shape in layer.section("input_param").all("shape")]
    shapes = shapes * len(layer.tops) if len(shapes) == 1 else shapes + [[]] * len(layer.tops)
    return [Source(name, _four(shape), layer) for name, shape in zip(layer.tops, shapes, strict=False)]


def _four(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(shape) if len(shape) == 4 else ()


def _pixels(source: Source) -> float:
    if source.shape:
        return source.shape[2] * source.shape[3]
    return 0 if source.layer is None or source.layer.type == "Input" else inf


def _is_in(values: Message, phase: str) -> bool:
    """Whether a layer of a text file is part of the network in a phase."""
    included = list(_phases(values, "include"))
    return (not included or phase in included) and phase not in _phases(values, "exclude")


def _phases(values: Message, name: str) -> Iterator[str]:
    return (last(rule, "phase", "") for rule in values.get(name, []) if "phase" in rule)


def _inputs(message: Message) -> dict[str, list[int]]:
    """Inputs that are fields of the network, as files from before the layer ``Input`` have them."""
    names, sizes = message.get("input", []), message.get("input_dim", [])
    shapes = [shape.get("dim", []) for shape in message.get("input_shape", [])]
    shapes = shapes or [sizes[i : i + 4] for i in range(0, len(sizes), 4)]
    return dict(zip(names, shapes, strict=False))
