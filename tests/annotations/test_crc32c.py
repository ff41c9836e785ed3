import numpy as np
import pytest

from annotations.records import slow_crc32c
from multibox.annotations.crc32c import crc32c

KNOWN = {
    b"123456789": 0xE3069283,
    b"": 0,
    bytes(32): 0x8A9136AA,
    b"\xff" * 32: 0x62A8AB43,
    bytes(range(32)): 0x46DD794E,
    bytes(reversed(range(32))): 0x113FDB5C,
}
"""The check value of the polynomial, and those of RFC 3720, appendix B.4."""


@pytest.mark.parametrize(("data", "checksum"), KNOWN.items())
def test_known_checksums(data, checksum):
    assert crc32c(data) == checksum


@pytest.mark.parametrize("length", [1, 3, 4, 255, 256, 257, 258, 259, 260, 1023, 1024, 1025, 4099])
def test_every_length_as_bit_by_bit(length):
    data = np.random.default_rng(length).bytes(length)
    assert crc32c(data) == slow_crc32c(data)


def test_one_changed_bit_of_a_long_text():
    data = bytearray(np.random.default_rng(0).bytes(60_000))
    before = crc32c(bytes(data))
    data[31_415] ^= 8
    assert crc32c(memoryview(data)) != before
