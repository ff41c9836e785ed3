"""ncnn's files: a folder with the network's two files, the schema, and a checksum of each.

ncnn does not verify its files, and a damaged file may crash the process. So a file is opened only if its checksum is
right.
"""

import hashlib
from pathlib import Path

from multibox.errors import BadInput
from multibox.models.schema import MEMBER, Schema
from multibox.runtimes.ncnn_graph import HALF, NcnnModel

SUFFIX = ".ncnn"
"""Suffix of the folder."""

PARAM, WEIGHTS = "model.ncnn.param", "model.ncnn.bin"
"""Names of the network's files: the layers, and their weights."""

SUMS = "SHA256SUMS"
"""Name of the file with the checksums, as ``sha256sum --check`` reads it."""


def write_files(model: NcnnModel, schema: Schema, folder: Path) -> None:
    """Write a network into a folder that exists.

    Args:
        model: Network in the format of ncnn.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        folder: Folder to write into.
    """
    contents = {PARAM: model.param.encode(), WEIGHTS: model.weights, MEMBER: schema.to_json(indent=2).encode()}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    sums = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items())
    (folder / SUMS).write_text("".join(sums), "utf-8")


def check_files(folder: Path) -> dict[str, bytes]:
    """Read the files of a network, and verify their checksums.

    Args:
        folder: Folder of the network.

    Returns:
        Content of the schema, the layers and the weights, by name of the file.

    Raises:
        BadInput: A file is missing, damaged or changed.
    """
    contents = {name: _read(folder, name) for name in (MEMBER, PARAM, WEIGHTS)}
    listed = {name.strip(): digest for digest, _, name in map(_columns, _read(folder, SUMS).splitlines())}
    for name, content in contents.items():
        if listed.get(name) != hashlib.sha256(content).hexdigest():
            raise BadInput(
                folder / name,
                f"was damaged or changed: its checksum is not the one in {SUMS}; export the model again",
            )
    return contents


def _columns(line: bytes) -> tuple[str, str, str]:
    return line.decode("utf-8", "replace").partition(" ")


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError:
        raise BadInput(folder, f"not an ncnn model of multibox: it has no {name}") from None


def is_half(weights: bytes) -> bool:
    """Whether weights in the format of ncnn are stored in float16."""
    return HALF.to_bytes(4, "little") in weights
