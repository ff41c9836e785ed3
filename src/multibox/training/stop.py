"""Ctrl-C and SIGTERM: a run finishes its step, saves a checkpoint, and ends."""

import signal
import threading
from types import FrameType
from typing import Any, Self

import keras

from multibox.training import hosts
from multibox.training.training_model import bring_weights_back

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopAsked(Exception):  # noqa: N818  It is what happened, not an error
    """Exception that leaves ``fit`` or a validation after a signal."""


class StopOnSignal(keras.callbacks.Callback):
    """Callback that raises :class:`StopAsked` at the end of a step after Ctrl-C or SIGTERM.

    With several hosts, a signal to one host stops all hosts after the same step. Hosts exchange signals only every few
    steps, because each exchange waits for the devices.

    A second signal of the same kind ends the process at once. Outside the main thread, signals cannot be handled and
    keep their usual effect.

    Args:
        every: Number of steps between two checks for a signal. Hosts exchange their signals at each check.

    Example:
        ``with StopOnSignal() as stop: model.fit(..., callbacks=[stop])``
    """

    def __init__(self, every: int = 1) -> None:
        super().__init__()
        self.every, self.made = every, 0
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._remember) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Stop the run if a signal has arrived."""
        self.made += 1
        if self.made % self.every == 0:
            self.look()

    def look(self) -> None:
        """Raise :class:`StopAsked` if a signal has arrived at any host."""
        signals = [signal for signal in hosts.gather(self.signal) if signal is not None]
        if signals:
            self.signal = signals[0]
            bring_weights_back(self)
            raise StopAsked

    def _remember(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        signal.signal(number, self._before[number])
