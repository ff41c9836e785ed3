"""PyTorch state dicts in the legacy file format, read without PyTorch and without running what a file says.

The format (``torch.save`` before 1.6) is a chain of pickles: a magic number, a version, facts of the machine, the
object, the keys of its storages; then each storage as an int64 count and its raw numbers. A pickle can name any
function to be called, so this reader knows just the five names that a state dict of dense tensors needs.
"""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from multibox.errors import BadInput

_MAGIC = 0x1950A86A20F9469CFC6C

_STORAGES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ByteStorage": np.dtype("u1"),
}


class _Tensor:
    """A view into a storage whose numbers come later in the file."""

    def __init__(self, storage: tuple[str, np.dtype], offset: int, size: tuple[int, ...], stride: tuple[int, ...]):
        self.key, self.dtype = storage
        self.offset, self.size, self.stride = offset, size, stride

    def resolve(self, storages: dict[str, np.ndarray]) -> np.ndarray:
        numbers = storages[self.key][self.offset :]
        strides = tuple(step * self.dtype.itemsize for step in self.stride)
        last = sum((count - 1) * step for count, step in zip(self.size, self.stride, strict=True))
        if 0 in self.size:
            return np.zeros(self.size, self.dtype)
        if min(self.stride, default=0) < 0 or last >= len(numbers):
            raise ValueError("a tensor reaches beyond its storage")
        return np.lib.stride_tricks.as_strided(numbers, self.size, strides).copy()


def _rebuild_tensor(storage: Any, offset: int, size: Any, stride: Any, *_: Any) -> _Tensor:
    return _Tensor(storage, offset, tuple(size), tuple(stride))


def _rebuild_parameter(tensor: _Tensor, *_: Any) -> _Tensor:
    return tensor


class _StateDictUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _rebuild_parameter
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"it names {module}.{name}, which no state dict needs")

    def persistent_load(self, pid: Any) -> tuple[str, np.dtype]:
        kind, dtype, key, *_ = pid
        if kind != "storage" or not isinstance(dtype, np.dtype):
            raise pickle.UnpicklingError("it holds something that is no storage")
        return str(key), dtype


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """Read the tensors of a state dict.

    Args:
        path: a ``.pth`` or ``.pt`` file in the legacy format.

    Returns:
        name to array, in the file's order.

    Raises:
        BadInput: not such a file, damaged, or with anything in it but dense tensors.
    """
    try:
        with open(path, "rb") as file:
            tensors = _read(file)
        return tensors
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise BadInput(f"{path}: not a PyTorch state dict that can be read safely: {error}") from None


def _read(file: BinaryIO) -> dict[str, np.ndarray]:
    if _StateDictUnpickler(file).load() != _MAGIC:
        raise ValueError("the magic number is missing")
    for _ in ("version", "machine"):
        _StateDictUnpickler(file).load()
    unpickler = _StateDictUnpickler(file)
    tensors = unpickler.load()
    dtypes = {tensor.key: tensor.dtype for tensor in tensors.values()}
    storages = {}
    for key in _StateDictUnpickler(file).load():
        count = int.from_bytes(file.read(8), "little")
        storages[key] = np.frombuffer(file.read(count * dtypes[key].itemsize), dtypes[key])
    return {name: tensor.resolve(storages) for name, tensor in tensors.items()}
