import subprocess
import sys

import pytest

from multibox.errors import BadInput
from multibox.metadata import copy_with_metadata, read_metadata
from multibox.protobuf_wire import encode_bytes

GRAPH, METADATA_PROPS = 7, 14


def entry(key, value):
    return encode_bytes(METADATA_PROPS, encode_bytes(1, key) + encode_bytes(2, value))


def test_metadata_around_the_network_is_found(tmp_path):
    path = tmp_path / "a.onnx"
    path.write_bytes(entry(b"one", b"1") + encode_bytes(GRAPH, b"\xff" * 1000) + entry(b"two", "zw\u00f6".encode()))
    assert read_metadata(path) == {"one": "1", "two": "zw\u00f6"}


READ_IN_LITTLE_MEMORY = """
import resource, sys
from multibox.metadata import read_metadata

used = int(open("/proc/self/statm").read().split()[5]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_DATA, (used + (32 << 20),) * 2)
print(read_metadata(sys.argv[1]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a process as Linux can")
def test_a_network_larger_than_the_memory_is_skipped(tmp_path):
    path, length = tmp_path / "large.onnx", 3 << 30
    head = b"\x3a" + bytes(length >> shift & 127 | 128 for shift in range(0, 28, 7)) + bytes([length >> 28])
    with path.open("wb") as file:  # a sparse file, whose network takes no place on the disk
        file.write(head)
        file.seek(length, 1)
        file.write(entry(b"last", b"found"))
    done = subprocess.run(
        [sys.executable, "-c", READ_IN_LITTLE_MEMORY, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "{'last': 'found'}"


def test_one_value_is_replaced_and_all_else_is_copied_byte_by_byte(tmp_path):
    path, copy = tmp_path / "a.onnx", tmp_path / "b.onnx"
    before, network, after = entry(b"before", b"1"), encode_bytes(GRAPH, b"weights"), entry(b"after", b"2")
    path.write_bytes(before + entry(b"mine", b"old") + network + after)
    copy_with_metadata(path, copy, "mine", "new")
    assert copy.read_bytes() == before + network + after + entry(b"mine", b"new")


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"PK\x03\x04", encode_bytes(METADATA_PROPS, b"\x12\x01v"), entry(b"\xff", b"1"), bytes(40)]
)
def test_what_is_no_onnx_file_is_refused_in_one_line(tmp_path, data):
    path = tmp_path / "a.onnx"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=r"a\.onnx: not an ONNX model, or damaged; export the model again$"):
        read_metadata(path)


@pytest.mark.parametrize(("name", "reason"), [("none.onnx", "No such file"), (".", "Is a directory")])
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path, name, reason):
    with pytest.raises(BadInput, match=f"cannot be read: {reason}"):
        read_metadata(tmp_path / name)
