"""Finds the split that a name stands for, and divides images that have no split."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, count
from pathlib import Path, PurePosixPath

import numpy as np

from multibox.annotations.annotation import UNSPLIT, ImageFile, Item

SHARES = (0.70, 0.15)
"""Shares of train and val in a dataset without splits. The rest is test."""

LOOSE = "loose"
"""Name of the split of files that are in none of the folders of splits, but beside them."""

_PLAIN = re.compile(r"(?<![a-z])(trainval|train(ing)?|val(id(ation)?)?|test(ing)?)(?![a-z])")
_OTHER = re.compile(r"(?<![a-z])(trn|trainset|valset|testset|tst|dev|devel|eval|evaluation|minival|holdout)(?![a-z])")
_MEANS = {"trn": "train", "trainset": "train", "valset": "val", "tst": "test", "testset": "test"}
_MEANS |= dict.fromkeys(("dev", "devel", "eval", "evaluation", "minival", "holdout"), "val")
_NEUTRAL = re.compile(
    "set|split|data(set)?|images?|imgs?|pics|labels?|annotations?|ann(ots)?|xmls?|json|txt|yolo|voc|coco|jpg|png|fold|part"
)
_WHOLE = ("", "default", "all", "full", "complete", "data", "dataset", "annotations", "labels", "images")


def usual_split(text: str) -> str:
    """The split (train, val, test or trainval) that the name of a file or folder means, else :data:`UNSPLIT`.

    Example:
        ``usual_split("instances_val2017") == "val"``
    """
    plain = _joined(text)
    found = _PLAIN.search(plain)
    if found:
        return "trainval" if found[0] == "trainval" else {"tr": "train", "va": "val", "te": "test"}[found[0][:2]]
    other = _OTHER.search(plain)
    return _MEANS[other[0]] if other else UNSPLIT


def _joined(text: str) -> str:
    """A name in lower case, in which ``hold-out`` and ``held out`` are the one word that they mean."""
    return re.sub(r"(?<![a-z])(hold|held)[\s_-]*out", "holdout", text.lower())


def folder_split(name: str) -> str:
    """The split that a folder's name means, else :data:`UNSPLIT`.

    The other words in the name must be neutral: ``train_images`` and ``val2017`` are splits, ``test_rig`` is a name.
    """
    words = {word for word in re.split(r"[^a-z]+", _joined(name)) if word}
    meant = {word for word in words if usual_split(word)}
    return usual_split(name) if meant and all(map(_NEUTRAL.fullmatch, words - meant)) else UNSPLIT


def map_names(names: Iterable[str]) -> dict[str, str]:
    """Find the split of each name, where a dataset names its parts: in lists, a column's values, or folders.

    Parts stay separate. An unusual name becomes a split of its own, as :func:`safe_split` writes it. A name such as
    ``minival`` means ``val``, unless the name of another part matches ``val`` better.

    Args:
        names: Names of lists, columns or folders, as they were written.

    Returns:
        Split of each name. Empty names, and names for all images such as ``default``, mean :data:`UNSPLIT`.
    """
    own_words = _own_words(list(dict.fromkeys(names)))
    wanted = {name: usual_split(words) for name, words in own_words.items()}
    plain = {split for name, split in wanted.items() if _PLAIN.search(own_words[name].lower())}
    others = [name for name, split in wanted.items() if split and not _PLAIN.search(own_words[name].lower())]
    claims = Counter(wanted[name] for name in others)
    own = {name for name in others if wanted[name] in plain or claims[wanted[name]] > 1}
    means = {name: split if name not in own else "" for name, split in wanted.items()}
    others = [name for name, split in means.items() if not split and name.lower() not in _WHOLE]
    safe = _safe_splits(others, set(means.values()))
    return {name: split or safe.get(name, UNSPLIT) for name, split in means.items()}


def _safe_splits(names: Sequence[str], taken: set[str]) -> dict[str, str]:
    """A split for each name, all different: of names that :func:`safe_split` makes equal, later ones get a number."""
    splits: dict[str, str] = {}
    for name in sorted(names, key=lambda name: safe_split(name) != name):
        safe = safe_split(name)
        numbered = (f"{safe}-{number}" for number in count(2))
        splits[name] = next(split for split in chain([safe], numbered) if split not in taken)
        taken = taken | {splits[name]}
    return splits


def _own_words(names: Sequence[str]) -> dict[str, str]:
    """The part of each name that can mean its split.

    A word that all share, as in ``crash_test_train`` and ``crash_test_val``, is part of the name of the dataset if it
    would put all into one split.
    """
    words = {name: re.findall(r"[a-z]+|[^a-z]+", name.lower()) for name in names}
    shared = set.intersection(*map(set, words.values())) if len(names) > 1 else set()
    rest = {name: " ".join(word for word in each if word not in shared) for name, each in words.items()}
    is_name = len(set(map(usual_split, names))) == 1 and len(set(map(usual_split, rest.values())) - {UNSPLIT}) > 1
    return rest if is_name else {name: name for name in names}


def renamed(names: Iterable[str]) -> tuple[str, ...]:
    """Describe each name that was read as a split of another name, such as ``dev`` as ``val``."""
    splits = map_names(names)
    return tuple(f"{name!r} was read as the split {split}" for name, split in splits.items() if _is_guess(name, split))


def _is_guess(name: str, split: str) -> bool:
    return bool(split) and split != name and not _PLAIN.search(name.lower())


def map_files(stems: Iterable[str]) -> dict[str, str]:
    """Find the split that the name of each annotation file means, as :func:`map_names` does.

    If there is a single file and its name means no split, the file holds the whole dataset and gets :data:`UNSPLIT`.
    """
    splits = map_names(stems)
    if len(splits) == 1 and not any(map(usual_split, splits)):
        return dict.fromkeys(splits, UNSPLIT)
    return splits


def safe_split(name: str) -> str:
    """Convert the name of a list, file or folder to a split's name: letters and digits of any script, ``_``, ``-``."""
    return re.sub(r"[^\w-]+", "_", name).strip("_") or LOOSE


