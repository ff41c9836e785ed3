"""Open the stores of a dataset by its name, and find an image in them."""

from collections.abc import Sequence

from multibox.data.record import Record
from multibox.data.store import Store, dataset_splits, list_stores, open_store, store_path
from multibox.errors import BadInput


def open_stores(name: str) -> list[Store]:
    """Open the stores of a dataset.

    Args:
        name: ``NAME`` for all its splits, or ``NAME/SPLIT``.

    Returns:
        Stores of the dataset's splits, at least one.

    Raises:
        BadInput: There is no such dataset or split.
    """
    if "/" in name:
        return [open_store(name)]
    splits = dataset_splits(name)
    if not splits:
        stores = ", ".join(list_stores()) or "none yet; build one with 'multibox data build'"
        raise BadInput(name, f"no such dataset; there are: {stores}")
    return [Store(store_path(name, split)) for split in splits]


def find_record(stores: Sequence[Store], record_id: str) -> tuple[Store, Record]:
    """Find a record by its id.

    Args:
        stores: The stores to search.
        record_id: Id of the image.

    Returns:
        The first store that has the id, and its record.

    Raises:
        BadInput: No store has the id.
    """
    for store in stores:
        if record_id in store.ids:
            return store, store[store.find(record_id)]
    names = ", ".join(f"{store.meta.name}/{store.meta.split}" for store in stores)
    example = next((store.ids[0] for store in stores if store.ids), "")
    raise BadInput("record", f"{record_id}: not in {names}; ids look like {example!r}")
