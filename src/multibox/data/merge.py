"""Merge datasets: classes of the same name become one, splits of the same name are joined."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from multibox.data.record import Record
from multibox.data.rewrite import write_splits
from multibox.data.store import Store, class_names, split_order
from multibox.data.store_writer import check_new_name
from multibox.errors import BadInput
from multibox.progress import Progress


def merge_datasets(
    stores: Sequence[Store], name: str, *, replace: bool = False, progress: Progress | None = None
) -> list[Store]:
    """Merge the images of several datasets into a new one.

    Classes are matched by name, in order of first appearance. The id of each record is prefixed with the name of its
    dataset, so that no two ids are equal. The name is taken from the dataset's folder, because a renamed or copied
    store still holds its old name.

    Args:
        stores: Stores of all datasets, in the order in which their classes are listed.
        name: Name of the new dataset.
        replace: Whether to replace an existing dataset that has the name ``name``.
        progress: Function called with the number of finished images and of all images.

    Returns:
        Stores of the new dataset, one per split.

    Raises:
        BadInput: If the name is taken and ``replace`` is not set, or a store is given twice.
    """
    check_new_name(name, replace=replace)
    twice = [path for path, count in Counter(store.path for store in stores).items() if count > 1]
    if twice:
        raise BadInput(twice[0], "is given twice; give each dataset once")
    classes = class_names(stores)
    by_split: dict[str, list[Store]] = defaultdict(list)
    for store in stores:
        by_split[store.meta.split].append(store)
    total, done = sum(map(len, stores)), 0

    def records(parts: Sequence[Store]) -> Iterator[Record]:
        nonlocal done
        for store in parts:
            labels = np.array([classes.index(name) for name in store.meta.classes], np.int64)
            for record in store:
                objects = dataclasses.replace(record.objects, labels=labels[record.objects.labels])
                yield dataclasses.replace(record, id=f"{store.path.parent.name}/{record.id}", objects=objects)
                done += 1
                if progress:
                    progress(done, total)

    numbers = {(store.meta.classes, store.meta.category_ids) for store in stores}
    return write_splits(
        name,
        {split: records(by_split[split]) for split in sorted(by_split, key=split_order)},
        classes,
        source="merge of " + ", ".join(f"{store.path.parent.name}/{store.meta.split}" for store in stores),
        category_ids=stores[0].meta.category_ids if len(numbers) == 1 else (),
        replace=replace,
    )
