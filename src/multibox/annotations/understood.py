"""Summarises in a few lines how a dataset was understood, for the user to check before training."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import isfile
from pathlib import Path

from multibox.annotations.annotation import UNSPLIT, Annotation, ImageFile, Item, Part
from multibox.annotations.counting import counted, some
from multibox.annotations.doubts import doubts
from multibox.annotations.files import Files


@dataclass(frozen=True)
class Understood:
    """A summary of what was read from one folder or file.

    Attributes:
        path: Path of the folder or file.
        layout: Name of the format of the annotations.
        files: Number of annotation files that were read.
        paired: Number of images with an annotation.
        missing: Names of images that have an annotation but do not exist.
        unused: Paths of images that no split or annotation names, relative to the folder.
        splits: Text with the number of images of each split, and where the splits come from.
        corners: Text that says how box corners were interpreted, and why. Empty if the format leaves no doubt.
        notes: Sentences about anything else that was guessed, left out or repaired.
    """

    path: str
    layout: str
    files: int
    paired: int
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    splits: str
    corners: str
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """The lines of the summary, to print."""
        files = f", {counted(self.files, 'annotation file')}" if self.files else ""
        lines = [f"{self.path}: {self.layout}{files}, {counted(self.paired, 'annotated image')}"]
        if self.missing:
            lines.append(f"missing images: {len(self.missing):,} that annotations name ({some(self.missing)})")
        if self.unused:
            count = f"{len(self.unused):,} that no split or annotation names, left out"
            lines.append(f"unused images: {count} ({some(self.unused)})")
        lines.append(f"splits: {self.splits}")
        if self.corners:
            lines.append(f"corners: {self.corners}")
        return [*lines, *(f"note: {note}" for note in self.notes)]


def understand(part: Part, layout: str, files: Files, others: Sequence[str], seed: int) -> Understood:
    """Summarise what was read from one folder or file.

    Args:
        part: Annotated images, classes and notes that were read from this folder or file.
        layout: Name of the format that was read, for messages.
        files: Files of the dataset.
        others: Names of further formats that the folder holds and that were not read.
        seed: Random seed of the division of images without a split.
    """
    items = [item for items in part.splits.values() for item in items]
    known = set(files.images) if files.path.is_dir() else set()
    missing = [item.image for item in items if isinstance(item.image, Path) and not _exists(item.image, known)]
    used: set[ImageFile] = {item.image for item in items}
    unused = _unused(files, used) if files.path.is_dir() else []
    broken = [path for path in files.not_json if path not in part.files]
    notes = [
        *part.notes,
        *doubts(part, files),
        *(f"{files.short(path)} was passed over: {files.not_json[path]}" for path in broken),
    ]
    if others:
        notes.append(
            f"the folder also holds {', '.join(others)}, which was not read; to read another format, set layout=NAME"
        )
    return Understood(
        str(files.path),
        layout,
        len(part.files),
        len({str(item.image) for item in items}) - len({str(path) for path in missing}),
        tuple(sorted({str(path.name) for path in missing})),
        tuple(files.short(path) for path in unused),
        _splits(part, seed),
        part.corners,
        tuple(notes),
    )


def _splits(part: Part, seed: int) -> str:
    if not any(part.splits.get(UNSPLIT, ())):
        return f"{_counts(part.splits)}, from {part.splits_from or 'the data'}"
    loose = len(part.splits[UNSPLIT])
    divided = f"{counted(loose, 'image')} divided at random into train, val and test, 70/15/15, with split_seed={seed}"
    apart = {name: items for name, items in part.splits.items() if name != UNSPLIT}
    return f"none are declared; {divided}" if not apart else f"{_counts(apart)}; the other {divided}"


def _counts(splits: Mapping[str, Sequence[Item]]) -> str:
    return ", ".join(f"{name} {len(items):,}" for name, items in splits.items())


def _unused(files: Files, used: set[ImageFile]) -> list[Path]:
    """The images that no split or annotation names, in the folders of those that are named."""
    folders = {image.parent for image in used if isinstance(image, Path)}
    return [path for path in files.images if path.parent in folders and path not in used]


def _exists(path: Path, known: set[Path]) -> bool:
    return path in known or isfile(path)


def annotations_of(items: Iterable[Item]) -> Iterator[Annotation]:
    """The valid annotations among the images read from one folder or file."""
    return (item.annotation for item in items if isinstance(item.annotation, Annotation))
