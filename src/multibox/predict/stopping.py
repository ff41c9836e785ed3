"""Ends a run in order when a signal asks it to stop: what was found so far is kept."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals of Ctrl-C, of ``kill``, ``docker stop`` and systemd, and of a terminal that closes."""


@contextmanager
def stopped_by_signals() -> Iterator[list[int]]:
    """Turn the first of :data:`SIGNALS` into ``KeyboardInterrupt``, and ignore those after it.

    Outside the main thread, signals are left alone.

    Yields:
        List that receives the number of the signal.
    """
    received: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if not received:
            received.append(number)
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
