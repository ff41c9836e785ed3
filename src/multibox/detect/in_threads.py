"""Working ahead: threads prepare the next items while the current ones are used."""

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

    This pays off if the function releases Python's lock for long, as decoding and resizing an image does.

    Args:
        function: Function to call with each item.
        items: Items to apply the function to. They are taken one by one as results are used.
        ahead: Largest number of results that are computed in advance.
        threads: Number of threads. None means one per core.

    Yields:
        Results in the order of the items. An exception of the function is raised when its result would come.
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
