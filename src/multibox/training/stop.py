"""Ctrl-C and SIGTERM: a run finishes its step, saves, and ends."""

import signal
import threading
from types import FrameType
from typing import Any, Self

import keras

from multibox.training import hosts
from multibox.training.training_model import bring_weights_back

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopAsked(Exception):  # noqa: N818  It is what happened, not an error
    """Raised to leave ``fit`` or a validation after a signal."""


class StopOnSignal(keras.callbacks.Callback):
    """Remembers a signal, and raises :class:`StopAsked` at the end of the step.

    With several hosts, a signal to one of them stops all after the same step. They exchange signals every few steps,
    because each exchange waits for the devices.

    A second signal of the kind has its usual effect and ends the process at once. Outside the main thread, signals
    cannot be handled and keep their effect.

    Args:
        every: Number of steps between two checks.

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
        """Stop, if a signal has come."""
        self.made += 1
        if self.made % self.every == 0:
            self.look()

    def look(self) -> None:
        """Raise :class:`StopAsked` if a signal has come to any host."""
        signals = [signal for signal in hosts.gather(self.signal) if signal is not None]
        if signals:
            self.signal = signals[0]
            bring_weights_back(self)
            raise StopAsked

    def _remember(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        signal.signal(number, self._before[number])
