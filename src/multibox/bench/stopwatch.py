"""The time spent in nested function calls."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch


class Stopwatch:
    """Adds up the seconds spent in functions themselves, without other watched functions they call.

    Attributes:
        seconds: Seconds by name.

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
        """The same function, timed under a name."""
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
        """Time functions of a module, by the names it calls them by, while the block lasts."""
        with ExitStack() as stack:
            for name in names:
                stack.enter_context(patch.object(module, name, self.watch(name, getattr(module, name))))
            yield
