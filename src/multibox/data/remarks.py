"""Warnings about a dataset as a whole: images in two splits, no validation split, one class under two names."""

from collections.abc import Iterator, Mapping, Sequence

from multibox.annotations.annotation import ImageFile, Item
from multibox.annotations.counting import counted, some


def remarks(splits: Mapping[str, Sequence[Item]], counts: Mapping[str, int], *, is_chosen: bool) -> Iterator[str]:
    """Warnings about a dataset as a whole.

    Args:
        splits: Annotated images by split.
        counts: Number of objects of each class.
        is_chosen: Whether the user chose the splits.

    Yields:
        A sentence for each warning. Each pair of splits that share images has its own.
    """
    yield from _shared(splits)
    if not is_chosen and "val" not in splits and {"train", "trainval"} & set(splits):
        yield (
            f"no split is called val ({', '.join(splits)}), so training has no validation; rename a split's folder "
            "or list to val, or divide the images again with `multibox data split`"
        )
    yield from _alike(counts)


def _shared(splits: Mapping[str, Sequence[Item]]) -> Iterator[str]:
    """Pairs of splits that share images."""
    images: dict[str, dict[ImageFile, None]] = {
        split: dict.fromkeys(item.image for item in items) for split, items in splits.items()
    }
    for position, later in enumerate(images):
        for earlier in list(images)[:position]:
            shared = [str(image) for image in images[later] if image in images[earlier]]
            if shared:
                yield (
                    f"{counted(len(shared), 'image is', 'images are')} in both {earlier} and {later} "
                    f"({some(shared, 1)}); metrics on {later} will be too high"
                )


def spelled_alike(counts: Mapping[str, int]) -> list[list[str]]:
    """Class names that differ only in case or spaces.

    Args:
        counts: Number of objects of each class.

    Returns:
        Groups of names that differ only in case or spaces. In each group the most frequent name is first.
    """
    groups: dict[str, list[str]] = {}
    for name in sorted(counts, key=lambda name: -counts[name]):
        groups.setdefault("".join(name.lower().split()), []).append(name)
    return [names for names in groups.values() if len(names) > 1]


def joining(groups: Sequence[Sequence[str]]) -> str:
    """Advice on how to merge the names of each group into one class, with the group's first name.

    Args:
        groups: Groups of at least two class names that differ only in case or spaces.

    Returns:
        A sentence for the user. It gives the value of the option ``rename`` that merges the groups, then the names that
        this option cannot change.
    """
    pairs = [(name, names[0]) for names in groups for name in names[1:]]
    fit = ",".join(f"{old}={new}" for old, new in pairs if _fits(old) and _fits(new))
    others = [repr(old) for old, new in pairs if not (_fits(old) and _fits(new))]
    said = [f'rename="{fit}" joins them'] if fit else []
    if others:
        said.append(f"{some(others)} cannot be renamed with rename, so change the annotations")
    return "; ".join(said)


def _fits(name: str) -> bool:
    """Whether a name can stand in a list of pairs such as ``rbc=RBC``."""
    return name == name.strip() and name.isprintable() and not set(name) & set(',="')


def _alike(counts: Mapping[str, int]) -> Iterator[str]:
    groups = spelled_alike(counts)
    if groups:
        listed = some([" and ".join(names) for names in groups])
        yield f"classes {listed} differ only in case or spaces; {joining(groups)}"
