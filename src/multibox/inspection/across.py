"""What no single image shows: images in two splits or in none, classes that are rare or written in two ways."""

from collections.abc import Iterator, Sequence
from typing import Final

from multibox.data.annotation import IMAGE_SUFFIXES
from multibox.data.file_names import readable
from multibox.data.look_alikes import find_alike, stack_looks
from multibox.data.source import Source
from multibox.inspection.finding import Finding
from multibox.inspection.look import Look

RARE: Final = 0.1
"""A class with less than this share of what classes have on average is rare."""


def in_two_splits(looks: dict[str, list[Look]]) -> Iterator[Finding]:
    """Images that an earlier split has too, byte by byte or as look-alikes. Each is listed once, for the first such
    split.
    """
    whole = {split: [look for look in found if look.seen is not None] for split, found in looks.items()}
    splits = list(whole)
    for i, split in enumerate(splits):
        twins: dict[int, Finding] = {}
        for earlier in splits[:i]:
            action = f"figures of {split} are too good where {earlier} is learned from; keep one of the two"
            for k, kind, detail in _twins(whole[split], whole[earlier]):
                finding = Finding(kind, whole[split][k].file, "", f"{detail} of {earlier}", action)
                twins.setdefault(k, finding)
        yield from (twins[k] for k in sorted(twins))


def _twins(looks: Sequence[Look], others: Sequence[Look]) -> Iterator[tuple[int, str, str]]:
    """Position of each image that has a twin among the others, the kind of finding, and the twin."""
    same = {other.digest: other for other in reversed(others)}
    seen, theirs = (stack_looks([look.seen for look in found if look.seen]) for found in (looks, others))
    alike = find_alike(seen, theirs)
    for k, look in enumerate(looks):
        if look.digest in same:
            yield k, "same", f"is the same file as {same[look.digest].file}"
        elif k in alike:
            yield k, "alike", f"looks like {others[alike[k]].file}"


def uneven_classes(objects: dict[str, dict[str, int]], training: str) -> Iterator[Finding]:
    """Classes that are absent from a split, or rare in the training split.

    Args:
        objects: Numbers of objects of each class, by split.
        training: Name of the training split.
    """
    for split, counts in objects.items():
        average = sum(counts.values()) / max(1, len(counts))
        for name, count in counts.items():
            if not count:
                action = "never learned" if split == training else "not judged: it has no average precision"
                yield Finding("class", split, name, f"no object in {split}", action)
            elif split == training and count < RARE * average:
                detail = f"{count} objects, where a class has {average:.0f} on average"
                yield Finding("class", split, name, detail, "seldom learned from; gather more, or expect little of it")


def spellings(source: Source) -> Iterator[Finding]:
    """Class names that differ only by case or spaces."""
    first: dict[str, str] = {}
    for name in source.classes:
        known = first.setdefault("".join(name.lower().split()), name)
        if known != name:
            detail = f"differs from {known!r} by case or space alone"
            yield Finding("class", source.description, name, detail, "learned as a class of its own; make it one name")


def unused_pictures(source: Source) -> Iterator[Finding]:
    """Images in the folders of the source that are in none of its splits."""
    used = {item.image for items in source.splits.values() for item in items}
    for folder in sorted({image.parent for image in used}):
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in IMAGE_SUFFIXES and path not in used:
                yield Finding("unused", readable(path), "", "is in no split, or has no annotation", "never looked at")
