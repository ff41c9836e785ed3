"""Names for what is written of sources, so that no two get the same, and nothing of the user's is written over."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from multibox.predict.sources import Source


class Stems:
    """A name without suffix for each source: its own, or where another has it, that with a number.

    Args:
        sources: all of the run.

    Example:
        ``Stems([Source("a/x.jpg"), Source("b/x.jpg")])[Source("b/x.jpg")]`` is ``x-2``.
    """

    def __init__(self, sources: Sequence[Source]):
        taken: dict[str, int] = {}
        self._stems = {source.name: unused(source.stem, lambda stem: True, taken) for source in sources}

    def __getitem__(self, source: Source) -> str:
        return self._stems[source.name]


def unused(stem: str, is_free: Callable[[str], bool], taken: dict[str, int]) -> str:
    """``STEM``, or ``STEM-2`` and so on: the first that is free.

    Args:
        stem: the name that is wanted.
        is_free: whether a name can be had.
        taken: the names that were given, with the last number of each; the new one is added.
    """
    name, number = stem, taken.get(stem, 1)
    while name in taken or not is_free(name):
        number += 1
        name = f"{stem}-{number}"
    taken |= {name: 1, stem: number}
    return name


def real_paths(sources: Sequence[Source]) -> frozenset[str]:
    """The real paths of the files that a run reads, which none that it writes may replace."""
    return frozenset(os.path.realpath(source.name) for source in sources if "://" not in source.name)


def may_write(path: Path, inputs: frozenset[str], is_ours: Callable[[Path], bool]) -> bool:
    """Whether a path is neither an input nor something that is not ours."""
    return os.path.realpath(path) not in inputs and (not os.path.lexists(path) or is_ours(path))
