import h5py
import numpy as np
import pytest

from multibox.errors import BadInput
from multibox.importers.h5_file import read_h5

KERNEL = np.arange(12, dtype="f4").reshape(1, 2, 2, 3)


@pytest.mark.parametrize("root", ["", "model_weights/"])
def test_reads_what_keras_2_writes(tmp_path, root):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file[f"{root}conv/conv_1/kernel:0"] = KERNEL
        file[f"{root}conv/conv_1/bias:0"] = np.array([1.0, 2, 3], "f8")
        file[f"{root}bn/bn/scope/gamma:0"] = np.ones(3, "f4")
        file.create_group(f"{root}pool")
        if root:
            file["optimizer_weights/conv/kernel:0"] = np.zeros(3)
    arrays = read_h5(tmp_path / "w.h5")
    assert sorted(arrays) == ["bn/gamma", "conv/bias", "conv/kernel"]
    np.testing.assert_array_equal(arrays["conv/kernel"], KERNEL)
    assert arrays["conv/bias"].dtype == np.float32


def external_link(file):
    file["conv/bias:0"] = h5py.ExternalLink("secret.h5", "/secret")


def external_group(file):
    file["model_weights"] = h5py.ExternalLink("secret.h5", "/")


def soft_link(file):
    file["other/kernel:0"] = KERNEL
    file["conv/kernel:0"] = h5py.SoftLink("/other/kernel:0")


def external_storage(file):
    file.create_dataset("conv/kernel:0", (4,), "f4", external=[("secret.h5", 0, 16)])


def virtual(file):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("secret.h5", "secret", (4,))
    file.create_virtual_dataset("conv/kernel:0", layout)


def huge(file):
    file.create_dataset("conv/kernel:0", (1 << 40, 1 << 10), "f4", chunks=(1 << 10, 1 << 10))


def huge_compressed(file):
    file.create_dataset("conv/kernel:0", (1 << 40,), "f4", chunks=(1 << 20,), compression="gzip")


def objects(file):
    file.create_dataset("conv/kernel:0", (2,), h5py.string_dtype())


def cycle(file):
    group = file.create_group("a")
    group["again"] = file["a"]


def many_cycles(file):
    group = file.create_group("a")
    for i in range(30_000):
        group[str(i)] = group


@pytest.mark.parametrize(
    "spoil",
    [
        *(external_link, external_group, soft_link, external_storage, virtual, huge, huge_compressed, objects, cycle),
        many_cycles,
    ],
    ids=lambda spoil: spoil.__name__,
)
def test_a_hostile_file_is_refused(tmp_path, spoil, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with h5py.File("secret.h5", "w") as file:
        file["secret"] = np.arange(4, dtype="f4")
    with h5py.File("w.h5", "w") as file:
        spoil(file)
    with pytest.raises(BadInput, match=r"w.h5: not an .h5 file of weights that can be read safely"):
        read_h5("w.h5")


def test_what_is_no_h5_file_is_refused_by_name(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["conv/kernel:0"] = np.random.default_rng(0).normal(size=(64, 64))
    whole = (tmp_path / "w.h5").read_bytes()
    for data in (b"", b"hello", b"PK\x03\x04", whole[:-5000], whole[:100]):
        (tmp_path / "w.h5").write_bytes(data)
        with pytest.raises(BadInput, match=r"w.h5: not an .h5 file of weights that can be read safely"):
            read_h5(tmp_path / "w.h5")
    with pytest.raises(BadInput, match=r"none.h5: no such file"):
        read_h5(tmp_path / "none.h5")
