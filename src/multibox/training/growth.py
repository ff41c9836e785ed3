"""The growth of the input during a run: a model for the small size, and the run's own for the full size.

A convolution has the same weights at any size of its input. The small model is another network of the same layers with
its own optimizer, and its weights are copied from the run's model and back.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from keras import ops

from multibox.prepare.phases import at_size, small_size, small_steps
from multibox.training import hosts
from multibox.training.setup import Setup, set_up
from multibox.training.training_model import TrainingModel


class Growth:
    """Chooses the model that trains a step.

    Args:
        setup: Network, optimizer, data and configuration of the run.

    Attributes:
        until: Number of steps that are trained at the small size.
    """

    def __init__(self, setup: Setup):
        self.setup = setup
        self.until = small_steps(setup.config, setup.steps_per_epoch * setup.config.train.epochs)

    def model_at(self, step: int) -> TrainingModel:
        """Model that trains from a step on, with the weights of the run.

        Args:
            step: Number of steps that the run has made.
        """
        if step >= self.until:
            return self.setup.model
        copy_values(self.setup.variables, self._small.variables)
        return self._small.model

    @cached_property
    def _small(self) -> Setup:
        small = set_up(at_size(self.setup.config, small_size(self.setup.config)), self.setup.stores)
        small.model.hand_over = lambda: copy_values(small.variables, self.setup.variables)
        height, width = small.config.network.size
        hosts.log(f"trains at {width} x {height} pixels up to step {self.until} (train.small_size, train.small_until)")
        return small


def copy_values(sources: Sequence[Any], targets: Sequence[Any]) -> None:
    """Copy the values of variables to others of the same shapes, in the same order."""
    for source, target in zip(sources, targets, strict=True):
        target.assign(ops.copy(source.value))  # JAX's step gives the memory of the weights away
