"""How the library reports progress: it calls a function, and the caller decides what to show."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Function that the library calls as work advances, with the number of items done and the total number of items."""
