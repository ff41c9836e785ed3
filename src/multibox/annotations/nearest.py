"""Chooses, among images that match a name equally well, those nearest to an annotation file.

Not every image is compared, because a dataset may have millions.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path

from multibox.annotations.splits import folder_split


class Alike:
    """Images that match the same name.

    Args:
        paths: Paths of the images.
        shared: Number of components that the name and the end of every path have in common.
    """

    def __init__(self, paths: Sequence[Path], shared: int = 0):
        self.paths = paths
        self._shared = shared
        self._spelled: dict[str, Alike] = {}
        self._in_split: dict[str, Alike] = {}
        self._nearest: dict[tuple[str | None, ...], list[Path]] = {}

    def likest(self, written: Sequence[str], name: str) -> "Alike":
        """Choose the images that resemble a name most.

        Args:
            written: Components of the name in lower case, the last first.
            name: File name as written.

        Returns:
            The images whose paths share the most components at their end with the name. If the file names of some of
            them match in upper and lower case too, only those.
        """
        if len(self.paths) < 2:
            return self
        longer = self._by_folder.get(written[self._shared]) if self._shared < len(written) else None
        if longer is not None:
            return longer.likest(written, name)
        if name not in self._spelled:
            spelled = [path for path in self.paths if path.name == name]
            self._spelled[name] = Alike(spelled) if 0 < len(spelled) < len(self.paths) else self
        return self._spelled[name]

    def nearest(self, near: Path, split: str) -> list[Path]:
        """Choose the images that are nearest to an annotation file, in their original order.

        Args:
            near: Path of the annotation file.
            split: Split of the annotation file. Images in a folder of this split are preferred. Empty if there is none.
        """
        among = self._of_split(split) if len(self.paths) > 1 else self
        folders = near.parts[:-1]
        known = tuple(folder if folder in among._holding else None for folder in folders)
        if known not in among._nearest:
            among._nearest[known] = among._search(known)
        return among._nearest[known]

    @cached_property
    def folders(self) -> Counter[Path]:
        """Number of images in each folder."""
        return Counter(path.parent for path in self.paths)

    @cached_property
    def _by_folder(self) -> dict[str, "Alike"]:
        """The images by the component before those that the name has too, in lower case."""
        groups: dict[str, list[Path]] = defaultdict(list)
        for path in self.paths:
            if len(path.parts) > self._shared:
                groups[path.parts[-1 - self._shared].lower()].append(path)
        return {folder: Alike(paths, self._shared + 1) for folder, paths in groups.items()}

    @cached_property
    def _holding(self) -> dict[str, list[int]]:
        """Positions of the images that lie below a folder of each name."""
        found: dict[str, list[int]] = defaultdict(list)
        for position, path in enumerate(self.paths):
            for folder in set(path.parts[:-1]):
                found[folder].append(position)
        return dict(found)

    @cached_property
    def _root(self) -> tuple[str, ...]:
        """The folders that all images lie below."""
        folders = [path.parts[:-1] for path in self.paths]
        first = min(folders)
        return first[: _common(first, max(folders))]

    def _of_split(self, split: str) -> "Alike":
        """The images in a folder of a split. All if there are none."""
        if split not in self._in_split:
            inside = [path for path in self.paths if split and _is_of_split(path, split)]
            self._in_split[split] = Alike(inside) if 0 < len(inside) < len(self.paths) else self
        return self._in_split[split]

    def _search(self, near: tuple[str | None, ...]) -> list[Path]:
        """The nearest images, among those that share the rarest names of folders with the annotation file.

        An image can only be nearer than the best one so far if it shares more names than were not yet looked for.
        """
        top = _common(self._root, near)
        below = near[top:]
        names = {folder for folder in below if folder is not None}
        repeated = sum(folder is not None for folder in below) - len(names)
        best, pool = 0, set[int]()
        for count, positions in enumerate(sorted((self._holding[name] for name in names), key=len), 1):
            fresh = set(positions) - pool
            pool |= fresh
            best = max([best, *(nearness(self.paths[each], near)[0] for each in fresh)])
            if best - top > len(names) - count + repeated:
                break
        else:
            pool = set(range(len(self.paths)))
        ranks = {position: nearness(self.paths[position], near) for position in sorted(pool)}
        first = max(ranks.values())
        return [self.paths[position] for position, rank in ranks.items() if rank == first]


def nearness(path: Path, near: Sequence[str | None]) -> tuple[int, int]:
    """Rate how near an image is to an annotation file: by folder names in common, then by steps between the folders.

    Args:
        path: Path of the image.
        near: Names of the folders that the annotation file lies in, from the top. None in place of a name that is not
            compared.
    """
    folders = path.parts[:-1]
    common = _common(folders, near)
    shared = len(set(folders[common:]) & set(near[common:]))
    return shared + common, common - len(folders)


def _common(first: Sequence[str], second: Sequence[str | None]) -> int:
    """How many components two paths share at their beginning."""
    count = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        count += 1
    return count


def _is_of_split(path: Path, split: str) -> bool:
    return any(split in (folder, _split_of(folder)) for folder in path.parts[:-1])


_split_of = lru_cache(10_000)(folder_split)
