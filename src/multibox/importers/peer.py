"""What a peer's file means: its network, its priors, and where each of its tensors goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from multibox.config import Detect, Network, Priors
from multibox.errors import BadInput
from multibox.importers.class_lists import COCO, COCO_COLUMNS, KNOWN

Tensors = dict[str, np.ndarray]
Weights = list[np.ndarray]

TRUNK_ONLY = ("object",)
"""The classes of a model whose file had no heads."""

TRUNK_NOTE = "a trunk alone: extra layers and heads are fresh; train from it with network.weights=FILE"


class Misfit(ValueError):  # noqa: N818  It is what the file is, in the words of the user
    """A file is not of the kind given. The message names the first tensor that does not fit."""


@dataclass(frozen=True)
class Part:
    """One layer of the network.

    Attributes:
        ours: Name of the layer.
        theirs: Names of the tensors it is made of.
        change: Function from the peer's tensors to the layer's weights, in the layer's order and shapes.
        rows: Indices on the last axis after that: the peer's outputs, in the network's order. None takes all as they
            are.
    """

    ours: str
    theirs: tuple[str, ...]
    change: Callable[[Weights], Weights] = list
    rows: tuple[int, ...] | None = None

    @property
    def permuted(self) -> bool:
        """Whether the outputs are reordered, or fewer than the peer's."""
        return self.rows is not None

    def weights(self, tensors: Tensors) -> Weights:
        """Weights of the layer.

        Raises:
            Misfit: If a tensor is missing, or has another number of axes.
        """
        need(tensors, self.theirs)
        values = [tensors[name] for name in self.theirs]
        try:
            changed = self.change(values)
            return changed if self.rows is None else [value[..., list(self.rows)] for value in changed]
        except (ValueError, IndexError):
            shapes = " and ".join(str(value.shape) for value in values)
            raise Misfit(f"its {self.theirs[0]} has the shape {shapes}, which {self.ours} cannot have") from None


@dataclass(frozen=True)
class Plan:
    """Meaning of a file's tensors.

    Attributes:
        network: Configuration of a network that computes the same as the peer's.
        priors: Configuration of the priors.
        classes: Class names, without background.
        parts: Layers in the order of the network. Others keep fresh weights.
        notes: What the user should know.
        detect: The peer's settings of detection.
        read: Tensors that are not weights.
    """

    network: Network
    priors: Priors
    classes: tuple[str, ...]
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()
    detect: Detect = field(default_factory=Detect)
    read: tuple[str, ...] = ()


@dataclass(frozen=True)
class Peer:
    """A project whose weights can be imported.

    Attributes:
        kind: Name that ``multibox import`` takes.
        title: Title for display.
        read: Function from a file to its tensors.
        plan: Function that takes the peer's tensors and the user's class names, and returns a :class:`Plan`. It raises
            :class:`Misfit` if the tensors are not the peer's.
    """

    kind: str
    title: str
    read: Callable[[str | Path], Tensors]
    plan: Callable[[Tensors, tuple[str, ...]], Plan]


def need(tensors: Tensors, names: Sequence[str]) -> None:
    """Raise :class:`Misfit` with the name of the first missing tensor."""
    for name in names:
        if name not in tensors:
            raise Misfit(f"it has no {name}")


def conv(ours: str, theirs: Sequence[str], *, oihw: bool = True, bgr: bool = False) -> Part:
    """A convolution.

    Args:
        ours: Name of the network's layer.
        theirs: Names of the kernel, and of the bias if there is one.
        oihw: Whether the kernels are (out, in, y, x), as in PyTorch and Caffe, or (y, x, in, out), as in Keras.
        bgr: Whether the layer takes the image, in BGR.
    """

    def change(values: Weights) -> Weights:
        kernel = values[0].transpose(2, 3, 1, 0) if oihw else values[0]
        return [kernel[:, :, ::-1] if bgr else kernel, *values[1:]]

    return Part(ours, tuple(theirs), change)


def batch_norm(ours: str, theirs: Sequence[str], extra_epsilon: float = 0.0) -> Part:
    """A batch normalisation.

    Args:
        ours: Name of the network's layer.
        theirs: Names of the peer's scale, shift, mean and variance. If the convolution before has a bias in the peer's
            network only, that bias too.
        extra_epsilon: How much larger the peer's epsilon is. It is added to the variance, which is equivalent.
    """

    def change(values: Weights) -> Weights:
        scale, shift, mean, variance, *bias = values
        return [scale, shift, mean - bias[0] if bias else mean, variance + np.float32(extra_epsilon)]

    return Part(ours, tuple(theirs), change)


def head_rows(per_cell: int, width: int, columns: Sequence[int], order: Sequence[int] | None = None) -> tuple[int, ...]:
    """Outputs of a head to take, if a cell's outputs are ordered by prior and within each by column.

    Args:
        per_cell: Number of the peer's priors in a cell.
        width: Number of columns of each prior.
        columns: The peer's columns, in the network's order.
        order: The peer's priors, in the network's order. None keeps the order.

    Returns:
        Indices of the outputs.
    """
    return tuple(prior * width + column for prior in order or range(per_cell) for column in columns)


def class_count(tensors: Tensors, classes: str, boxes: str) -> int:
    """Number of classes in the heads of one map, without background.

    Args:
        tensors: Tensors of the file.
        classes: Name of the bias of the classes' head: one number for each class and background of each prior of a
            cell.
        boxes: Name of the bias of the boxes' head: four numbers for each prior.

    Raises:
        Misfit: If the one is not a multiple of the other.
    """
    outputs, priors = tensors[classes].size, tensors[boxes].size // 4
    if priors == 0 or outputs % priors or outputs // priors < 2:
        raise Misfit(f"its {classes} has {outputs} numbers, which do not fit the {priors} priors of a cell")
    return outputs // priors - 1


def class_columns(count: int, given: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names of a file's classes.

    Args:
        count: Number of the file's classes, without background.
        given: Class names that the user gave.

    Returns:
        The class names, and the columns of background (0) and of these classes in the file.

    Raises:
        BadInput: If the number of names is wrong, or none were given and the number is neither VOC's nor COCO's.
    """
    if not given and count == COCO_COLUMNS[-1]:
        return COCO, COCO_COLUMNS
    if not given and count not in KNOWN:
        raise BadInput("classes", f"the file has {count} classes, which is neither VOC nor COCO; give their names")
    names = given or KNOWN[count]
    if len(names) != count or len(set(names)) != count:
        raise BadInput("classes", f"{len(set(names))} different names, but the file has {count} classes")
    return names, tuple(range(count + 1))
