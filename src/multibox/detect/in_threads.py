"""Work ahead: the next items are prepared in threads while the present ones are used."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from multibox.machine import cores

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], ahead: int = 32, threads: int | None = None
) -> Generator[Result]:
    """Like ``map``, but up to ``ahead`` results are worked out before they are asked for.

    Worth it where the function leaves Python for long, as decoding and resizing an image does.

    Args:
        function: what to do with an item.
        items: the items; they are taken as results are used.
        ahead: how many results wait at most.
        threads: how many work; else one a core.

    Yields:
        the results, in the items' order. An error of the function is raised in its place.
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


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of ``size`` items; the last one may be shorter."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
