"""A parallel ``map`` that computes results in advance: threads prepare the next items while the caller uses one."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from multibox.machine import cores

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], ahead: int = 32, threads: int | None = None
) -> Generator[Result]:
    """Apply a function to items like ``map``, but threads compute up to ``ahead`` results in advance.

    This pays off if the function mostly runs without Python's global interpreter lock, as image decoding and resizing
    do.

    Args:
        function: Function to call with each item.
        items: Items to apply the function to. An item is taken from the iterable only when its result may be computed.
        ahead: Largest number of results that are computed in advance.
        threads: Number of threads. None means one per core.

    Yields:
        Results in the order of the items. If the function raises an exception for an item, the exception is raised in
        place of the result.
    """
    remaining = iter(items)
    with ThreadPoolExecutor(threads or cores()) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            while True:
                waiting.extend(pool.submit(function, item) for item in islice(remaining, ahead - len(waiting)))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
