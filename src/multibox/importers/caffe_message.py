"""Parses Caffe's Protocol Buffers messages, from binary files and from text files (``.prototxt``)."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from multibox.errors import BadInput
from multibox.importers.caffe_fields import NETWORK, Fields, Scheme
from multibox.protobuf_wire import BYTES, FIXED32, VARINT, Field, read_fields, read_varint

Message = dict[str, list[Any]]
"""A parsed message: the values of each field, by the field's name. Fields that are not needed are left out."""

LONGEST_TEXT = 4 << 20
"""Largest size of a text file, bytes. Published ones have less than 0.3 MB."""

LONGEST_VALUE = 1 << 16
"""Largest size of a field that is not a message, bytes."""

BEGINNING = 4096
"""Number of bytes at the beginning of a file from which it is decided whether the file is text."""

DEEPEST = 16
"""Largest depth of nested messages in a text file."""

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*
    |(?P<word>[\w.+-]+)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<sign>[{}<>:;,\[\]])""",
    re.VERBOSE,
)


def read_message(data: memoryview, fields: Fields) -> Message:
    """Read a message of a binary file.

    Args:
        data: Bytes of the message.
        fields: Fields to read, by number. All others are skipped.

    Raises:
        ValueError: The bytes are not a message, or end within a field.
    """
    found: Message = {}
    for field in read_fields(data):
        if scheme := fields.get(field.number):
            found.setdefault(scheme.name, []).extend(_values(field, scheme))
    return found


def read_text(path: str | Path) -> Message:
    """Read a network's text file, ``.prototxt``.

    Args:
        path: Path of the file.

    Returns:
        The fields of the network.

    Raises:
        BadInput: The file cannot be read, or is not a network's text file.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(LONGEST_TEXT + 1)
    except OSError as error:
        raise BadInput(path, f"cannot be read: {error.strerror}") from None
    if not is_text(data[:BEGINNING]):
        raise BadInput(
            path,
            "is a binary file, not a .prototxt file; give the weights as the file to import, and set net to the "
            "network's text file",
        )
    try:
        if len(data) > LONGEST_TEXT:
            raise ValueError("the file is longer than 4 MB")
        tokens = _tokens(data.decode("utf-8-sig", "replace"))  # comments may be in any encoding
        message = _parse(tokens, NETWORK | _OLD, 0)
    except ValueError as error:
        raise BadInput(path, f"not a .prototxt file: {error}") from None
    if "layers" in message:
        raise BadInput(
            path,
            "has the old form with layers {...}, which no SSD has; convert the file with Caffe's "
            "upgrade_net_proto_text",
        )
    if "layer" not in message:
        raise BadInput(path, "not a .prototxt file of a network: it has no layer")
    return message


def is_text(beginning: bytes) -> bool:
    """Whether a file is text in any encoding: its first bytes contain no control characters except white space."""
    return not _CONTROLS.intersection(beginning)


def _values(field: Field, scheme: Scheme) -> list[Any]:
    if scheme.kind != "message" and len(field.data) > LONGEST_VALUE:
        raise ValueError(f"its {scheme.name} has {len(field.data):,} bytes")
    if scheme.kind == "message" and field.kind == BYTES:
        return [read_message(field.data, scheme.fields)]
    if scheme.kind == "text" and field.kind == BYTES:
        return [bytes(field.data).decode()]
    if scheme.kind == "float" and field.kind in (FIXED32, BYTES) and len(field.data) % 4 == 0:
        return list(struct.unpack(f"<{len(field.data) // 4}f", field.data))
    if scheme.kind == "int" and field.kind == VARINT:
        return [_word(_signed(field.value), scheme)]
    if scheme.kind == "int" and field.kind == BYTES:
        return [_word(_signed(number), scheme) for number in _packed(field.data)]
    raise ValueError(f"its {scheme.name} is not a value of that type")


