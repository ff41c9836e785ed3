"""CRC-32C, the checksum of TFRecord files (RFC 3720, appendix B.4), fast enough to check every image.

A CRC is linear: the CRC of a long text is the XOR of the CRCs of its pieces, each advanced over the bytes that follow.
NumPy advances all pieces of one length at once, and each round joins pairs of pieces.
"""

from functools import cache

import numpy as np

_POLYNOMIAL = 0x82F63B78
"""Castagnoli's polynomial, lowest bit first."""

_BEFORE = b"Td\x1fd"
"""Four bytes that bring a register of zeros to all ones, which is how a CRC begins."""

_SHORT = 256
"""Number of bytes up to which a loop over bytes is faster."""


def crc32c(data: bytes | memoryview) -> int:
    """The CRC-32C of some bytes.

    Example:
        ``crc32c(b"123456789") == 0xE3069283``
    """
    if len(data) <= _SHORT:
        return _by_byte(data)
    padding = bytes(-len(data) % 4)
    words = np.frombuffer(b"".join((padding, _BEFORE, data)), "<u4")
    rounds = 0
    while len(words) > 1:
        if len(words) % 2:
            words = np.concatenate([np.zeros(1, "<u4"), words])
        words = _advance(words[::2], rounds) ^ words[1::2]
        rounds += 1
    return int(_advance(words, 0)[0]) ^ 0xFFFFFFFF


def _by_byte(data: bytes | memoryview) -> int:
    table, register = _table(), 0xFFFFFFFF
    for byte in data:
        register = table[(register ^ byte) & 0xFF] ^ (register >> 8)
    return register ^ 0xFFFFFFFF


def _advance(registers: np.ndarray, rounds: int) -> np.ndarray:
    """Registers after ``4 * 2**rounds`` bytes of zeros."""
    parts = np.ascontiguousarray(registers).view(np.uint8).reshape(-1, 4)
    first, second, third, fourth = (table.take(parts[:, i]) for i, table in enumerate(_advancing(rounds)))
    return first ^ second ^ third ^ fourth


@cache
def _advancing(rounds: int) -> np.ndarray:
    """What each value of each byte of a register becomes, ``(4, 256)``."""
    if rounds:
        return _advance(_advancing(rounds - 1), rounds - 1).reshape(4, 256)
    registers = np.arange(256, dtype="<u4") << np.array([[0], [8], [16], [24]], "<u4")
    table = np.array(_table(), "<u4")
    for _ in range(4):
        registers = table[registers & 0xFF] ^ (registers >> 8)
    return registers


@cache
def _table() -> list[int]:
    """The register that each byte gives, from a register of zeros."""
    table = []
    for byte in range(256):
        register = byte
        for _ in range(8):
            register = (register >> 1) ^ (_POLYNOMIAL if register & 1 else 0)
        table.append(register)
    return table
