"""Keras variables on PyTorch whose values lie side by side in one tensor.

PyTorch starts each operation from Python. A network has hundreds of variables, and an optimizer needs a dozen
operations for each. Joined, all variables with the same learning rate and weight decay change together.
"""

from collections.abc import Sequence
from math import prod
from typing import Any, TypeAlias

import keras
import torch

from multibox.training.optimizer import is_alarm

Tensor: TypeAlias = Any


class Joined:
    """Variables that share one tensor. Each remains a variable of its own, with its path, shape and value.

    Args:
        variables: Keras variables on PyTorch of one data type.

    Attributes:
        variable: Keras variable of all values, ``(N,)``.
        members: The joined variables.
    """

    def __init__(self, variables: Sequence[Any]):
        self.members = list(variables)
        values = torch.cat([variable.value.detach().reshape(-1) for variable in variables])
        self.variable = keras.Variable(values, trainable=False, autocast=False, name=variables[0].name)
        for variable, part in zip(variables, self.parts(self.variable.value.detach()), strict=True):
            variable.value.data = part

    def parts(self, values: Tensor) -> list[Tensor]:
        """Split a tensor ``(N,)`` into one of each member's shape. The parts are views of it."""
        shapes = [tuple(variable.shape) for variable in self.members]
        pieces = values.split([prod(shape) for shape in shapes])
        return [piece.view(shape) for piece, shape in zip(pieces, shapes, strict=True)]


def join_variables(optimizer: Any) -> list[Joined]:
    """Join the variables of an optimizer that have the same multipliers, and those that it keeps for them.

    From then on the optimizer's ``apply`` takes the joined variables and their gradients. A checkpoint still holds the
    single ones.

    Args:
        optimizer: Built :class:`multibox.training.optimizer.GuardedOptimizer`.

    Returns:
        The joined variables that the optimizer trains.
    """
    groups: dict[Any, list[int]] = {}
    for index, variable in enumerate(optimizer._trainable_variables):
        groups.setdefault((optimizer._multipliers[index], is_alarm(variable)), []).append(index)

    def joined(variables: Sequence[Any]) -> list[Joined]:
        return [Joined([variables[index] for index in indices]) for indices in groups.values()]

    def values_of(variables: Sequence[Any]) -> list[Any]:
        return [each.variable for each in joined(variables)]

    single = optimizer.variables
    weights = joined(optimizer._trainable_variables)
    slots = [values_of(slot) for slot in zip(*optimizer._slots, strict=True)]
    optimizer._slots = [list(slots_of_group) for slots_of_group in zip(*slots, strict=True)]
    optimizer._multipliers = [multipliers for multipliers, _ in groups]
    if optimizer.use_ema:
        optimizer._model_variables_moving_average = values_of(optimizer._model_variables_moving_average)
    if optimizer.gradient_accumulation_steps:
        optimizer._accumulated_gradients = values_of(optimizer._accumulated_gradients)
    optimizer._trainable_variables = [each.variable for each in weights]
    optimizer._trainable_variables_indices = {id(each.variable): index for index, each in enumerate(weights)}
    optimizer._variables[:] = single  # Keras has added the joined ones
    return weights
