"""The step of a run."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class Segment:
    """A part of a run that one call of Keras' ``fit`` covers: whole epochs, or the rest of one.

    Attributes:
        epoch: First epoch, from 0.
        until: Epoch before which the segment ends.
        steps: Number of steps in each epoch.
    """

    epoch: int
    until: int
    steps: int


class Clock(keras.callbacks.Callback):
    """Counts the steps of a run. It is the first callback, so the others can read it.

    Args:
        steps_per_epoch: Number of steps in an epoch.
        epochs: Number of epochs in the run.
        step: Number of steps made before this process began.
    """

    def __init__(self, steps_per_epoch: int, epochs: int, step: int = 0):
        super().__init__()
        self.steps_per_epoch, self.epochs, self.step = steps_per_epoch, epochs, step

    @property
    def steps(self) -> int:
        """Number of steps in the whole run."""
        return self.steps_per_epoch * self.epochs

    @property
    def epochs_done(self) -> int:
        """Number of whole epochs made."""
        return self.step // self.steps_per_epoch

    @property
    def ends_epoch(self) -> bool:
        """Whether the step just made was the last of its epoch."""
        return self.step > 0 and self.step % self.steps_per_epoch == 0

    def left(self) -> Iterator[Segment]:
        """The rest of the run: what is left of an epoch that was begun, then the other epochs."""
        into = self.step % self.steps_per_epoch
        first = self.epochs_done
        if into:
            yield Segment(first, first + 1, self.steps_per_epoch - into)
            first += 1
        if first < self.epochs:
            yield Segment(first, self.epochs, self.steps_per_epoch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count a step."""
        self.step += 1
