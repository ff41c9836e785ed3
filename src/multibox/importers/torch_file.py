"""PyTorch state dicts, read without PyTorch and without running anything in the file.

The older format (``torch.save`` before 1.6) is a sequence of pickles (a magic number, a version, properties of the
machine, the object, the keys of its storages), followed by each storage as an int64 count and its raw numbers. The
newer format is a zip with the object's pickle and a file of raw numbers for each storage. A pickle can call any
function by name, so this reader only accepts the names that a state dict of dense tensors needs.
"""

import pickle
import pickletools
import zipfile
import zlib
from collections import Counter, OrderedDict
from collections.abc import Callable
from math import prod
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


_PLAIN = {
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "Counter"): Counter,
    ("torch", "Size"): tuple,
}
"""Names that a pickled state dict, or that of a scheduler beside it, may refer to."""

_MOST_OBJECTS = 10_000_000
_MOST_BYTES = 4 << 30

_WRAPPERS = ("model", "state_dict", "model_state_dict")
"""Keys of a checkpoint under which training scripts keep the model's state dict."""

_DAMAGES = (
    *(pickle.UnpicklingError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, IndexError, TypeError),
    *(AttributeError, OverflowError, MemoryError, RecursionError, NotImplementedError, RuntimeError),
)


class _Tensor:
    """A tensor as a view into a storage, whose numbers come later in the file."""

    def __init__(self, storage: tuple[str, np.dtype], offset: int, size: tuple[int, ...], stride: tuple[int, ...]):
        self.key, self.dtype = storage
        self.offset, self.size, self.stride = offset, size, stride

    def resolve(self, storages: dict[str, np.ndarray]) -> np.ndarray:
        numbers = storages[self.key][self.offset :]
        if numbers.dtype != self.dtype:
            raise ValueError("two tensors use the same storage with different types")
        strides = tuple(step * self.dtype.itemsize for step in self.stride)
        last = sum((count - 1) * step for count, step in zip(self.size, self.stride, strict=True))
        if 0 in self.size:
            return np.zeros(self.size, self.dtype)
        if min(self.stride, default=0) < 0 or last >= len(numbers) or prod(self.size) > len(numbers):
            raise ValueError("a tensor reaches beyond its storage")
        return np.lib.stride_tricks.as_strided(numbers, self.size, strides).copy()


def _rebuild_tensor(storage: Any, offset: int, size: Any, stride: Any, *_: Any) -> _Tensor:
    return _Tensor(storage, offset, tuple(size), tuple(stride))


def _rebuild_parameter(tensor: _Tensor, *_: Any) -> _Tensor:
    return tensor


