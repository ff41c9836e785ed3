"""The splits of KITTI's label files: from the lists in ``ImageSets``, else from the names of folders."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from multibox.annotations.annotation import UNSPLIT
from multibox.annotations.counting import counted
from multibox.annotations.files import Files
from multibox.annotations.lists import find_lists, read_list, without_classes
from multibox.annotations.splits import map_names, renamed, splits_by_folder, usual_split


@dataclass(frozen=True)
class Places:
    """The splits that label files are assigned to.

    Attributes:
        splits: Paths of the label files of each split. Files that a list names may not exist.
        origin: Origin of the splits, such as ``the names of the folders``. Empty if no file has a split.
        notes: Sentences about what was guessed or left out.
    """

    splits: dict[str, list[Path]]
    origin: str
    notes: tuple[str, ...] = ()


def place(files: Files, found: Sequence[Path]) -> Places:
    """Find the split of each label file.

    Args:
        files: All files of the dataset, lists of splits included.
        found: Paths of the label files.

    Raises:
        BadInput: The list of a split in ``ImageSets`` is empty.
    """
    lists, of_one_class = without_classes(find_lists(files), ())
    by_stem = {path.stem: path for path in found}
    if lists and len(by_stem) == len(found):
        places = _by_lists(files, lists, by_stem)
        return replace(places, notes=(*places.notes, *of_one_class))
    splits: dict[str, list[Path]] = {}
    for path, split in zip(found, splits_by_folder(found, files.root), strict=True):
        splits.setdefault(split, []).append(path)
    unused = "several label files have the same name, so the lists in ImageSets were not used"
    origin = "" if set(splits) <= {UNSPLIT} else "the names of the folders"
    return Places(splits, origin, (unused,) if lists else ())


def _by_lists(files: Files, lists: dict[str, Path], by_stem: dict[str, Path]) -> Places:
    listed = {name: read_list(path, by_stem) for name, path in lists.items()}
    others = {stem for name, stems in listed.items() if usual_split(name) != "test" for stem in stems}
    foreign = [name for name, stems in listed.items() if usual_split(name) == "test" and not others.isdisjoint(stems)]
    used = {name: stems for name, stems in listed.items() if name not in foreign}
    split_of = map_names(used)
    home = next(iter(by_stem.values())).parent
    splits: dict[str, list[Path]] = {}
    for name, stems in used.items():
        paths = (by_stem.get(stem, home / f"{stem}.txt") for stem in stems)
        splits.setdefault(split_of[name], []).extend(paths)
    notes = [
        f"the list {name} was not used, as it shares ids with other lists (KITTI numbers its test images from 0 again)"
        for name in foreign
    ]
    unlisted = by_stem.keys() - {stem for stems in used.values() for stem in stems}
    if unlisted:
        notes.append(
            counted(
                len(unlisted),
                "label file is in no list and was left out",
                "label files are in no list and were left out",
            )
        )
    shown = ", ".join(files.short(lists[name]) for name in used)
    return Places(splits, f"the lists {shown}", (*notes, *renamed(used)))
