"""Finds the image of an annotation, by the name written in it, else by the stem of the annotation file."""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from functools import cached_property
from os.path import isfile
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from multibox.annotations.files import NEAR, Files, is_image, walk
from multibox.annotations.nearest import Alike
from multibox.annotations.problem import Problem
from multibox.errors import BadInput


class Images:
    """The images of a dataset, which can be found by name.

    Args:
        files: Files of the dataset.
        folder: The only folder to search. None searches all folders of the dataset.

    Raises:
        BadInput: The folder does not exist.
    """

    def __init__(self, files: Files, folder: Path | None = None):
        if folder is not None and not folder.is_dir():
            raise BadInput("images", f"{folder}: no such folder")
        self.root = folder or files.root
        self._files, self._folder = files, folder
        self._is_single = folder is None and not files.path.is_dir()
        self._alike: dict[str, Alike] = {}
        self._alike_by_stem: dict[str, Alike] = {}

    @cached_property
    def paths(self) -> list[Path]:
        """The paths of all images, sorted."""
        return [path for path in walk(self._folder) if is_image(path)] if self._folder else self._files.images

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        return _index((path.name.lower(), path) for path in self.paths)

    @cached_property
    def _by_stem(self) -> dict[str, list[Path]]:
        return _index((path.stem.lower(), path) for path in self.paths)

    def of_names(self, names: Sequence[str], near: Path, split: str = "") -> list[Path]:
        """Find the images that one annotation file names.

        Args:
            names: Names as written: file names, paths of this or another machine, or URLs.
            near: Path of the annotation file. If several images match a name equally, the image nearest to this file is
                used.
            split: Split of the annotation file. If several images match a name equally, the image in a folder of this
                split is used.

        Returns:
            Path of the image for each name. If no image is found, the path where it was expected.
        """
        if self._is_single:
            direct = [self.root / plain_name(name) for name in names]
            if all(map(isfile, direct)):
                return direct
        found = [self.of_name(name, near, split) for name in names]
        if self._is_single and sum(path is not None for path in found) * 2 < len(found):
            self._widen()
            found = [self.of_name(name, near, split) for name in names]
        found = self.without_strangers(found, names, [plain_name(name).parent for name in names])
        homes = Counter(_base(path, name) for path, name in zip(found, names, strict=True) if path is not None)
        home = homes.most_common(1)[0][0] if homes else self.root
        return [path or home / plain_name(name) for path, name in zip(found, names, strict=True)]

    def of_name(self, name: str, near: Path, split: str = "") -> Path | None:
        """Find the image whose path ends with a name.

        An image with the same file name is found too, if necessary with another suffix. The one that shares the most
        folders with the name is preferred. None if no file name matches.
        """
        written = plain_name(name)
        if not written.name:
            return None
        if written.is_absolute() and isfile(written):
            return Path(written)
        candidates = self._called(written)
        if len(candidates) < 2:
            return candidates[0] if candidates else None
        components = [part.lower() for part in reversed(written.parts)]
        best, *others = self._alike_called(written).likest(components, written.name).nearest(near, split)
        if others:
            self._files.equals[best] = others[0]
        return best

    def of_stem(self, stem: str, near: Path, split: str = "") -> list[Path]:
        """Find the image with a stem that is nearest to an annotation file.

        Several are returned if only their suffixes differ.
        """
        candidates = self._by_stem.get(stem.lower(), [])
        if len(candidates) < 2:
            return candidates
        if stem not in self._alike_by_stem:
            exact = [path for path in candidates if path.stem == stem]
            self._alike_by_stem[stem] = Alike(exact or candidates)
        return self._alike_by_stem[stem].nearest(near, split)

    def without_strangers(
        self, found: Sequence[Path | None], names: Sequence[str], groups: Sequence[Hashable]
    ) -> list[Path | None]:
        """Drop found images that belong to other annotations with the same image names.

        Folders may number their images alike. If an image of ``train`` is missing, the image of the same name in
        ``val`` must not replace it. A folder counts as another's if most of its images that match names of the group
        have the same names as nearer images.

        Args:
            found: Image found for each name. None if no image was found.
            names: Image names as written in the annotation files.
            groups: Group of each name. The images of a group are expected in the same folders.
        """
        written = [plain_name(name) for name in names]
        alone: Counter[tuple[Hashable, Path]] = Counter()
        chosen: list[tuple[Hashable, PurePosixPath]] = []
        nearest: set[tuple[Hashable, Path]] = set()
        for path, name, group in zip(found, written, groups, strict=True):
            if path is not None and any(each != path for each in self._called(name)[:2]):
                nearest.add((group, path.parent))
                chosen.append((group, name))
            elif path is not None:
                alone[group, path.parent] += 1
        doubtful: dict[Hashable, set[Path]] = defaultdict(set)
        for group, folder in alone.keys() - nearest:
            doubtful[group].add(folder)
        behind: Counter[tuple[Hashable, Path]] = Counter()
        for group, name in chosen:
            if group in doubtful:
                folders = self._alike_called(name).folders
                behind.update({(group, each): folders[each] for each in folders.keys() & doubtful[group]})
        strange = {key for key, count in behind.items() if count > alone[key]}
        return [
            None if path is None or (group, path.parent) in strange else path
            for path, group in zip(found, groups, strict=True)
        ]

    def _called(self, written: PurePosixPath) -> list[Path]:
        """The images with a name, else those with its stem."""
        return self._by_name.get(written.name.lower()) or self._by_stem.get(_stem(written).lower(), [])

    def _alike_called(self, written: PurePosixPath) -> Alike:
        key = written.name.lower()
        if key not in self._alike:
            self._alike[key] = Alike(self._called(written))
        return self._alike[key]

    def _widen(self) -> None:
        """Look beside the folder of a single annotation file too, as COCO has ``annotations`` beside ``val2017``."""
        self._is_single = False
        try:
            self.paths = [path for path in walk(self.root.parent, NEAR) if is_image(path)]
        except BadInput:  # not a dataset's folder
            return
        for name in ("_by_name", "_by_stem"):
            self.__dict__.pop(name, None)
        self._alike.clear()
        self._alike_by_stem.clear()