class _StateDictUnpickler(pickle.Unpickler):
    """Unpickler that resolves only the few names that a state dict needs, and records the type of each storage."""

    def __init__(self, file: Any):
        super().__init__(file)
        self.dtypes: dict[str, np.dtype] = {}
        self._file, self._copied = file, 0

    def load(self) -> Any:
        """Load the next object, after scanning its instructions for any that would fill the memory."""
        place = self._file.tell()
        for instruction, argument, _ in pickletools.genops(self._file):
            if instruction.name in ("PUT", "LONG_BINPUT") and (argument or 0) > _MOST_OBJECTS:
                raise pickle.UnpicklingError("the file has more objects than any state dict")
        self._file.seek(place)
        return super().load()

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _PLAIN:
            return self._counted(_PLAIN[module, name])
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_tensor"):  # the second before 0.4
            return _rebuild_tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _rebuild_parameter
        if module in ("torch", "torch.cuda") and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"the file names {module}.{name}, which no state dict needs; it was not run")

    def _counted(self, make: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap instructions of the unpickler so that they refuse to copy more than any state dict holds."""

        def made(*arguments: Any) -> Any:
            self._copied += sum(map(len, arguments))
            if self._copied > _MOST_OBJECTS:
                raise pickle.UnpicklingError("the file repeats its objects more often than any state dict does")
            return make(*arguments)

        return made

    def persistent_load(self, pid: Any) -> tuple[str, np.dtype]:
        kind, dtype, key, *_ = pid
        if kind != "storage" or not isinstance(dtype, np.dtype):
            raise pickle.UnpicklingError("the file holds a storage of an unknown kind")
        self.dtypes[str(key)] = dtype
        return str(key), dtype


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """Read the tensors of a state dict.

    Args:
        path: Path of a ``.pth`` or ``.pt`` file with a state dict, or with a checkpoint that has one under ``model`` or
            ``state_dict``. The prefix ``module.`` of a model trained on several devices is removed.

    Returns:
        Dict from tensor names to arrays, in the order of the file.

    Raises:
        BadInput: If the file does not exist, is not a state dict, is damaged, or could only be read by running code in
            it.
    """
    try:
        with open(path, "rb") as file:
            tensors = _read_zip(file) if zipfile.is_zipfile(file) else _read_legacy(file)
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise BadInput(path, f"{reason}") from None
    except _DAMAGES as error:
        raise BadInput(path, f"not a PyTorch state dict that can be read safely: {error}") from None
    if all(name.startswith("module.") for name in tensors):
        tensors = {name.removeprefix("module."): array for name, array in tensors.items()}
    return tensors


def _read_zip(file: BinaryIO) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(file) as archive:
        names = {name.partition("/")[2]: name for name in archive.namelist()}
        if "data.pkl" not in names:
            raise ValueError("a zip without data.pkl")
        if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
            raise ValueError("a zip with compressed members, which PyTorch does not write")
        if "byteorder" in names and archive.read(names["byteorder"]) != b"little":
            raise ValueError("the file's numbers are big-endian, which is not supported")
        with archive.open(names["data.pkl"]) as member:
            tensors = _tensors_of(_StateDictUnpickler(member).load())
        dtypes = {tensor.key: tensor.dtype for tensor in tensors.values()}
        storages = {key: np.frombuffer(archive.read(names[f"data/{key}"]), dtype) for key, dtype in dtypes.items()}
    return _resolve(tensors, storages)


def _read_legacy(file: BinaryIO) -> dict[str, np.ndarray]:
    file.seek(0)
    if _StateDictUnpickler(file).load() != _MAGIC:
        raise ValueError("the magic number is missing")
    for _ in ("version", "machine"):
        _StateDictUnpickler(file).load()
    unpickler = _StateDictUnpickler(file)
    tensors = _tensors_of(unpickler.load())
    storages = {}
    for key in _StateDictUnpickler(file).load():
        count = int.from_bytes(file.read(8), "little")
        dtype = unpickler.dtypes[str(key)]
        storages[str(key)] = np.frombuffer(_exactly(file, count * dtype.itemsize), dtype)
    return _resolve(tensors, storages)


def _resolve(tensors: dict[str, _Tensor], storages: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays of the tensors, from their storages. Several tensors may share one storage."""
    arrays: dict[str, np.ndarray] = {}
    size = 0
    for name, tensor in tensors.items():
        arrays[name] = tensor.resolve(storages)
        size += arrays[name].nbytes
        if size > _MOST_BYTES:
            raise ValueError(f"the file's tensors claim more than {_MOST_BYTES} bytes")
    return arrays


def _exactly(file: BinaryIO, size: int) -> bytes:
    place = file.tell()
    if size > file.seek(0, 2) - place:
        raise ValueError("the file ends in the middle of a storage")
    file.seek(place)
    return file.read(size)


def _tensors_of(loaded: Any) -> dict[str, _Tensor]:
    """Tensors of a state dict, or of the state dict in a checkpoint."""
    for wrapper in _WRAPPERS:
        if isinstance(loaded, dict) and isinstance(loaded.get(wrapper), dict):
            loaded = loaded[wrapper]
    if not isinstance(loaded, dict):
        raise ValueError("the file holds no state dict")
    tensors = {name: value for name, value in loaded.items() if isinstance(name, str) and isinstance(value, _Tensor)}
    if not tensors:
        raise ValueError("the file holds no tensors")
    return tensors
