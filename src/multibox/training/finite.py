"""Stops a run whose loss is not finite, and says where to look."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from multibox.errors import RunFailed
from multibox.training.clock import Clock


class StopIfNotFinite(keras.callbacks.Callback):
    """Looks every few steps whether the optimizer had to leave a step out.

    Args:
        clock: who knows the step.
        every: steps between two looks.
        record_ids: the images of a step, as ``(store, id)``.
    """

    def __init__(self, clock: Clock, every: int, record_ids: Callable[[int], list[tuple[str, str]]]):
        super().__init__()
        self.clock, self.every, self.record_ids = clock, every, record_ids

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look, where a look is due."""
        if self.clock.step % self.every == 0:
            self.look()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look before anything is validated or saved."""
        self.look()

    def look(self) -> None:
        """Stop the run if a step was left out.

        Raises:
            RunFailed: naming the first such step and its images.
        """
        optimizer: Any = self.model.optimizer
        step = int(ops.convert_to_numpy(optimizer.first_skipped))
        if step < 0:
            return
        images = ", ".join("/".join(name) for name in self.record_ids(step))
        raise RunFailed(
            f"step {step + 1}: the loss or a gradient is not finite; the step was not applied and the run stopped. "
            f"Look at its images ({images}), or lower train.lr"
        )
