"""Which step of a run it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class Segment:
    """A part of a run that Keras' ``fit`` can do at once: whole epochs, or the rest of one.

    Attributes:
        epoch: the first, from 0.
        until: the epoch it ends before.
        steps: of each of its epochs.
    """

    epoch: int
    until: int
    steps: int


class Clock(keras.callbacks.Callback):
    """Counts the steps of a run; the first of its callbacks, for the others to read.

    Args:
        steps_per_epoch: as said.
        epochs: of the run.
        step: steps made before this process began.
    """

    def __init__(self, steps_per_epoch: int, epochs: int, step: int = 0):
        super().__init__()
        self.steps_per_epoch, self.epochs, self.step = steps_per_epoch, epochs, step

    @property
    def steps(self) -> int:
        """Of the whole run."""
        return self.steps_per_epoch * self.epochs

    @property
    def epochs_done(self) -> int:
        """Whole epochs."""
        return self.step // self.steps_per_epoch

    @property
    def ends_epoch(self) -> bool:
        """Whether the step just made was the last of its epoch."""
        return self.step > 0 and self.step % self.steps_per_epoch == 0

    def left(self) -> Iterator[Segment]:
        """What is left of the run: the rest of an epoch that was begun, then the others."""
        into = self.step % self.steps_per_epoch
        first = self.epochs_done
        if into:
            yield Segment(first, first + 1, self.steps_per_epoch - into)
            first += 1
        if first < self.epochs:
            yield Segment(first, self.epochs, self.steps_per_epoch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count."""
        self.step += 1
