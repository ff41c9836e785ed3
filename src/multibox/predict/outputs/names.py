"""Names of the files that are written for sources. They are unique, and none replaces a file of the user."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from multibox.predict.sources import Source


class Stems:
    """A name without suffix for each source: the source's own stem, with a number if another source has the same.

    Args:
        sources: All sources of the run.

    Example:
        ``Stems([Source("a/x.jpg"), Source("b/x.jpg")])[Source("b/x.jpg")]`` is ``x-2``.
    """

    def __init__(self, sources: Sequence[Source]):
        taken: dict[str, int] = {}
        self._stems = {source.name: unused(source.stem, lambda stem: True, taken) for source in sources}

    def __getitem__(self, source: Source) -> str:
        return self._stems[source.name]


def unused(stem: str, is_free: Callable[[str], bool], taken: dict[str, int]) -> str:
    """Choose the first free name of ``STEM``, ``STEM-2`` and so on.

    Args:
        stem: Preferred name.
        is_free: Function that takes a name and says whether it is free.
        taken: Names chosen so far, with the last number of each. The chosen name is added.

    Returns:
        The chosen name.
    """
    name, number = stem, taken.get(stem, 1)
    while name in taken or not is_free(name):
        number += 1
        name = f"{stem}-{number}"
    taken |= {name: 1, stem: number}
    return name


def real_paths(sources: Sequence[Source]) -> frozenset[str]:
    """Real paths of the files that a run reads, which its outputs must not replace."""
    return frozenset(os.path.realpath(source.name) for source in sources if "://" not in source.name)


def may_write(path: Path, inputs: frozenset[str], is_ours: Callable[[Path], bool]) -> bool:
    """Whether a path is free, or belongs to Multibox and is no input of the run.

    Args:
        path: Path to write to.
        inputs: Real paths of the files that the run reads.
        is_ours: Function that takes a path and says whether Multibox wrote that file.

    Returns:
        True if no such file exists, or it may be replaced.
    """
    return os.path.realpath(path) not in inputs and (not os.path.lexists(path) or is_ours(path))
