"""What the loss is multiplied by in float16, whose smallest numbers many gradients are below.

Gradients are divided by it again before anything is made of them (arXiv 1710.03740, section 3.2). It is found by
trying, with the numbers of Keras' ``LossScaleOptimizer``: too large a one makes gradients overflow, which halves it;
after many steps without that it is doubled.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

Tensor = Any


class LossScale:
    """A scale that follows what the gradients allow.

    Args:
        add_variable: of the optimizer, which keeps the state.
        start: the first scale.
        patience: steps with finite gradients, one after the other, after which it is doubled.
    """

    def __init__(self, add_variable: Callable[..., Any], start: float = 2.0**15, patience: int = 2000):
        self.factor = add_variable((), initializer=keras.initializers.Constant(start), dtype="float32", name="scale")
        self.good = add_variable((), initializer="zeros", dtype="int32", name="good_steps")
        self.patience = patience

    @property
    def lowest(self) -> Tensor:
        """Whether it cannot be lowered any more: what is not finite now is not so because of the scale."""
        return self.factor.value <= 1.0

    def follow(self, finite: Tensor) -> None:
        """Take note of a step whose gradients were finite, or not."""
        scale, good = self.factor.value, ops.where(finite, self.good.value + 1, 0)
        patient = good >= self.patience
        lower, higher = ops.maximum(scale / 2, 1.0), ops.where(patient, scale * 2, scale)
        self.factor.assign(ops.where(finite, higher, lower))
        self.good.assign(ops.where(patient, 0, good))
