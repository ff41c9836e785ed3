"""Put thresholds into a model file; nothing else in it changes."""

import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from multibox.beside import beside
from multibox.detect.runtimes.onnx_file import read_onnx_schema
from multibox.errors import BadInput
from multibox.models.file import read_schema
from multibox.models.schema import MEMBER, Schema
from multibox.models.shipped import NAME, is_shipped, model_path

_METADATA_PROPS = 14
"""The field of ONNX's ``ModelProto`` that holds a key and a value, as often as there are such."""


def save_thresholds(path: str | os.PathLike[str], thresholds: Mapping[str, float]) -> None:
    """Write the scores from which on detections are shown into a model file: beside it, then renamed.

    Args:
        path: a ``.keras`` or ``.onnx`` file.
        thresholds: by class; other classes keep theirs.

    Raises:
        BadInput: another file, or a damaged one.
    """
    path = file_for_thresholds(path)
    is_onnx = path.suffix == ".onnx"
    schema = read_onnx_schema(path) if is_onnx else read_schema(path)
    changed = schema.model_copy(update={"thresholds": {**schema.thresholds, **thresholds}})
    _replace(path.resolve(), changed, _write_onnx if is_onnx else _write_keras)


def file_for_thresholds(path: object) -> Path:
    """The file of a model, if it has a place for thresholds.

    Raises:
        BadInput: neither a ``.keras`` nor an ``.onnx`` file, or the shipped detector's.
    """
    if isinstance(path, str | os.PathLike) and is_shipped(model_path(path)):
        raise BadInput(
            f"--save-thresholds: {path} comes with multibox and stays as it is; "
            f"give the file that 'multibox export {NAME}' writes"
        )
    if not isinstance(path, str | os.PathLike) or Path(path).suffix not in (".keras", ".onnx"):
        raise BadInput(f"--save-thresholds: writes into a .keras or .onnx file, which {path} is not")
    return Path(path)


def _replace(path: Path, schema: Schema, write: Callable[[Path, Path, str], None]) -> None:
    with beside(path) as new:
        write(path, new, schema.model_dump_json(indent=2))
        new.chmod(path.stat().st_mode & 0o777)


def _write_keras(path: Path, out: Path, text: str) -> None:
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.infolist():
            new.writestr(member, text if member.filename == MEMBER else old.read(member))


def _write_onnx(path: Path, out: Path, text: str) -> None:
    """Every field but the old schema as it is, byte by byte, and the new schema behind them."""
    model = memoryview(path.read_bytes())
    with open(out, "wb") as file:
        for number, begin, value, end in _fields(model):
            if number != _METADATA_PROPS or _key(model[value:end]) != MEMBER.encode():
                file.write(model[begin:end])
        entry = _bytes_field(1, MEMBER.encode()) + _bytes_field(2, text.encode())
        file.write(_bytes_field(_METADATA_PROPS, entry))


def _key(entry: memoryview) -> bytes:
    return next((bytes(entry[value:end]) for number, _, value, end in _fields(entry) if number == 1), b"")


def _fields(message: memoryview) -> Iterator[tuple[int, int, int, int]]:
    """The fields of a message of protocol buffers: number, and where the field, its value, and what follows begin."""
    at = 0
    while at < len(message):
        begin = at
        tag, at = _varint(message, at)
        number, kind = divmod(tag, 8)
        if kind == 0:
            value, (_, at) = at, _varint(message, at)
        else:
            length, value = _varint(message, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            at = value + length
        yield number, begin, value, at


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number, seven bits a byte, the lowest first; and where what follows it begins."""
    value = shift = 0
    while message[at] >= 128:
        value |= (message[at] & 127) << shift
        at, shift = at + 1, shift + 7
    return value | message[at] << shift, at + 1


def _bytes_field(number: int, value: bytes) -> bytes:
    return _as_varint(number * 8 + 2) + _as_varint(len(value)) + value


def _as_varint(value: int) -> bytes:
    parts = []
    while value >= 128:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])
