"""What a peer's file means: which network, which priors, and which of its tensors go where."""

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

TRUNK_NOTE = "a trunk alone: extra layers and heads are fresh; train from it with --init"


class Misfit(ValueError):  # noqa: N818  It is what the file is, in the words of the user
    """A file is not what it was said to be; the message names the first tensor that does not fit."""


@dataclass(frozen=True)
class Part:
    """One layer of ours.

    Attributes:
        ours: its name.
        theirs: the tensors that it is made of.
        change: from them to the layer's weights, in the layer's order and shapes.
        rows: of the last axis after that: which of their outputs ours are, in our order; None: all as they are.
    """

    ours: str
    theirs: tuple[str, ...]
    change: Callable[[Weights], Weights] = list
    rows: tuple[int, ...] | None = None

    @property
    def permuted(self) -> bool:
        """Whether our outputs stand in another order than theirs, or are fewer."""
        return self.rows is not None

    def weights(self, tensors: Tensors) -> Weights:
        """The layer's weights.

        Raises:
            Misfit: a tensor is missing, or has another number of axes.
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
    """What the tensors of a file mean.

    Attributes:
        network: that computes what the peer's does.
        priors: whose order is that of the network's outputs.
        classes: the user's classes.
        parts: the layers, in the order of the network; others keep fresh weights.
        notes: what the user should know.
        detect: how the peer detects.
        read: tensors that say something else than weights.
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
    """Whose weights are read.

    Attributes:
        kind: what ``multibox import --from`` calls it.
        title: for people.
        read: from a file to its tensors.
        plan: from them, and the classes that the user gave, to what they mean; raises :class:`Misfit`.
    """

    kind: str
    title: str
    read: Callable[[str | Path], Tensors]
    plan: Callable[[Tensors, tuple[str, ...]], Plan]


def need(tensors: Tensors, names: Sequence[str]) -> None:
    """Raise :class:`Misfit` that names the first tensor which is missing."""
    for name in names:
        if name not in tensors:
            raise Misfit(f"it has no {name}")


def conv(ours: str, theirs: Sequence[str], *, oihw: bool = True, bgr: bool = False) -> Part:
    """A convolution.

    Args:
        ours: our layer.
        theirs: kernel, and bias if there is one.
        oihw: whether their kernels are (out, in, y, x), as PyTorch's and Caffe's, or (y, x, in, out), as Keras'.
        bgr: whether it sees the image, and sees it as BGR.
    """

    def change(values: Weights) -> Weights:
        kernel = values[0].transpose(2, 3, 1, 0) if oihw else values[0]
        return [kernel[:, :, ::-1] if bgr else kernel, *values[1:]]

    return Part(ours, tuple(theirs), change)


def batch_norm(ours: str, theirs: Sequence[str], extra_epsilon: float = 0.0) -> Part:
    """A batch normalisation.

    Args:
        ours: our layer.
        theirs: scale, shift, mean, variance, and the bias of the convolution before it if that has one and ours not.
        extra_epsilon: how much their epsilon is larger than ours; it is added to the variance, which is the same.
    """

    def change(values: Weights) -> Weights:
        scale, shift, mean, variance, *bias = values
        return [scale, shift, mean - bias[0] if bias else mean, variance + np.float32(extra_epsilon)]

    return Part(ours, tuple(theirs), change)


def head_rows(per_cell: int, width: int, columns: Sequence[int], order: Sequence[int] | None = None) -> tuple[int, ...]:
    """Which outputs of a head to take, when a cell's outputs are prior by prior and in each column by column.

    Args:
        per_cell: their priors in a cell.
        width: columns of each.
        columns: theirs that ours are, in our order.
        order: their priors that ours are, in our order; without it the same.

    Returns:
        the outputs' numbers.
    """
    return tuple(prior * width + column for prior in order or range(per_cell) for column in columns)


def class_count(tensors: Tensors, classes: str, boxes: str) -> int:
    """How many classes the heads of one map have, without background.

    Args:
        tensors: of the file.
        classes: the bias of the classes' head: one number for each class and background of each prior of a cell.
        boxes: of the boxes' head: four for each prior.

    Raises:
        Misfit: the one is no multiple of the other.
    """
    outputs, priors = tensors[classes].size, tensors[boxes].size // 4
    if priors == 0 or outputs % priors or outputs // priors < 2:
        raise Misfit(f"its {classes} has {outputs} numbers, which do not fit the {priors} priors of a cell")
    return outputs // priors - 1


def class_columns(count: int, given: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names for the classes of a file.

    Args:
        count: of its classes, without background.
        given: by the user.

    Returns:
        the classes' names, and the columns, from 0 for background, that these and background have in the file.

    Raises:
        BadInput: names that are not as many as the classes, or none for classes that are not those of VOC or COCO.
    """
    if not given and count == COCO_COLUMNS[-1]:
        return COCO, COCO_COLUMNS
    if not given and count not in KNOWN:
        raise BadInput("classes", f"the file has {count} classes, which is neither VOC nor COCO; give their names")
    names = given or KNOWN[count]
    if len(names) != count or len(set(names)) != count:
        raise BadInput("classes", f"{len(set(names))} different names, but the file has {count} classes")
    return names, tuple(range(count + 1))
