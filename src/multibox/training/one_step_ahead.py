"""The host stays one step ahead of the device."""

from typing import Any

import keras
from keras import ops


class OneStepAhead(keras.callbacks.CallbackList):
    """Callbacks of ``fit`` that are told of a step while the device still makes it.

    Keras' own list makes numbers of the metrics after every step, for which the step has to have ended: an accelerator
    would then stand still until the next batch was sent and the next step given to it. Here callbacks get the metrics
    as tensors, and wait only where they read them. What is waited for is the step before; so batches do not pile up on
    the device, and a run that is told to stop is at most one step further.
    """

    _before: dict[str, Any] | None = None

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Wait for the step before, and tell of this one."""
        if self._before:
            ops.convert_to_numpy(next(iter(self._before.values())))
        self._before = logs
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs)
