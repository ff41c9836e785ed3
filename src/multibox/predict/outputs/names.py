"""Names of output files, one for each image or video. No two are the same, and none replaces a file of the user."""

import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from multibox.predict.sources import Source


class Stems:
    """Names of output files without suffix: the stem of each image or video, with a number appended if it is taken.

    Args:
        sources: All sources of the run.
        spell: Function that changes a stem to what the output format allows, such as removing spaces.

    Attributes:
        renamed: New stem of each image or video whose own stem was already taken, by its path.

    Example:
        ``Stems([Source("a/x.jpg"), Source("b/x.jpg")])[Source("b/x.jpg")]`` is ``x-2``.
    """

    def __init__(self, sources: Sequence[Source], spell: Callable[[str], str] = str):
        taken: dict[str, int] = {}
        stems = {source.name: spell(source.stem) for source in sources}
        like_frames = {stem[: -len(number[0])] for stem in stems.values() if (number := _FRAME.search(stem))}
        self._stems: dict[str, str] = {}
        self.renamed: dict[str, str] = {}
        for source in sources:
            reserved = like_frames if source.kind != "image" else set()
            stem = stems[source.name]
            self._stems[source.name] = unused(stem, partial(_is_outside, reserved), taken)
            if self._stems[source.name] != stem:
                self.renamed[source.name] = self._stems[source.name]

    def __getitem__(self, source: Source) -> str:
        return self._stems[source.name]


def _is_outside(reserved: set[str], name: str) -> bool:
    return name not in reserved


_FRAME: Final = re.compile(r"-[0-9]{6,}$")
"""What follows a video's stem in the names of its frames."""


def unused(stem: str, is_free: Callable[[str], bool], taken: dict[str, int]) -> str:
    """Choose the first free name among ``STEM``, ``STEM-2``, ``STEM-3`` and so on.

    Args:
        stem: Preferred name.
        is_free: Function that takes a name and says whether it is free.
        taken: Preferred names so far, each with the last number that was appended to it. This call adds its choice.

    Returns:
        The preferred name, with a number if the name is taken.
    """
    name, number = stem, taken.get(stem, 1)
    while name in taken or not is_free(name):
        number += 1
        name = f"{stem}-{number}"
    taken |= {name: 1, stem: number}
    return name


def real_paths(sources: Sequence[Source]) -> frozenset[str]:
    """Resolved paths of the files that a run reads, which its outputs must not replace."""
    return frozenset(os.path.realpath(source.name) for source in sources if "://" not in source.name)


def may_write(path: Path, inputs: frozenset[str], is_ours: Callable[[Path], bool]) -> bool:
    """Whether a path does not exist, or may be replaced because Multibox wrote it and the run does not read it.

    Args:
        path: Path to write to.
        inputs: Resolved paths of the files that the run reads, which are never overwritten.
        is_ours: Function that takes a path and says whether Multibox wrote that file.

    Returns:
        True if the path does not exist or may be replaced.
    """
    return os.path.realpath(path) not in inputs and (not os.path.lexists(path) or is_ours(path))


def folder_names(names: Sequence[str]) -> list[str]:
    """Names of folders for classes, all different and allowed on every system, also where case does not count.

    Args:
        names: Names of the classes.

    Returns:
        Name of the folder of each class: the class's own name if it is safe. Characters that a system forbids become
        ``_``, and a number follows names that would be the same.
    """
    taken: dict[str, int] = {}
    chosen: list[str] = []
    for name in names:
        safe = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", name))[:LONGEST_FOLDER]
        safe = re.sub(r"^\.|[. ]$|^ ", "_", safe) or "_"
        if _RESERVED.match(safe):
            safe = f"_{safe}"
        folded = unused(safe.casefold(), lambda name: True, taken)
        chosen.append(safe + folded.removeprefix(safe.casefold()))
    return chosen


LONGEST_FOLDER: Final = 60
"""Number of characters of a class's name that are used in the name of its folder. In UTF-8 they take at most 240 of the
255 bytes that a name may have."""

_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f\ud800-\udfff]')
"""Characters that a system forbids in names, and halves of surrogate pairs, which are no text."""

_RESERVED: Final = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³])(\.|$)", re.IGNORECASE)
"""Names that Windows reserves for devices, with any suffix."""
