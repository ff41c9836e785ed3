"""A stopwatch for nested function calls."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch


class Stopwatch:
    """Adds up the seconds spent in watched functions.

    Time in a watched function that another one calls counts only once.

    Attributes:
        seconds: Seconds spent in each watched function, by the name given to :meth:`watch`.

    Example:
        >>> stopwatch = Stopwatch()
        >>> with stopwatch.watching(example, ["decode", "render"]):
        ...     example.training_example(record, rng, priors_rel, config)
        >>> stopwatch.seconds["decode"]
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inner = [0.0]  # seconds of watched calls inside each call under way

    def watch(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function so that the time of its calls is added up under a name."""
        self.seconds.setdefault(name, 0.0)

        def watched(*args: Any, **kwargs: Any) -> Any:
            self._inner.append(0.0)
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                spent = time.perf_counter() - start
                self.seconds[name] += spent - self._inner.pop()
                self._inner[-1] += spent

        return watched

    @contextmanager
    def watching(self, module: ModuleType, names: Iterable[str]) -> Iterator[None]:
        """Watch functions of a module while the block lasts. ``names`` are their names in that module."""
        with ExitStack() as stack:
            for name in names:
                stack.enter_context(patch.object(module, name, self.watch(name, getattr(module, name))))
            yield
