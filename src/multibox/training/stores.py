"""Which stores a run reads: those that the configuration names, or those of a dataset, built first if need be."""

from collections.abc import Sequence
from pathlib import Path

from multibox.config import Config, Data
from multibox.data.build import OnBad, build
from multibox.data.store import Store, data_root, dataset_splits, holds_only_stores, list_stores, open_store
from multibox.errors import BadInput


def find_data(data: str, config: Data, on_bad: OnBad) -> Data:
    """Say which splits of a dataset train and which judge.

    Args:
        data: the name of a dataset with stores; or a folder or file of images and annotations, whose stores are built
            under its name, once.
        config: what the configuration says; what it names itself stays.
        on_bad: what to do with damaged images and boxes where stores are built.

    Returns:
        the configuration with ``train`` and ``val``.

    Raises:
        BadInput: no such data, or no split to train on.
    """
    name = data if dataset_splits(data) else _build(Path(data), on_bad)
    splits = dataset_splits(name)
    if "train" not in splits and "trainval" not in splits:
        raise BadInput(f"{name}: has no split train or trainval but {', '.join(splits)}; set data.train=[NAME/SPLIT]")
    train = "train" if "train" in splits else "trainval"
    val = [f"{name}/val"] if "val" in splits else []
    return config.model_copy(update={"train": config.train or (f"{name}/{train}",), "val": config.val or tuple(val)})


def _build(path: Path, on_bad: OnBad) -> str:
    if not path.exists():
        stores = ", ".join(sorted({store.partition("/")[0] for store in list_stores()})) or "none yet"
        raise BadInput(f"{path}: no such folder, nor a dataset in {data_root()} ({stores})")
    name = path.resolve().stem
    taken = data_root() / name
    if taken.exists() and not holds_only_stores(taken):
        name += "-stores"  # The images themselves may lie in the folder of the stores, under this name.
    if dataset_splits(name):
        source = open_store(f"{name}/{dataset_splits(name)[0]}").meta.source
        if source != str(path.resolve()):
            raise BadInput(
                f"{path}: there is a dataset {name} already, from {source}; "
                f"build this one under another name with 'multibox data build {path} --name NAME'"
            )
        return name
    build([path.resolve()], name, on_bad=on_bad)
    return name


def open_stores(names: Sequence[str]) -> list[Store]:
    """Open stores by their names, ``NAME/SPLIT``."""
    return [open_store(name) for name in names]


def all_classes(config: Config, stores: Sequence[Store]) -> tuple[str, ...]:
    """The classes of a run: the configuration's, else those of the stores, in the order in which they first appear."""
    return config.data.classes or tuple(dict.fromkeys(name for store in stores for name in store.meta.classes))