def _packed(data: memoryview) -> Iterator[int]:
    place = 0
    while place < len(data):
        number, place = read_varint(data, place)
        yield number


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number


def _word(number: int, scheme: Scheme) -> Any:
    if not scheme.words:
        return number
    if not 0 <= number < len(scheme.words):
        raise ValueError(f"its {scheme.name} has the unknown value {number}")
    return scheme.words[number]


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """Words, texts and signs with the number of their line."""
    place, line = 0, 1
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"line {line} has the unexpected character {text[place]!r}")
        if match.lastgroup:
            yield match.lastgroup, match.group(), line
        line += match.group().count("\n")
        place = match.end()
    yield "end", "", line


def _parse(tokens: Iterator[tuple[str, str, int]], fields: Fields, depth: int) -> Message:
    """Fields up to the end of a message. Fields of unknown names are read, and left out."""
    names = {scheme.name: scheme for scheme in fields.values()}
    found: Message = {}
    kind, token, line = next(tokens)
    while token not in ("}", ">"):
        if kind == "end":
            if depth:
                raise ValueError(f"the file ends within a message, in line {line}")
            return found
        if token in (";", ","):
            kind, token, line = next(tokens)
            continue
        if kind != "word":
            raise ValueError(f"line {line} has {token} instead of a field's name")
        name, scheme = token, names.get(token)
        kind, token, line = next(tokens)
        if token == ":":
            kind, token, line = next(tokens)
        values = _field(kind, token, line, tokens, scheme, depth)
        if name in _ROUNDING and "rounding" in names:
            found["rounding"] = ["down" if values[-1:] and values[-1] in _ROUNDING[name] else "up"]
        elif scheme:
            found.setdefault(name, []).extend(values)
        kind, token, line = next(tokens)
    if not depth:
        raise ValueError(f"line {line} closes a message that was not opened")
    return found


def _field(
    kind: str, token: str, line: int, tokens: Iterator[tuple[str, str, int]], scheme: Scheme | None, depth: int
) -> list[Any]:
    if token in ("{", "<"):
        if depth >= DEEPEST:
            raise ValueError(f"messages are nested too deeply in line {line}")
        if scheme and scheme.kind != "message":
            raise ValueError(f"line {line} has a message instead of {scheme.name}'s value")
        return [_parse(tokens, scheme.fields if scheme else {}, depth + 1)]
    if token == "[":
        values = []
        kind, token, line = next(tokens)
        while token != "]":
            if token != ",":
                values.append(_value(kind, token, line, scheme))
            kind, token, line = next(tokens)
        return values
    return [_value(kind, token, line, scheme)]


def _value(kind: str, token: str, line: int, scheme: Scheme | None) -> Any:
    if kind not in ("word", "text"):
        raise ValueError(f"line {line} has {token or 'its end'} instead of a value")
    if scheme is None:
        return token
    try:
        if scheme.kind == "text" and kind == "text":
            return token[1:-1]
        if scheme.words and token in scheme.words:
            return token
        if scheme.kind == "int":
            return _SWITCHES[token] if token in _SWITCHES else _word(int(token, 0), scheme)
        if scheme.kind == "float":
            return float(token[:-1] if re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?f", token, re.IGNORECASE) else token)
    except ValueError:
        pass
    raise ValueError(f"line {line} has {token}, which is not a valid value of {scheme.name}")


_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\v\f\r")

_SWITCHES = {"true": 1, "True": 1, "t": 1, "false": 0, "False": 0, "f": 0}
"""Values of a switch in a text file. 1 and 0 are numbers."""

_OLD: Fields = {2: Scheme("layers", "message")}
"""Field of the layers in texts from before 2014."""

_ROUNDING = {"round_mode": ("FLOOR", "1"), "ceil_mode": ("false", "0")}
"""Names of the field by which different versions of Caffe round a pool's cells, with their values for down. In binary
files both have the same number."""
