"""Keras callbacks that let the host prepare the next step while the device computes."""

from collections.abc import Callable
from typing import Any

import keras

from multibox.models.backend import current


class OneStepAhead(keras.callbacks.CallbackList):
    """List of ``fit`` callbacks that run while the device still computes the step.

    Keras' own list converts the metrics to numbers after every step, and so waits for the device. An accelerator is
    then idle until the next batch arrives. This list passes the metrics on as tensors, so that callbacks wait only if
    they read them. It waits for the previous step only, so that batches do not pile up on the device. A stopped run
    makes at most one step more.
    """

    _wait_for_previous: Callable[[], Any] | None = None

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Wait until the device has made the previous step, then call the callbacks."""
        if self._wait_for_previous:
            self._wait_for_previous()
        self._wait_for_previous = current().waiting_for(next(iter(logs.values()))) if logs else None
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs)
