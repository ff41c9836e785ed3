"""What is said of a dataset as a whole: images in two splits, no split for validation, one class under two names."""

from collections.abc import Iterator, Mapping, Sequence

from multibox.annotations.annotation import ImageFile, Item
from multibox.annotations.counting import counted, some


def remarks(splits: Mapping[str, Sequence[Item]], counts: Mapping[str, int], *, is_chosen: bool) -> Iterator[str]:
    """What is said of a dataset as a whole.

    Args:
        splits: Annotated images by split.
        counts: Number of objects of each class.
        is_chosen: Whether the user chose the splits.

    Yields:
        A sentence for each kind of doubt, and for each pair of splits that share images.
    """
    yield from _shared(splits)
    if not is_chosen and "val" not in splits and {"train", "trainval"} & set(splits):
        yield (
            f"no split is called val ({', '.join(splits)}), so training has no validation; rename the "
            "folder or the list of a split to val, or divide the images anew with `multibox data split`"
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
                    f"({some(shared, 1)}); figures of {later} will be too good"
                )


def spelled_alike(counts: Mapping[str, int]) -> list[list[str]]:
    """Class names that differ only in case or spaces.

    Args:
        counts: Number of objects of each class.

    Returns:
        Groups of such names, in each the most frequent first.
    """
    groups: dict[str, list[str]] = {}
    for name in sorted(counts, key=lambda name: -counts[name]):
        groups.setdefault("".join(name.lower().split()), []).append(name)
    return [names for names in groups.values() if len(names) > 1]


def joining(groups: Sequence[Sequence[str]]) -> str:
    """How to make one class of each group of names, which gets the name that comes first.

    Args:
        groups: Class names that are alike, in groups of at least two.

    Returns:
        A sentence with the value of ``rename``, and the names that the value cannot hold.
    """
    pairs = [(name, names[0]) for names in groups for name in names[1:]]
    fit = ",".join(f"{old}={new}" for old, new in pairs if _fits(old) and _fits(new))
    others = [repr(old) for old, new in pairs if not (_fits(old) and _fits(new))]
    said = [f'rename="{fit}" joins them'] if fit else []
    if others:
        said.append(f"{some(others)} cannot be renamed by a list of names, so change the annotations")
    return "; ".join(said)


def _fits(name: str) -> bool:
    """Whether a name can stand in a list of pairs such as ``rbc=RBC``."""
    return name == name.strip() and name.isprintable() and not set(name) & set(',="')


def _alike(counts: Mapping[str, int]) -> Iterator[str]:
    groups = spelled_alike(counts)
    if groups:
        listed = some([" and ".join(names) for names in groups])
        yield f"classes {listed} differ only in case or spaces; {joining(groups)}"
