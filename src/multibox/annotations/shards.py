"""Recognises files that are shards of one set by their names, such as ``train-00003-of-00010.parquet``."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from multibox.annotations.counting import counted
from multibox.annotations.files import Files

_SHARD = re.compile(r"[-_.]?(\d+)-of-(\d+)(-[0-9a-f]{6,})?(?=\.|$)")
"""The number of a piece and of all, and the random letters that follow in older sets."""

_NUMBER = re.compile(r"[-_.]?\d+([-_]\d+)?(?=(\.[A-Za-z]+)?$)")
"""A number at the end of the name."""


def set_of(path: Path) -> Path:
    """The path without the number of a shard, which is the same for all shards of a set.

    Example:
        ``set_of(Path("train.record-00003-of-00010")) == Path("train.record")``
    """
    name = _SHARD.sub("", path.name) if _SHARD.search(path.name) else _NUMBER.sub("", path.name)
    return path.with_name(f"data{name}" if not name or name.startswith(".") else name)


def describe_shards(found: Sequence[Path], files: Files) -> tuple[str, ...]:
    """Describe shards that are missing, and files that were guessed to be shards of one set.

    Args:
        found: Paths of the files that are read.
        files: All files of the dataset.
    """
    notes = []
    pieces: dict[tuple[Path, int], set[int]] = defaultdict(set)
    alike: dict[Path, list[Path]] = defaultdict(list)
    for path in found:
        shard = _SHARD.search(path.name)
        if shard:
            pieces[set_of(path), int(shard[2])].add(int(shard[1]))
        else:
            alike[set_of(path)].append(path)
    for (whole, total), numbers in pieces.items():
        if len(numbers) < total:
            notes.append(f"only {len(numbers):,} of the {total:,} shards of {files.short(whole)} were found")
    for same in alike.values():
        if len(same) > 1:
            names = f"{files.short(same[0])}, {files.short(same[1])}" + (", ..." if len(same) > 2 else "")
            notes.append(
                f"{counted(len(same), 'file')} whose names differ in a number were read as shards of one set ({names})"
            )
    return tuple(notes)