def written_split(path: Path, root: Path) -> str:
    """The name that gives the split of an annotation file with many images: the file's, else its folder's.

    COCO's prefix is removed: ``instances_night.json`` has the split ``night``.
    """
    if path.parent != root and folder_split(path.parent.name) and not usual_split(path.stem):
        return path.parent.name
    return path.stem.removeprefix("instances_")


def written_splits(named: Mapping[Path, Sequence[str]], root: Path) -> dict[Path, str]:
    """The name that gives the split of each annotation file, as :func:`written_split` finds it.

    Files that describe one image each and have its stem get their split from their folder alone.

    Args:
        named: Names of the images that each annotation file describes, by path of the file.
        root: Path of the dataset's folder.
    """
    if len(named) > 1 and all(
        {PurePosixPath(name).stem for name in names} == {path.stem} for path, names in named.items()
    ):
        return dict(zip(named, splits_by_folder(list(named), root), strict=True))
    return {path: written_split(path, root) for path in named}


def splits_by_folder(paths: Sequence[Path], root: Path) -> list[str]:
    """Find the split of each file from the names of the folders between the root and the file.

    Args:
        paths: Paths of files below the dataset's folder.
        root: Path of the dataset's folder.

    Returns:
        Split of each path. All are :data:`UNSPLIT` if no folder is named after a split.
    """
    folders = [path.relative_to(root).parts[:-1] for path in paths]
    level = _split_level(folders)
    if level is None:
        return [UNSPLIT] * len(paths)
    names = [parts[level] if len(parts) > level else "" for parts in folders]
    by_name = map_names(names)
    return [by_name[name] or safe_split(name) for name in names]


def _split_level(folders: Sequence[tuple[str, ...]]) -> int | None:
    """The depth at which folders are named after splits: the one where most files are below such a folder."""
    counts: dict[int, int] = {}
    for parts in folders:
        for level, name in enumerate(parts):
            if folder_split(name):
                counts[level] = counts.get(level, 0) + 1
    return max(counts, key=lambda level: (counts[level], -level)) if counts else None


def divide(splits: dict[str, list[Item]], seed: int) -> dict[str, list[Item]]:
    """Divide images that have no split into train, val and test at random. Entries of the same image stay together.

    Images inside other files stay in the order of those files, in which they are read fastest.

    Args:
        splits: Annotated images by split. Images under :data:`UNSPLIT` are to be divided.
        seed: Random seed. The same seed and images give the same division.

    Returns:
        Annotated images by split. No image is left under :data:`UNSPLIT`.
    """
    divided = {name: list(items) for name, items in splits.items() if name != UNSPLIT}
    by_image: dict[ImageFile, list[Item]] = {}
    for item in sorted(splits.get(UNSPLIT, ()), key=lambda item: item.id):
        by_image.setdefault(item.image, []).append(item)
    loose = list(by_image.values())
    order = np.random.default_rng(seed).permutation(len(loose))
    held_out = max(1, round(len(loose) * SHARES[1])) if len(loose) >= 3 else 0
    place = {item.id: i for i, item in enumerate(splits.get(UNSPLIT, ())) if not isinstance(item.image, Path)}
    ends = (len(loose) - 2 * held_out, len(loose) - held_out)
    for name, chosen in zip(("train", "val", "test"), np.split(order, ends), strict=True):
        if len(chosen):
            items = (item for i in sorted(chosen) for item in loose[i])
            divided.setdefault(name, []).extend(sorted(items, key=lambda item: place.get(item.id, 0)))
    return divided