def pair(images: Images, files: Sequence[Path], written: Sequence[str], splits: Sequence[str]) -> list[Path | Problem]:
    """Find the images of annotation files that describe one image each.

    The image is the one that the file names. The file's own stem decides instead if there is no such image, or if the
    written names seem to be older than the files: several files name one image, or the files name fewer images than
    there are images with the files' stems.

    Args:
        images: Images of the dataset.
        files: Paths of the annotation files.
        written: Image name written in each annotation file. Empty for a file without one.
        splits: Split of each annotation file.

    Returns:
        The path of each image, which may not exist, or the problem if the image is ambiguous.
    """
    groups = [(file.parent, plain_name(name).parent) for file, name in zip(files, written, strict=True)]
    named = [images.of_name(name, file, split) for name, file, split in zip(written, files, splits, strict=True)]
    named = images.without_strangers(named, written, groups)
    owns = _of_own_stem(images, files, splits)
    uses = Counter(path for path in named if path is not None)
    are_old = len({path for own in owns for path in own[:1]}) > len(uses)
    found: list[Path | Problem] = []
    for file, name, by_name, own in zip(files, written, named, owns, strict=True):
        if by_name is not None and (not own or by_name in own or (uses[by_name] == 1 and not are_old)):
            found.append(by_name)
        elif len(own) > 1:
            listed = " or ".join(path.name for path in own)
            found.append(
                Problem("annotation", str(file), "", f"could belong to {listed}; write the image's name into the file")
            )
        else:
            found.append(own[0] if own else file.with_name(plain_name(name).name or f"{file.stem}.jpg"))
    return found


def _of_own_stem(images: Images, files: Sequence[Path], splits: Sequence[str]) -> list[list[Path]]:
    """The images with the stem of each annotation file, several if they differ in suffix alone."""
    found = [images.of_stem(file.stem, file, split) for file, split in zip(files, splits, strict=True)]
    single = [paths[0] if len(paths) == 1 else None for paths in found]
    kept = images.without_strangers(single, [f"{file.stem}.jpg" for file in files], [file.parent for file in files])
    return [paths if path is not None or len(paths) > 1 else [] for paths, path in zip(found, kept, strict=True)]


def plain_name(text: str) -> PurePosixPath:
    """Convert an image name as written to a relative path: without a URL's host and query, and with slashes.

    URLs of Label Studio, ``/data/local-files/?d=FOLDER/NAME``, give the path in their query.
    """
    address = re.match(r"[a-z][a-z0-9+.-]+://[^/?#]*([^?#]*)", text)
    if "?d=" in text:
        text = unquote(text.rpartition("?d=")[2])
    elif address:
        text = unquote(address[1])
    text = text.strip().replace("\\", "/").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return PurePosixPath(re.sub(r"^[A-Za-z]:/", "/", text))


def _index(pairs: Iterable[tuple[str, Path]]) -> dict[str, list[Path]]:
    found = defaultdict(list)
    for key, path in pairs:
        found[key].append(path)
    return found


def _stem(written: PurePosixPath) -> str:
    """The name without suffix. Names without one may contain full stops."""
    return written.stem if is_image(Path(written)) else written.name


def _tail(path: Path, written: PurePosixPath) -> int:
    """How many components two paths share at their end."""
    count = 0
    for a, b in zip(reversed(path.parts), reversed(written.parts), strict=False):
        if a.lower() != b.lower():
            break
        count += 1
    return count


def _base(path: Path, name: str) -> Path:
    """The folder that a name is relative to, if an image was found by it."""
    tail = _tail(path, plain_name(name))
    return path.parents[max(tail, 1) - 1]
