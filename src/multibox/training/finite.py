"""A callback that stops a run whose loss is not finite, and names the step and its images."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from multibox.errors import RunFailed
from multibox.training.clock import Clock


class StopIfNotFinite(keras.callbacks.Callback):
    """Stops a run if the optimizer skipped a step because the loss or a gradient was not finite.

    Args:
        clock: Clock that counts the steps of the run.
        every: Number of steps between two checks.
        record_ids: Function that returns the images of a step as pairs of store name and record id.
    """

    def __init__(self, clock: Clock, every: int, record_ids: Callable[[int], list[tuple[str, str]]]):
        super().__init__()
        self.clock, self.every, self.record_ids = clock, every, record_ids

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Check for skipped steps every ``every`` steps."""
        if self.clock.step % self.every == 0:
            self.look()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Check for skipped steps before the model is validated or saved."""
        self.look()

    def look(self) -> None:
        """Stop the run if a step was skipped.

        Raises:
            RunFailed: If a step's loss was not finite. The message names the first such step and its images.
        """
        optimizer: Any = self.model.optimizer
        step = int(ops.convert_to_numpy(optimizer.first_skipped))
        if step < 0:
            return
        images = ", ".join("/".join(name) for name in self.record_ids(step))
        raise RunFailed(
            f"step {step + 1}: the loss or a gradient is not finite; the step was not applied and the run stopped. "
            f"Check the images of this step ({images}), or lower train.lr"
        )
