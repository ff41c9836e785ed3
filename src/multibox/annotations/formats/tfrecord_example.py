"""Parses ``tf.train.Example``, a Protocol Buffers message that maps names to lists of bytes, floats or integers.

Its only field holds a map from names to ``Feature``, which is one of three lists
(https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/example/feature.proto).
"""

from collections.abc import Iterator

import numpy as np

from multibox.protobuf_wire import BYTES, FIXED32, VARINT, Field, read_fields, read_varint

_FEATURES, _ENTRY, _KEY, _VALUE, _ITEMS = 1, 1, 1, 2, 1
_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = 1, 2, 3
"""Numbers of fields in their messages."""

Values = list[memoryview] | np.ndarray
"""The values of a feature: slices of the record's bytes, or ``(N,)`` float64 or int64 numbers."""


def read_example(record: memoryview) -> dict[str, Values]:
    """Parse the features of an example, by name. Values of bytes are slices of the record, without a copy.

    Args:
        record: Bytes of the record, a serialised ``tf.train.Example``.

    Returns:
        Values of each feature, by the feature's name. Empty for a feature without values.

    Raises:
        ValueError: The bytes are not a ``tf.train.Example``.
    """
    entries = (entry for features in _within(record, _FEATURES) for entry in _within(features.data, _ENTRY))
    return dict(_name_and_values(entry.data) for entry in entries)


def _name_and_values(entry: memoryview) -> tuple[str, Values]:
    name = b"".join(bytes(field.data) for field in _within(entry, _KEY))
    values: Values = []
    for feature in _within(entry, _VALUE):
        for kind in read_fields(feature.data):
            if kind.kind == BYTES and kind.number in _READ:
                values = _READ[kind.number](kind.data)
    return name.decode(), values


def _within(message: memoryview, number: int) -> Iterator[Field]:
    return (field for field in read_fields(message) if field.number == number and field.kind == BYTES)


def _bytes(message: memoryview) -> Values:
    return [field.data for field in _within(message, _ITEMS)]


def _floats(message: memoryview) -> Values:
    """Decimals of 4 bytes, packed into one field or one a field."""
    fields = [field for field in read_fields(message) if field.number == _ITEMS and field.kind in (BYTES, FIXED32)]
    return np.frombuffer(b"".join(field.data for field in fields), "<f4").astype(np.float64)


def _integers(message: memoryview) -> Values:
    """Varints of 64 bits, packed into one field or one a field. Negative ones are two's complement."""
    found: list[int] = []
    for field in read_fields(message):
        if field.number == _ITEMS and field.kind == VARINT:
            found.append(field.value)
        elif field.number == _ITEMS and field.kind == BYTES:
            place = 0
            while place < len(field.data):
                value, place = read_varint(field.data, place)
                found.append(value)
    return np.array(found, np.uint64).astype(np.int64)


_READ = {_BYTES_LIST: _bytes, _FLOAT_LIST: _floats, _INT64_LIST: _integers}
"""The function that reads each kind of list."""
