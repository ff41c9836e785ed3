"""The clock of a run, which counts training steps."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class Segment:
    """Epochs of a run that one call of Keras' ``fit`` trains: whole epochs, or a part of one epoch.

    Attributes:
        epoch: Index of the first epoch, from 0.
        until: Index of the epoch after the last one, from 0.
        steps: Number of training steps in each epoch of the segment.
    """

    epoch: int
    until: int
    steps: int


class Clock(keras.callbacks.Callback):
    """Callback that counts the steps of a run. It comes first, so that other callbacks can read the count.

    Args:
        steps_per_epoch: Number of training steps in an epoch.
        epochs: Number of epochs in the whole run.
        step: Number of training steps that earlier processes of this run made.
    """

    def __init__(self, steps_per_epoch: int, epochs: int, step: int = 0):
        super().__init__()
        self.steps_per_epoch, self.epochs, self.step = steps_per_epoch, epochs, step

    @property
    def steps(self) -> int:
        """Number of training steps in the whole run."""
        return self.steps_per_epoch * self.epochs

    @property
    def epochs_done(self) -> int:
        """Number of epochs finished so far."""
        return self.step // self.steps_per_epoch

    @property
    def ends_epoch(self) -> bool:
        """Whether the step just made was the last of its epoch."""
        return self.step > 0 and self.step % self.steps_per_epoch == 0

    def left(self, cuts: Iterable[int] = ()) -> Iterator[Segment]:
        """Segments left to train, in order.

        Args:
            cuts: Steps, counted from the start of the run and rising, before which a segment must end.
        """
        step = self.step
        for end in (*(cut for cut in cuts if cut < self.steps), self.steps):
            while step < end:
                epoch, into = divmod(step, self.steps_per_epoch)
                whole = 0 if into else end // self.steps_per_epoch - epoch
                steps = self.steps_per_epoch if whole else min(end - step, self.steps_per_epoch - into)
                yield Segment(epoch, epoch + max(1, whole), steps)
                step += max(1, whole) * steps

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count one training step."""
        self.step += 1
