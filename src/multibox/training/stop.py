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
    """Leaves ``fit`` or a validation."""


class StopOnSignal(keras.callbacks.Callback):
    """Remembers that a signal came, and raises :class:`StopAsked` at the end of the step.

    Where several hosts train together, a signal to one of them stops all after the same step: they ask one another at
    every so many steps, as each time they wait for their devices.

    A second signal of the kind does what it does elsewhere: it ends the process at once. Outside of the main thread
    signals cannot be had, and stay as they are.

    Args:
        every: steps between two looks.

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
        """Stop, where that was asked for."""
        self.made += 1
        if self.made % self.every == 0:
            self.look()

    def look(self) -> None:
        """Raise :class:`StopAsked` where a signal has come, to whichever host."""
        signals = [signal for signal in hosts.gather(self.signal) if signal is not None]
        if signals:
            self.signal = signals[0]
            bring_weights_back(self)
            raise StopAsked

    def _remember(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        signal.signal(number, self._before[number])
