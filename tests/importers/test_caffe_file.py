import numpy as np
import pytest

from importers.caffe_writer import caffemodel, field, legacy_caffemodel, number, varint
from multibox.errors import BadInput
from multibox.importers.caffe_file import read_caffemodel

LAYERS = {
    "conv1_1": [np.arange(36, dtype="f4").reshape(2, 3, 3, 2), np.array([0.5, -2], "f4")],
    "conv4_3_norm": [np.full(300, 20, "f4")],
    "relu": [],
}


@pytest.mark.parametrize("write", [caffemodel, legacy_caffemodel])
def test_reads_what_caffe_writes(tmp_path, write):
    (tmp_path / "net.caffemodel").write_bytes(write(LAYERS))
    blobs = read_caffemodel(tmp_path / "net.caffemodel")
    assert list(blobs) == ["conv1_1/0", "conv1_1/1", "conv4_3_norm/0"]
    for name, array in blobs.items():
        layer, i = name.split("/")
        np.testing.assert_array_equal(array, LAYERS[layer][int(i)])


def test_reads_doubles_and_numbers_that_are_not_packed(tmp_path):
    doubles = field(7, number(1, 2)) + field(8, np.array([1, 2], "<f8").tobytes())
    singles = field(7, number(1, 2)) + b"".join(varint(5 << 3 | 5) + np.float32(x).tobytes() for x in (3, 4))
    layer = field(1, b"both") + field(7, doubles) + field(7, singles)
    (tmp_path / "net.caffemodel").write_bytes(field(100, layer))
    blobs = read_caffemodel(tmp_path / "net.caffemodel")
    np.testing.assert_array_equal(blobs["both/0"], [1, 2])
    np.testing.assert_array_equal(blobs["both/1"], [3, 4])


def huge_shape():
    claim = field(7, number(1, 1 << 40)) + field(5, b"\0" * 8)
    return field(100, field(1, b"huge") + field(7, claim))


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"hello", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"\x80\x02}q\x00.", b"\xff" * 64),
        caffemodel(LAYERS)[:-7],
        huge_shape(),
        field(1, b"a network without layers"),
    ],
)
def test_what_is_no_caffemodel_is_refused_by_name(tmp_path, data):
    (tmp_path / "net.caffemodel").write_bytes(data)
    with pytest.raises(BadInput, match=r"net.caffemodel: .*not a .caffemodel file"):
        read_caffemodel(tmp_path / "net.caffemodel")


def test_every_cut_is_refused_or_leaves_whole_blobs(tmp_path):
    data, path = caffemodel(LAYERS), tmp_path / "net.caffemodel"
    for end in range(0, len(data), 5):
        path.write_bytes(data[:end])
        try:
            blobs = read_caffemodel(path)
        except BadInput:
            continue
        assert all(array.shape == LAYERS[name.split("/")[0]][int(name[-1])].shape for name, array in blobs.items())


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"none.caffemodel: cannot be read: No such file"):
        read_caffemodel(tmp_path / "none.caffemodel")
