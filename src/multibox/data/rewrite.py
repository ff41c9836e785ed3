"""Writing a new dataset from the records of existing ones, for splitting and merging."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from multibox.data.file_names import refuse_unsafe_split
from multibox.data.record import Record
from multibox.data.store import REPORT, SUFFIX, Counts, Store, store_path
from multibox.data.store_writer import StoreWriter, new_dataset


def write_splits(
    name: str,
    splits: Mapping[str, Iterable[Record]],
    classes: Sequence[str],
    *,
    source: str,
    category_ids: Sequence[int] = (),
    about: Mapping[str, Any] | None = None,
    replace: bool = False,
) -> list[Store]:
    """Write the stores of a dataset. No store appears before all are complete.

    Args:
        name: Name of the dataset.
        splits: Records of each split, by the split's name.
        classes: Class names. The records' labels are positions in
            this list.
        source: Origin of the data, as a text for the stores' descriptions.
        category_ids: Number of each class in the original data, such as COCO's category ids. If empty, classes are
            numbered 1 to C.
        about: Further values to write into ``build.json``, the report beside the stores.
        replace: Whether to replace an existing dataset of that name.

    Returns:
        The new stores, one for each split.

    Raises:
        BadInput: If the name is not valid, or it is taken and ``replace`` is not set.
    """
    for split in splits:
        refuse_unsafe_split(split)
    counts: dict[str, Counts] = {}
    with new_dataset(name, replace=replace) as folder:
        for split, records in splits.items():
            path = folder / f"{split}{SUFFIX}"
            with StoreWriter(
                path, name=name, split=split, classes=classes, source=source, category_ids=category_ids
            ) as writer:
                for record in records:
                    writer.add(record)
                counts[split] = writer.counts
        report = {"name": name, "source": source, "classes": list(classes), "problems": [], **(about or {})}
        report["splits"] = {split: asdict(count) for split, count in counts.items()}
        (folder / REPORT).write_text(json.dumps(report, indent=1), "utf-8")
    return [Store(store_path(name, split)) for split in splits]
