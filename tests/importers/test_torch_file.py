"""A legacy state dict, written here byte by byte: PyTorch is needed neither to write nor to read it."""

import collections
import io
import pickle
import sys
import types
import zipfile

import numpy as np
import pytest

from multibox.errors import BadInput
from multibox.importers import torch_file
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


def pickler_of(torch):
    """Makes tensors of views, and writes them as PyTorch does."""

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

    return Tensor, Pickler


def state_dict(tensor, tensors):
    return collections.OrderedDict((name, tensor(*view)) for name, view in tensors.items())


def legacy_file(torch, tensors):
    """``tensors``: name to (storage, offset, size, stride)."""
    tensor, pickler = pickler_of(torch)
    file = io.BytesIO()
    for header in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(header, file, 2)
    pickler(file, 2).dump(state_dict(tensor, tensors))
    storages = {view[0].key: view[0] for view in tensors.values()}
    pickle.dump(list(storages), file, 2)
    for storage in storages.values():
        file.write(len(storage.values).to_bytes(8, "little") + storage.values.tobytes())
    return file.getvalue()


def zip_file(torch, tensors, wrap=lambda state: state, order=b"little"):
    """The same in the newer format; ``wrap`` puts the state dict into something else."""
    tensor, pickler = pickler_of(torch)
    file, data = io.BytesIO(), io.BytesIO()
    pickler(data, 2).dump(wrap(state_dict(tensor, tensors)))
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", data.getvalue())
        archive.writestr("archive/byteorder", order)
        for view in tensors.values():
            if f"archive/data/{view[0].key}" not in archive.namelist():
                archive.writestr(f"archive/data/{view[0].key}", view[0].values.tobytes())
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


@pytest.mark.parametrize("write", [legacy_file, zip_file])
def test_reads_views_of_shared_storages(tmp_path, torch_names, write):
    shared = Storage("7", range(12))
    tensors = {
        "whole": (shared, 0, (3, 4), (4, 1)),
        "turned": (shared, 0, (4, 3), (1, 4)),
        "end": (shared, 10, (2,), (1,)),
        "own": (Storage("8", [5]), 0, (), ()),
    }
    path = tmp_path / "weights.pth"
    path.write_bytes(write(torch_names, tensors))
    read = read_state_dict(path)
    numbers = np.arange(12, dtype="f4").reshape(3, 4)
    assert list(read) == list(tensors)
    np.testing.assert_array_equal(read["whole"], numbers)
    np.testing.assert_array_equal(read["turned"], numbers.T)
    np.testing.assert_array_equal(read["end"], [10, 11])
    assert read["own"] == 5


def test_the_model_of_a_checkpoint_is_read_whatever_lies_beside_it(tmp_path, torch_names):
    storage = Storage("0", range(4))

    def checkpoint(state):
        return {"iteration": 5, "optimizer": {"state": {0: state["module.x"]}, "param_groups": [{}]}, "model": state}

    path = tmp_path / "checkpoint.pth"
    path.write_bytes(zip_file(torch_names, {"module.x": (storage, 0, (4,), (1,))}, checkpoint))
    read = read_state_dict(path)
    assert list(read) == ["x"]
    np.testing.assert_array_equal(read["x"], range(4))


@pytest.mark.parametrize("write", [legacy_file, zip_file])
@pytest.mark.parametrize("view", [(0, (3, 4), (4, 1)), (0, (1 << 40,), (0,)), (-1, (2,), (1,)), (2, (3,), (1,))])
def test_a_view_beyond_its_storage_is_refused(tmp_path, torch_names, write, view):
    path = tmp_path / "beyond.pth"
    path.write_bytes(write(torch_names, {"x": (Storage("0", range(4)), *view)}))
    with pytest.raises(BadInput, match=r"beyond.pth: .* a tensor reaches beyond its storage"):
        read_state_dict(path)


