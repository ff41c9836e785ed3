"""Findings about a dataset as a whole: images in two splits or in none, and classes that are rare or spelled twice."""

from collections import Counter
from collections.abc import Iterator, Sequence
from os.path import isdir
from pathlib import Path

from multibox.annotations.counting import counted
from multibox.annotations.files import IMAGE_SUFFIXES
from multibox.data.file_names import readable
from multibox.data.look_alikes import find_alike, stack_looks
from multibox.data.object_kinds import UNDO_CROWDS, ObjectKinds
from multibox.data.presence import Presence
from multibox.data.rarity import rarities
from multibox.data.remarks import joining, spelled_alike
from multibox.data.source import Source
from multibox.inspection.finding import Finding
from multibox.inspection.inspect_image import InspectedImage


def in_two_splits(inspected: dict[str, list[InspectedImage]]) -> Iterator[Finding]:
    """Find images that are also in an earlier split, as the same file or as a look-alike.

    Args:
        inspected: Inspected images by split.

    Yields:
        A finding for each image that is also in an earlier split. It names the first split with that image.
    """
    intact = {split: [image for image in images if image.look is not None] for split, images in inspected.items()}
    splits = list(intact)
    for i, split in enumerate(splits):
        twins: dict[int, Finding] = {}
        for earlier in splits[:i]:
            action = f"metrics on {split} are too high if training uses {earlier}; keep the image in one of them"
            for k, kind, detail in _twins(intact[split], intact[earlier]):
                finding = Finding(kind, intact[split][k].file, "", f"{detail} of {earlier}", action)
                twins.setdefault(k, finding)
        yield from (twins[k] for k in sorted(twins))


def _twins(images: Sequence[InspectedImage], others: Sequence[InspectedImage]) -> Iterator[tuple[int, str, str]]:
    """Position, kind of finding and detail for each image that is also among the others."""
    same = {other.digest: other for other in reversed(others)}
    looks, other_looks = (stack_looks([image.look for image in few if image.look]) for few in (images, others))
    alike = find_alike(looks, other_looks)
    for k, image in enumerate(images):
        if image.digest in same:
            yield k, "same", f"is the same file as {same[image.digest].file}"
        elif k in alike:
            yield k, "alike", f"looks like {others[alike[k]].file}"


def useless_splits(inspected: dict[str, list[InspectedImage]], training: str) -> Iterator[Finding]:
    """Find splits whose objects are all crowds, or all difficult if difficult objects are not used.

    Args:
        inspected: Inspected images by split.
        training: Name of the training split.

    Yields:
        A finding for the training split if training uses none of its objects, and for each other split if evaluation
        uses none. Splits without objects are ignored.
    """
    for split, images in inspected.items():
        kinds = sum((image.kinds for image in images), ObjectKinds())
        learned = sum(len(image.objects) for image in images if image.objects is not None)
        if kinds.total and not (learned if split == training else kinds.single):
            effect = "nothing to learn" if split == training else "nothing to evaluate"
            yield Finding("useless", split, "", kinds.unusual, f"{effect}; {UNDO_CROWDS}" if kinds.crowds else effect)


def uneven_classes(
    objects: dict[str, dict[str, int]], training: str, presence: Presence, *, may_balance: bool
) -> Iterator[Finding]:
    """Find classes that are absent from a split, or rare in the training split.

    Args:
        objects: Number of objects of each class, by split.
        training: Name of the training split.
        presence: The images of the training split, and the classes that each one shows.
        may_balance: Whether ``data.balance`` can be set, which ``data.tiles`` excludes.

    Yields:
        A finding for each class and split in which the class is absent, or is rare in the training split.
    """
    images = presence.images_by_name
    rarity_of, most = rarities(images), max(images.values(), default=0)
    for split, counts in objects.items():
        for name, count in counts.items():
            if not count:
                action = (
                    "never learned"
                    if split == training
                    else "not evaluated, as there is no average precision without objects"
                )
                yield Finding("class", split, name, f"has no object in {split}", action)
            elif split == training and rarity_of[name] == "rare":
                found_in = f"{images[name]:,} of {counted(presence.images, 'image')}"
                detail = f"has {counted(count, 'object')} in {found_in}, the most frequent class is in {most:,}"
                advice = "collect more images, or set data.balance" if may_balance else "collect more images"
                yield Finding("class", split, name, detail, f"learned poorly; {advice}")


def spelled_twice(objects: dict[str, dict[str, int]], target: str) -> Iterator[Finding]:
    """Find class names that differ only in case or spaces.

    Args:
        objects: Number of objects of each class, by split.
        target: Name or path of the dataset.
    """
    totals: Counter[str] = Counter()
    for counts in objects.values():
        totals.update(counts)
    groups = spelled_alike(totals)
    for names in groups:
        for name in names[1:]:
            detail = f"differs from {names[0]!r} only in case or spaces"
            action = f"built as a separate class; {joining(groups)}"
            yield Finding("spelling", target, name, detail, action)


def unused_files(source: Source) -> Iterator[Finding]:
    """Find label files without an image, and images in a dataset's folders that belong to no split."""
    for path in source.strays:
        yield Finding("unused", readable(path), "", "belongs to no image of the splits", "never used")
    used = {item.image for items in source.splits.values() for item in items if isinstance(item.image, Path)}
    for folder in sorted({image.parent for image in used}):
        if not isdir(folder):
            continue
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in IMAGE_SUFFIXES and path not in used:
                yield Finding("unused", readable(path), "", "is in no split, or has no annotation", "never used")
