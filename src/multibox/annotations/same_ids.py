"""Makes image ids unique if several annotation files use the same ids for different images."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from multibox.annotations.annotation import ImageFile, Item, ids_of
from multibox.annotations.counting import some


def told_apart(by_file: Mapping[Path, Sequence[Item]], root: Path) -> tuple[list[Item], str]:
    """Merge the images of several annotation files of one split, with unique ids.

    Ids are kept if no two files share one. They are also kept if files share an id for the same image: then the files
    describe the same images, and merging them would count each image twice.

    Args:
        by_file: Annotated images of each annotation file, with the ids of the file.
        root: Path of the dataset's folder.

    Returns:
        The images of all files, and a sentence about new ids. The sentence is empty if the ids were kept.
    """
    plain = [item for items in by_file.values() for item in items]
    counts = Counter(item_id for items in by_file.values() for item_id in {item.id for item in items})
    images: dict[str, set[ImageFile]] = defaultdict(set)
    for item in plain:
        images[item.id].add(item.image)
    shared = [item_id for item_id, count in counts.items() if count > 1]
    if not shared or any(len(images[item_id]) < counts[item_id] for item_id in shared):
        return plain, ""
    prefixes = ids_of(list(by_file), root)
    items = [
        replace(item, id=f"{prefix}/{item.id}")
        for prefix, listed in zip(prefixes, by_file.values(), strict=True)
        for item in listed
    ]
    note = (
        f"{len(by_file)} annotation files give other images the same ids ({some(shared, 1)}), so each id begins with "
        f"the name of its file ({some([item.id for item in items], 1)})"
    )
    return items, note
