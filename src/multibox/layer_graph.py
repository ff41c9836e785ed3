"""A network's layers as data: a bounded list of nodes, which a model file holds instead of code.

:mod:`multibox.models.graph_shapes` computes the shapes of the maps, :mod:`multibox.models.graph` builds the network. As
in Caffe, convolutions round their number of output cells down, and pooling layers round it up.
"""

from collections.abc import Iterator
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

IMAGE = "image"
"""Name by which nodes take the network's input: the image after normalisation and conversion of its colours."""

MOST_NODES = 4000
"""Largest number of nodes of a graph. The largest published detectors have about 600."""

HEAD = "_head_"
"""Text that names of heads contain. Names of nodes cannot contain it."""

FLAT = ("_classes_flat", "_boxes_flat")
"""Ends of the names of layers that put the outputs of heads in a row. No node's name has them."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=120)]
Pair = tuple[Annotated[int, Field(ge=1, le=512)], Annotated[int, Field(ge=1, le=512)]]
Pads = tuple[Annotated[int, Field(ge=0, le=512)], Annotated[int, Field(ge=0, le=512)]]
Inputs = Annotated[tuple[Name, ...], Field(min_length=2, max_length=64)]
OneInput = tuple[Name]
Colour = Literal["rgb", "bgr", "grey"]
"""Channels of an image: red, green and blue (``rgb``), the reverse (``bgr``), or brightness alone (``grey``)."""

Epsilon = Annotated[float, Field(gt=0, le=1)]


class Part(BaseModel):
    """Base class of nodes and other parts of a layer graph. They are immutable and refuse unknown field names."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Kernel(Part):
    """Kernel size, stride, padding and dilation of a convolution: height before width, in cells of its input."""

    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    pad: Pads = (0, 0)
    """Number of rows of zeros above and below, and of columns of zeros left and right."""
    dilation: Pair = (1, 1)
    groups: int = Field(default=1, ge=1, le=65536)
    bias: bool = True


class Conv(Kernel):
    """A convolution. If it has as many groups as its input has channels, it is depthwise."""

    op: Literal["conv"] = "conv"
    name: Name
    inputs: OneInput
    filters: int = Field(ge=1, le=65536)


class Pool(Part):
    """A pooling layer. An average includes the zeros of the padding."""

    op: Literal["max_pool", "average_pool"]
    name: Name
    inputs: OneInput
    kernel: Pair
    stride: Pair = (1, 1)
    pad: Pads = (0, 0)
    round_up: bool = True
    """Whether the number of output cells is rounded up, so that the last window may reach beyond the padding."""


class GlobalPool(Part):
    """Global pooling: the maximum or the average of each channel over all cells."""

    op: Literal["global_max_pool", "global_average_pool"]
    name: Name
    inputs: OneInput


class BatchNorm(Part):
    """Batch normalisation, followed by a scale and a shift of each channel if it is ``affine``."""

    op: Literal["batch_norm"] = "batch_norm"
    name: Name
    inputs: OneInput
    epsilon: Epsilon = 1e-5
    affine: bool = True


class Scale(Part):
    """Multiplies each channel by a factor, and adds a shift if it has a ``bias``."""

    op: Literal["scale"] = "scale"
    name: Name
    inputs: OneInput
    bias: bool = True


class Normalize(Part):
    """L2 normalisation (SSD section 3.1).

    The channels of each cell are divided by their length, and each channel is multiplied by a factor.
    """

    op: Literal["normalize"] = "normalize"
    name: Name
    inputs: OneInput
    epsilon: Epsilon = 1e-10
    """Number added to the sum of the squares, so that it is never 0."""


class Activate(Part):
    """An activation: a function applied to each element."""

    op: Literal["relu", "relu6", "sigmoid", "leaky_relu", "prelu"]
    name: Name
    inputs: OneInput
    slope: float = Field(default=0.0, ge=0, le=1)
    """Factor of negative elements. Used by ``leaky_relu`` only."""


class Join(Part):
    """Combines several feature maps into one: by concatenating their channels, or as their sum, product or maximum."""

    op: Literal["concat", "add", "multiply", "maximum"]
    name: Name
    inputs: Inputs


Node: TypeAlias = Annotated[
    Conv | Pool | GlobalPool | BatchNorm | Scale | Normalize | Activate | Join, Field(discriminator="op")
]


class HeadConv(Kernel):
    """The last convolution of a head. Its number of filters follows from the classes and the priors of a cell."""

    input: Name


class Heads(Part):
    """The two heads of a feature map. A map may have several pairs."""

    name: Name
    """Name of the pair of heads, which the names of both heads contain."""
    map: Name
    """Name of the node whose output is the feature map of the priors."""
    classes: HeadConv
    boxes: HeadConv
    step: tuple[Annotated[float, Field(gt=0, le=4096)], Annotated[float, Field(gt=0, le=4096)]] | None = None
    """Distances between neighbouring rows and between neighbouring columns of cells, pixels of the input. None means
    the input's height and width divided by the map's."""


class Graph(Part):
    """The layers of a network between its normalised input and its outputs."""

    colour: Colour = "rgb"
    """Colour channels of the image that the first layers take."""
    nodes: tuple[Node, ...] = Field(min_length=1, max_length=MOST_NODES)
    """Layers, each after all layers whose outputs it takes."""
    heads: tuple[Heads, ...] = Field(min_length=1, max_length=64)
    """Heads of the feature maps, in the order of the priors."""

    @model_validator(mode="after")
    def _inputs_are_there(self) -> Self:
        known = {IMAGE}
        for node in self.nodes:
            if missing := [name for name in node.inputs if name not in known]:
                raise ValueError(f"{node.name} takes {missing[0]}, which no earlier node computes")
            if node.name in known or HEAD in node.name or node.name.endswith(FLAT) or node.name in RESERVED:
                raise ValueError(f"{node.name} is not allowed as the name of a node, or two nodes have this name")
            known.add(node.name)
        for name in (name for heads in self.heads for name in (heads.map, heads.classes.input, heads.boxes.input)):
            if name not in known - {IMAGE}:
                raise ValueError(f"a head takes {name}, which is not a node")
        if len({heads.name for heads in self.heads}) < len(self.heads):
            raise ValueError("two pairs of heads have the same name")
        return self

    def ancestors(self, name: str) -> set[str]:
        """Names of a node and of all nodes that its output depends on."""
        inputs = {node.name: node.inputs for node in self.nodes}
        found: set[str] = set()
        open_names = [name]
        while open_names:
            current = open_names.pop()
            if current in inputs and current not in found:
                found.add(current)
                open_names += inputs[current]
        return found


RESERVED = {"normalize", "colour", "classes", "boxes"}
"""Names of layers that every built network has. Nodes cannot have these names."""


def head_convs(heads: Heads) -> Iterator[tuple[str, HeadConv]]:
    """The last convolutions of a pair of heads and the names of their layers: classes first, then boxes."""
    yield f"{heads.name}{HEAD}classes", heads.classes
    yield f"{heads.name}{HEAD}boxes", heads.boxes
