"""Keeps the passes over the data that are in use. Drawing a pass again for each of its examples would be slow."""

from collections.abc import Callable
from typing import Generic, TypeVar

Drawn = TypeVar("Drawn")


class RecentPasses(Generic[Drawn]):
    """The pass that was drawn last and its neighbours, as threads that read ahead may be in the next pass.

    Any thread may call it. Two threads may draw the same pass. A copy that is sent to another process is empty.
    """

    def __init__(self) -> None:
        self._drawn: dict[int, Drawn] = {}

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return RecentPasses, ()

    def get(self, number: int, draw: Callable[[int], Drawn]) -> Drawn:
        """Find a pass, or draw it.

        Args:
            number: Number of the pass, from 0.
            draw: Function from the number of a pass to the pass.

        Returns:
            The pass, which must not be changed.
        """
        drawn = self._drawn
        if number not in drawn:
            near = {each: known for each, known in drawn.items() if abs(each - number) == 1}
            self._drawn = drawn = {**near, number: draw(number)}  # no thread sees a dictionary that changes
        return drawn[number]
