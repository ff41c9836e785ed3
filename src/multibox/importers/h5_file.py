"""Weight files of Keras 1 and 2, ``.h5``: one HDF5 group per layer, with the layer's arrays in it or in nested groups.

An HDF5 file can point into other files, and can claim arrays larger than any memory without holding a byte of them. So
links to other files are refused, and every array must be in the file in full.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from multibox.errors import BadInput

_DEEPEST, _MOST_NODES, _MOST_BYTES = 8, 20_000, 2 << 30
_DAMAGES = (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError, MemoryError, OverflowError)


def read_h5(path: str | Path) -> dict[str, np.ndarray]:
    """Read the arrays of all layers.

    Args:
        path: Path of a file that ``save_weights`` or ``save`` of Keras 1 or 2 wrote. The description of the network in
            the file is not read.

    Returns:
        Dict from ``LAYER/kernel``, ``LAYER/bias`` and so on to float32 arrays. Kernels have the axes (y, x, in, out).

    Raises:
        BadInput: If the file does not exist, is not HDF5, is damaged, or holds anything but arrays of numbers.
    """
    with _opened(path) as file:
        root = file["model_weights"] if _is_group(file, "model_weights") else file
        return {
            f"{names[0]}/{names[-1].removesuffix(':0')}": np.asarray(dataset, np.float32)
            for names, dataset in _datasets(root)
        }


def list_h5(path: str | Path) -> list[str]:
    """List the paths of all arrays of a file, after verifying that they are harmless.

    Raises:
        BadInput: If the file does not exist, is not HDF5, is damaged, or holds anything but arrays of numbers.
    """
    with _opened(path) as file:
        return ["/".join(names) for names, _ in _datasets(file)]


@contextmanager
def _opened(path: str | Path) -> Iterator[Any]:
    """Open an HDF5 file. An error in reading it inside the block becomes a message of one line."""
    if not Path(path).is_file():
        raise BadInput(path, "no such file")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except _DAMAGES as error:
        reason = " ".join(str(error).split())
        raise BadInput(path, f"not an .h5 file of weights that can be read safely: {reason:.200}") from None


def _is_group(file: Any, name: str) -> bool:
    return isinstance(file.get(name, getlink=True, default=None), h5py.HardLink) and isinstance(file[name], h5py.Group)


def _datasets(root: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Paths of all arrays and the arrays. Each array and their total size are verified to be harmless."""
    nodes: list[tuple[Any, tuple[str, ...]]] = [(root, ())]
    size = 0
    for group, names in nodes:
        for name in group:
            if len(nodes) > _MOST_NODES or len(names) > _DEEPEST:
                raise ValueError("its groups are nested too deeply")
            place = (*names, name)
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"{'/'.join(place)} is a link to another place")
            node = group[name]
            if not isinstance(node, h5py.Dataset):
                nodes.append((node, place))
                continue
            _check(node)
            size += max(node.nbytes, node.size * np.dtype(np.float32).itemsize)
            if size > _MOST_BYTES:
                raise ValueError(f"the file claims to hold more than {_MOST_BYTES >> 30} GiB")
            yield place, node


def _check(dataset: Any) -> None:
    name = dataset.name
    if dataset.dtype.kind not in "fiu":
        raise ValueError(f"{name} does not hold numbers")
    if dataset.is_virtual or dataset.external:
        raise ValueError(f"{name} is stored in another file")
    if dataset.compression is None and dataset.id.get_storage_size() < dataset.nbytes:
        raise ValueError(f"{name} claims more numbers than the file holds")
