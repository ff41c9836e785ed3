"""Describes the weights of another project (a peer): the network, the priors, and the layer of each tensor."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from multibox.annotations.counting import counted
from multibox.config import Activation, Detect, Network, Priors, Resize
from multibox.errors import BadInput
from multibox.importers.class_lists import COCO, COCO_COLUMNS, KNOWN

Tensors: TypeAlias = dict[str, np.ndarray]
Weights = list[np.ndarray]

TRUNK_ONLY = ("object",)
"""Class names of a model that was imported from a file without heads."""

TRUNK_NOTE = (
    "the file holds a trunk alone, so extra layers and heads have random weights; train from the model with "
    "network.weights=FILE"
)


class Misfit(ValueError):  # noqa: N818  It is what the file is, in the words of the user
    """Raised for a file that is not of the given kind. The message names the first tensor that does not fit."""


class Unsupported(Misfit):
    """Raised for a file of the given kind whose network cannot be imported. The message names the layer."""


@dataclass(frozen=True)
class Part:
    """One layer of the network, and the other project's tensors that its weights are made from.

    Attributes:
        ours: Name of the layer in Multibox.
        theirs: Names of the tensors in the imported file that the layer's weights are made from.
        change: Function from the tensors named in ``theirs`` to the layer's weights, in the layer's order and shapes.
        rows: Indices of the outputs to take on the last axis of the changed weights, in the order of Multibox's layer.
            None takes all outputs in the file's order.
    """

    ours: str
    theirs: tuple[str, ...]
    change: Callable[[Weights], Weights] = list
    rows: tuple[int, ...] | None = None

    @property
    def permuted(self) -> bool:
        """Whether the layer's outputs are reordered, or fewer than in the imported file."""
        return self.rows is not None

    def weights(self, tensors: Tensors) -> Weights:
        """Compute the weights of the layer from the imported tensors.

        Raises:
            Misfit: If a tensor is missing, or has a shape that the layer cannot have.
        """
        need(tensors, self.theirs)
        values = [tensors[name] for name in self.theirs]
        try:
            with np.errstate(all="ignore"):  # numbers that are not finite are refused later
                changed = self.change(values)
            return changed if self.rows is None else [value[..., list(self.rows)] for value in changed]
        except Misfit:
            raise
        except (ValueError, IndexError):
            shapes = " and ".join(str(value.shape) for value in values)
            raise Misfit(f"its {self.theirs[0]} has the shape {shapes}, which {self.ours} cannot have") from None


@dataclass(frozen=True)
class Plan:
    """The plan of an import: network, priors, classes, and the layers that get weights from the file.

    Attributes:
        network: Configuration of a network that computes the same as the imported one.
        priors: Configuration of the priors.
        classes: Class names, without background.
        parts: Layers that get weights, in the order of the network. All other layers keep their random initial weights.
        notes: Sentences for the user about what was guessed.
        detect: Configuration of detection with the values that the other project uses.
        read: Names of the file's tensors that are recognised but are not weights, such as parameters of priors.
        activation: How the network's logits become scores: ``softmax`` or ``sigmoid``.
        resize: How images are resized to the network's input: ``warp`` or ``letterbox``.
    """

    network: Network
    priors: Priors
    classes: tuple[str, ...]
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()
    detect: Detect = field(default_factory=Detect)
    read: tuple[str, ...] = ()
    activation: Activation = "softmax"
    resize: Resize = "warp"


@dataclass(frozen=True)
class Peer:
    """A project whose weights can be imported.

    Attributes:
        kind: Name of the kind that ``multibox import`` takes.
        title: Title of the project, for messages and tables.
        read: Function from the path of a file to its tensors, by name.
        plan: Function that takes the file's tensors and the user's class names, and returns a :class:`Plan`. It raises
            :class:`Misfit` if the tensors are not those of the project.
        takes_net: Whether ``read`` also takes ``net``, the path of a text file whose layers replace those of the file.
    """

    kind: str
    title: str
    read: Callable[..., Tensors]
    plan: Callable[[Tensors, tuple[str, ...]], Plan]
    takes_net: bool = False


def need(tensors: Tensors, names: Sequence[str]) -> None:
    """Raise :class:`Misfit` with the name of the first missing tensor."""
    for name in names:
        if name not in tensors:
            raise Misfit(f"the file has no {name}")


