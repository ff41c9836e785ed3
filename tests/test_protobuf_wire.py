"""The reader of Protocol Buffers against Google's own."""

import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from hypothesis import given
from hypothesis import strategies as st

from multibox.protobuf_wire import BYTES, FIXED32, FIXED64, VARINT, encode_bytes, read_fields

KIND = st.sampled_from([VARINT, FIXED64, BYTES, FIXED32])


def varint(number):
    return (bytes([number & 127 | 128]) + varint(number >> 7)) if number > 127 else bytes([number])


@st.composite
def fields(draw, most=2**29 - 1):
    number, kind = draw(st.integers(1, most)), draw(KIND)
    if kind == VARINT:
        value = varint(draw(st.integers(0, 2**64 - 1)))
    elif kind == BYTES:
        content = draw(st.binary(max_size=300))
        value = varint(len(content)) + content
    else:
        length = 4 if kind == FIXED32 else 8
        value = draw(st.binary(min_size=length, max_size=length))
    return varint(number * 8 + kind) + value


def as_google_reads(message):
    parsed = Empty()
    parsed.ParseFromString(message)
    return [(field.field_number, field.wire_type, field.data) for field in UnknownFieldSet(parsed)]


def value_of(field):
    if field.kind == VARINT:
        return field.value
    return bytes(field.data) if field.kind == BYTES else int.from_bytes(field.data, "little")


@given(st.lists(fields(), max_size=6))
def test_fields_are_those_that_google_reads(encoded):
    message = b"".join(encoded)
    found = list(read_fields(memoryview(message)))
    assert [(field.number, field.kind, value_of(field)) for field in found] == as_google_reads(message)
    assert [bytes(field.encoded) for field in found] == encoded


@given(st.lists(fields(most=15), min_size=1, max_size=3).map(b"".join), st.data())
def test_what_google_refuses_is_refused(message, data):
    place = data.draw(st.integers(0, len(message) - 1))
    changed = message[:place] + data.draw(st.binary(min_size=1, max_size=1)) + message[place + 1 :]
    for damaged in (message[:place], changed):
        try:
            as_google_reads(damaged)
        except DecodeError:
            with pytest.raises(ValueError, match="the file "):
                list(read_fields(memoryview(damaged)))


@given(st.integers(1, 2**29 - 1), st.binary(max_size=300))
def test_encoded_bytes_are_read_back_by_google(number, value):
    assert as_google_reads(encode_bytes(number, value)) == [(number, BYTES, value)]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"\x08", "ends in the middle of a number"),
        (b"\x08" + b"\xff" * 10, "more than 64 bits"),
        (b"\x0a\x05abc", "ends in the middle of a field"),
        (b"\x0d\0\0\0", "ends in the middle of a field"),
        (b"\x00\x01", "a field with the invalid number 0"),
        (b"\x0b\x0c", "a field of the unknown kind 3"),
    ],
)
def test_damage_is_described(message, reason):
    with pytest.raises(ValueError, match=reason):
        list(read_fields(memoryview(message)))
