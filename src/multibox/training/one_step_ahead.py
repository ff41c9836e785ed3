"""The host stays one step ahead of the device."""

from typing import Any

import keras
from keras import ops


class OneStepAhead(keras.callbacks.CallbackList):
    """Callbacks of ``fit`` that run while the device still makes the step.

    Keras' own list turns the metrics into numbers after every step and so waits for it. An accelerator then idles until
    the next batch and step arrive. These callbacks get the metrics as tensors and wait only where they read them. This
    list waits for the step before, so batches do not pile up on the device, and a stopped run is at most one step
    further.
    """

    _before: dict[str, Any] | None = None

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Wait for the step before, then call the callbacks of this one."""
        if self._before:
            ops.convert_to_numpy(next(iter(self._before.values())))
        self._before = logs
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs)
