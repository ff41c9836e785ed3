"""How the library reports progress: it calls a function, and the caller decides what to show."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""A function that is called with the number of items done and the number of all items."""