def conv(ours: str, theirs: Sequence[str], *, oihw: bool = True, bgr: bool = False) -> Part:
    """Declare a convolution of the network.

    Args:
        ours: Name of the layer in Multibox.
        theirs: Names of the tensors in the imported file: the kernel, and the bias if there is one.
        oihw: Whether the kernels in the file have the axes (out, in, y, x), as in PyTorch and Caffe. Otherwise they
            have (y, x, in, out), as in Keras.
        bgr: Whether this is the first layer and the imported network takes images in BGR, so that the input channels
            are reversed.
    """

    def change(values: Weights) -> Weights:
        kernel = values[0].transpose(2, 3, 1, 0) if oihw else values[0]
        return [kernel[:, :, ::-1] if bgr else kernel, *values[1:]]

    return Part(ours, tuple(theirs), change)


def batch_norm(ours: str, theirs: Sequence[str], extra_epsilon: float = 0.0) -> Part:
    """Declare a batch normalisation of the network.

    Args:
        ours: Name of the layer in Multibox.
        theirs: Names of the tensors in the imported file: scale, shift, mean and variance. A fifth name is that of the
            bias of the convolution before, if only the imported network has such a bias.
        extra_epsilon: Epsilon of the imported network minus that of Multibox, at least 0. It is added to the variance,
            which has the same effect.
    """

    def change(values: Weights) -> Weights:
        scale, shift, mean, variance, *bias = values
        return [scale, shift, mean - bias[0] if bias else mean, variance + np.float32(extra_epsilon)]

    return Part(ours, tuple(theirs), change)


def head_rows(per_cell: int, width: int, columns: Sequence[int], order: Sequence[int] | None = None) -> tuple[int, ...]:
    """Find which outputs of an imported head to take. The outputs of a cell are ordered by prior, then by column.

    Args:
        per_cell: Number of priors in a cell of the imported network.
        width: Number of outputs for each prior: 4 for boxes, or the number of classes plus 1 for background.
        columns: Positions, among the outputs for a prior, of the outputs to take, in the order of Multibox's network.
        order: Positions of the imported network's priors in a cell, in the order of Multibox's priors. None keeps their
            order.

    Returns:
        Indices of the outputs to take from the imported head, in the order of Multibox's head.
    """
    return tuple(prior * width + column for prior in order or range(per_cell) for column in columns)


def class_count(tensors: Tensors, classes: str, boxes: str) -> int:
    """Compute the number of classes, without background, from the heads of one feature map.

    Args:
        tensors: Tensors of the file, by name.
        classes: Name of the bias of the classification head. For each prior of a cell, it has one value for each class
            and one for background.
        boxes: Name of the bias of the box head. For each prior of a cell, it has four values.

    Raises:
        Misfit: If the classification bias does not have the same number of values, at least 2, for each prior of the
            box bias.
    """
    outputs, priors = tensors[classes].size, tensors[boxes].size // 4
    if priors == 0 or outputs % priors or outputs // priors < 2:
        raise Misfit(f"its {classes} has {outputs} numbers, which do not fit the {priors} priors of a cell")
    return outputs // priors - 1


def class_columns(count: int, given: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Name the classes of a file, and find their columns.

    Args:
        count: Number of the file's classes, without background.
        given: Class names that the user gave, empty for none.

    Returns:
        The class names, and the columns of the file's logits to take: 0 for background, then those of the classes.

    Raises:
        BadInput: If the user gave another number of class names than the file has classes, or gave none and the file
            has neither VOC's nor COCO's number of classes.
    """
    if not given and count == COCO_COLUMNS[-1]:
        return COCO, COCO_COLUMNS
    if not given and count not in KNOWN:
        raise BadInput("classes", f"the file has {count} classes, unlike VOC and COCO; give their names")
    names = given or KNOWN[count]
    if not all(name.strip() for name in names):
        raise BadInput("classes", "a name is empty; each class needs one")
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise BadInput("classes", f"{twice[0]} is there twice; each class needs a name of its own")
    if len(names) != count:
        raise BadInput("classes", f"{counted(len(names), 'name')}, but the file has {count} classes")
    return names, tuple(range(count + 1))
