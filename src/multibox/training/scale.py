"""The loss scale in float16, without which many gradients would be too small to represent.

Gradients are divided by the scale before they are used (arXiv 1710.03740, section 3.2). The scale is found by trial,
with the numbers of Keras' ``LossScaleOptimizer``. Gradients that overflow halve the scale. After many steps without an
overflow it doubles.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

Tensor = Any


class LossScale:
    """A loss scale that adapts to the size of the gradients.

    Args:
        add_variable: The optimizer's method that creates a variable.
        start: Loss scale at the first step.
        patience: Number of consecutive steps with finite gradients after which the scale doubles.
    """

    def __init__(self, add_variable: Callable[..., Any], start: float = 2.0**15, patience: int = 2000):
        self.factor = add_variable((), initializer=keras.initializers.Constant(start), dtype="float32", name="scale")
        self.good = add_variable((), initializer="zeros", dtype="int32", name="good_steps")
        self.patience = patience

    @property
    def lowest(self) -> Tensor:
        """Whether the scale has its lowest value. Gradients that are not finite then have another cause."""
        return self.factor.value <= 1.0

    def follow(self, finite: Tensor) -> None:
        """Adapt the scale after a step, given whether the gradients were finite."""
        scale, good = self.factor.value, ops.where(finite, self.good.value + 1, 0)
        patient = good >= self.patience
        lower, higher = ops.maximum(scale / 2, 1.0), ops.where(patient, scale * 2, scale)
        self.factor.assign(ops.where(finite, higher, lower))
        self.good.assign(ops.where(patient, 0, good))