def test_no_code_in_a_file_is_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",)

    path = tmp_path / "evil.pth"
    path.write_bytes(b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {}, Evil())))
    with pytest.raises(BadInput, match=r"evil.pth: not a PyTorch state dict .*: the file names .*exec"):
        read_state_dict(path)
    assert not (tmp_path / "ran").exists()


def test_no_code_in_a_zip_is_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",)

    with zipfile.ZipFile(tmp_path / "evil.pth", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"x": Evil()}, 2))
    with pytest.raises(BadInput, match=r"evil.pth: .* file names .*exec, which no state dict needs; it was not"):
        read_state_dict(tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("write", [legacy_file, zip_file])
def test_every_cut_is_refused(tmp_path, torch_names, write):
    whole = write(torch_names, {"x": (Storage("0", range(40)), 0, (40,), (1,))})
    path = tmp_path / "cut.pth"
    for end in range(0, len(whole), 17):
        path.write_bytes(whole[:end])
        with pytest.raises(BadInput, match=r"cut.pth: not a PyTorch state dict"):
            read_state_dict(path)


def test_a_pickle_that_would_fill_the_memory_is_refused(tmp_path):
    pickled = b"\x80\x02}r" + (1 << 31).to_bytes(4, "little") + b"."
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
    with pytest.raises(BadInput, match=r"bomb.pth: .* the file has more objects than any state dict"):
        read_state_dict(tmp_path / "bomb.pth")


def test_a_storage_that_many_claim_does_not_fill_the_memory(tmp_path, torch_names, monkeypatch):
    monkeypatch.setattr(torch_file, "_MOST_BYTES", 1000)
    shared = Storage("0", range(100))
    path = tmp_path / "many.pth"
    path.write_bytes(zip_file(torch_names, {f"x{i}": (shared, 0, (100,), (1,)) for i in range(3)}))
    with pytest.raises(BadInput, match=r"many.pth: .* the file's tensors claim more than 1000 bytes"):
        read_state_dict(path)


def test_a_storage_read_as_two_kinds_of_numbers_is_refused(tmp_path):
    """Strides of the one would lead beyond the bytes of the other."""
    tensors = {"a": torch_file._Tensor(("0", np.dtype("<f8")), 0, (4,), (1,))}
    with pytest.raises(ValueError, match="two tensors use the same storage with different types"):
        torch_file._resolve(tensors, {"0": np.zeros(4, "u1")})


@pytest.mark.parametrize("name", ["torch Size", "collections OrderedDict"])
def test_a_pickle_that_copies_again_and_again_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.setattr(torch_file, "_MOST_OBJECTS", 1000)
    pairs = b"(" + b"(I1\nI2\nt" * 20 + b"lp0\n"
    copies = b"".join(b"c" + name.replace(" ", "\n").encode() + b"\n" + b"(g0\ntR0" for _ in range(100))
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w") as archive:
        archive.writestr("archive/data.pkl", pairs + copies + b".")
    with pytest.raises(BadInput, match=r"bomb.pth: .* the file repeats its objects"):
        read_state_dict(tmp_path / "bomb.pth")


def test_compressed_and_big_endian_files_are_refused(tmp_path, torch_names):
    tensors = {"x": (Storage("0", range(4)), 0, (4,), (1,))}
    (tmp_path / "big.pth").write_bytes(zip_file(torch_names, tensors, order=b"big"))
    with pytest.raises(BadInput, match="big-endian"):
        read_state_dict(tmp_path / "big.pth")
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"0" * 1000)
    with pytest.raises(BadInput, match="compressed"):
        read_state_dict(tmp_path / "bomb.pth")


@pytest.mark.parametrize("data", [b"", b"hello", pickle.dumps(1), b"PK\x03\x04"])
def test_what_is_no_state_dict_is_refused_by_name(tmp_path, data):
    path = tmp_path / "other.pth"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=r"other.pth: not a PyTorch state dict"):
        read_state_dict(path)
    with pytest.raises(BadInput, match=r"none.pth: no such file"):
        read_state_dict(tmp_path / "none.pth")
