"""A legacy state dict, written here byte by byte: PyTorch is needed neither to write nor to read it."""

import collections
import io
import pickle
import sys
import types

import numpy as np
import pytest

from multibox.errors import BadInput
from multibox.importers.torch_file import read_state_dict


class Storage:
    def __init__(self, key, values):
        self.key, self.values = key, np.asarray(values, "<f4")


@pytest.fixture
def torch_names(monkeypatch):
    """Modules with the names that such a pickle mentions."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch._utils = utils
    storage = type("FloatStorage", (), {"__module__": "torch"})
    rebuild = types.FunctionType((lambda *args: args).__code__, {}, "_rebuild_tensor_v2")
    rebuild.__module__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    torch.FloatStorage, utils._rebuild_tensor_v2 = storage, rebuild
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return torch


def legacy_file(torch, tensors):
    """``tensors``: name to (storage, offset, size, stride)."""

    class Tensor:
        def __init__(self, *view):
            self.view = view

        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, (*self.view, False, collections.OrderedDict())

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj):
            if isinstance(obj, Storage):
                return "storage", torch.FloatStorage, obj.key, "cpu", len(obj.values), None
            return None

    file = io.BytesIO()
    for header in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(header, file, 2)
    Pickler(file, 2).dump(collections.OrderedDict((name, Tensor(*view)) for name, view in tensors.items()))
    storages = {view[0].key: view[0] for view in tensors.values()}
    pickle.dump(list(storages), file, 2)
    for storage in storages.values():
        file.write(len(storage.values).to_bytes(8, "little") + storage.values.tobytes())
    return file.getvalue()


def test_reads_views_of_shared_storages(tmp_path, torch_names):
    shared = Storage("7", range(12))
    tensors = {
        "whole": (shared, 0, (3, 4), (4, 1)),
        "turned": (shared, 0, (4, 3), (1, 4)),
        "end": (shared, 10, (2,), (1,)),
        "own": (Storage("8", [5]), 0, (), ()),
    }
    path = tmp_path / "weights.pth"
    path.write_bytes(legacy_file(torch_names, tensors))
    read = read_state_dict(path)
    numbers = np.arange(12, dtype="f4").reshape(3, 4)
    assert list(read) == list(tensors)
    np.testing.assert_array_equal(read["whole"], numbers)
    np.testing.assert_array_equal(read["turned"], numbers.T)
    np.testing.assert_array_equal(read["end"], [10, 11])
    assert read["own"] == 5


def test_a_view_beyond_its_storage_is_refused(tmp_path, torch_names):
    path = tmp_path / "beyond.pth"
    path.write_bytes(legacy_file(torch_names, {"x": (Storage("0", range(4)), 0, (3, 4), (4, 1))}))
    with pytest.raises(BadInput, match=r"beyond.pth: .* a tensor reaches beyond its storage"):
        read_state_dict(path)


def test_no_code_in_a_file_is_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",)

    path = tmp_path / "evil.pth"
    path.write_bytes(b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {}, Evil())))
    with pytest.raises(BadInput, match=r"evil.pth: not a PyTorch state dict that can be read safely: it names .*exec"):
        read_state_dict(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("data", [b"", b"hello", pickle.dumps(1), b"PK\x03\x04"])
def test_what_is_no_state_dict_is_refused_by_name(tmp_path, data):
    path = tmp_path / "other.pth"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=r"other.pth: not a PyTorch state dict"):
        read_state_dict(path)
    with pytest.raises(BadInput, match=r"none.pth: no such file"):
        read_state_dict(tmp_path / "none.pth")
