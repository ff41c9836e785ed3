"""The structure of an image file, read from its bytes before its pixels are decoded: format, size, colours and end.

Formats have the names that Pillow uses.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final, Literal, NamedTuple

_SIGNATURES: Final = (
    ("JPEG", 0, b"\xff\xd8"),
    ("PNG", 0, b"\x89PNG\r\n\x1a\n"),
    ("BMP", 0, b"BM"),
    ("WEBP", 8, b"WEBP"),
    ("TIFF", 0, b"II*\0"),
    ("TIFF", 0, b"MM\0*"),
    ("GIF", 0, b"GIF8"),
    ("AVIF", 4, b"ftypavif"),
)

_PNG_HEADER: Final = 33
"""Length of a PNG's signature and header chunk together, bytes. The second chunk begins there."""

_JPEG_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff\x01]")
"""A marker with a segment, or EOI. In a scan, 255 is followed by 0 or a restart marker (ITU T.81, B.1.1.5)."""

_SCAN, _END = 0xDA, 0xD9
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG's frame header, which holds its size."""


class JpegHeader(NamedTuple):
    """The header of a JPEG.

    Attributes:
        width: Width of the coded image in pixels, before a rotation by EXIF. 0 if the file has no frame header.
        height: Height of the coded image in pixels, before a rotation by EXIF. 0 if the file has no frame header.
        channels: Number of colour channels: 1 for grey, 3 for colour, 4 for CMYK. 0 if the file has no frame header.
        scan: Position of the first scan's marker in the file, bytes.
    """

    width: int
    height: int
    channels: int
    scan: int


def image_format(encoded: bytes) -> str:
    """Recognise the format of an image file by its first bytes.

    Args:
        encoded: Bytes of the file.

    Returns:
        ``JPEG``, ``PNG``, ``BMP``, ``WEBP``, ``TIFF``, ``GIF`` or ``AVIF``, or an empty string for any other.
    """
    return next((name for name, place, start in _SIGNATURES if encoded.startswith(start, place)), "")


def jpeg_header(encoded: bytes) -> JpegHeader | None:
    """Read a JPEG up to its first scan. Thumbnails in its segments are skipped.

    Args:
        encoded: Bytes of a JPEG file.

    Returns:
        The header, or None if the file has no scan.
    """
    width = height = channels = 0
    place = 2
    for marker, begin, segment in _jpeg_markers(encoded):
        if encoded[place:begin].strip(b"\xff"):  # neither a segment nor fill bytes
            return None
        if marker == _SCAN:
            return JpegHeader(width, height, channels, begin)
        if marker in _FRAMES and segment + 8 <= len(encoded):
            height, width, channels = struct.unpack_from(">HHB", encoded, segment + 3)
        place = segment + _number(encoded, segment, 2)
    return None


def coded_size(encoded: bytes) -> tuple[int, int] | None:
    """Width and height in pixels of a JPEG or PNG as coded, before a rotation by EXIF. None for any other bytes.

    Args:
        encoded: Bytes of the file.
    """
    kind = image_format(encoded)
    if kind == "PNG" and len(encoded) >= _PNG_HEADER:
        width, height = struct.unpack(">II", encoded[16:24])
        return (width, height) if width and height else None
    header = jpeg_header(encoded) if kind == "JPEG" else None
    return (header.width, header.height) if header and header.width and header.height else None


def color_mode(encoded: bytes) -> Literal["grey", "cmyk", "color"]:
    """Read from the header of an image file whether the image is grey, CMYK or in colour.

    Args:
        encoded: Bytes of the file.

    Returns:
        ``grey``, ``cmyk`` or ``color``. It is ``color`` for formats other than JPEG and PNG.
    """
    kind = image_format(encoded)
    if kind == "JPEG" and (header := jpeg_header(encoded)):
        return "grey" if header.channels == 1 else "cmyk" if header.channels == 4 else "color"
    is_grey_png = kind == "PNG" and encoded[25:26] in (b"\0", b"\4")  # the colour type of the header chunk
    return "grey" if is_grey_png else "color"


def is_whole(encoded: bytes) -> bool:
    """Find out whether an image file is complete. Bytes after the end of the image are ignored.

    Args:
        encoded: Bytes of the file.

    Returns:
        False if a JPEG, PNG or WebP is truncated, or a checksum of a PNG is wrong. True for other formats.
    """
    kind = image_format(encoded)
    if kind == "JPEG":
        header = jpeg_header(encoded)
        return bool(header and (encoded.endswith(b"\xff\xd9") or encoded.find(b"\xff\xd9", header.scan) >= 0))
    if kind in ("PNG", "WEBP"):
        end = end_of_image(encoded, kind)
        return end is not None and end <= len(encoded)
    return True


def end_of_image(encoded: bytes, kind: str) -> int | None:
    """Find where an image ends, as its format defines it.

    Args:
        encoded: Bytes of the file.
        kind: Format of the file, one of :data:`FORMATS_WITH_END`.

    Returns:
        Offset of the first byte after the image. For a truncated file it is beyond the file's end. None if the end
        cannot be determined, because the file is truncated or damaged.
    """
    return _ENDS[kind](encoded)


def png_with_text(encoded: bytes, keyword: str, text: str) -> bytes:
    """Insert a text into a PNG directly after its header, where programs that show a file's properties find it.

    Args:
        encoded: Bytes of a PNG file.
        keyword: Keyword of the text, such as ``Software``.
        text: Text to store under the keyword.

    Returns:
        Bytes of the PNG file with the text.
    """
    return encoded[:_PNG_HEADER] + _text_chunk(keyword, text) + encoded[_PNG_HEADER:]


def is_png_with_text(encoded: bytes, keyword: str, text: str) -> bool:
    """Find out whether :func:`png_with_text` put a text into a file. The first 1024 bytes of the file are enough."""
    return image_format(encoded) == "PNG" and encoded.startswith(_text_chunk(keyword, text), _PNG_HEADER)


def _text_chunk(keyword: str, text: str) -> bytes:
    content = b"tEXt" + f"{keyword}\0{text}".encode("latin-1")
    return (len(content) - 4).to_bytes(4, "big") + content + zlib.crc32(content).to_bytes(4, "big")


def _number(encoded: bytes, place: int, length: int) -> int:
    return int.from_bytes(encoded[place : place + length], "big")


def _jpeg_markers(encoded: bytes) -> Iterator[tuple[int, int, int]]:
    """The markers of a JPEG up to EOI. Each comes with its position and the position of its segment."""
    place = 2
    while found := _JPEG_MARKER.search(encoded, place):
        marker = encoded[found.start() + 1]
        yield marker, found.start(), found.end()
        if marker == _END:
            return
        place = found.end() + _number(encoded, found.end(), 2)


def _end_of_jpeg(encoded: bytes) -> int | None:
    """Offset of the first byte after a JPEG: behind its marker EOI. None if the file has no such marker."""
    return next((behind for marker, _, behind in _jpeg_markers(encoded) if marker == _END), None)


def _end_of_png(encoded: bytes) -> int | None:
    """Offset of the first byte after a PNG: behind its chunk IEND. The checksums of all chunks are verified."""
    place = 8
    while place + 12 <= len(encoded):
        behind = place + 8 + _number(encoded, place, 4)
        if zlib.crc32(memoryview(encoded)[place + 4 : behind]) != _number(encoded, behind, 4):
            return None
        if encoded[place + 4 : place + 8] == b"IEND":
            return behind + 4
        place = behind + 4
    return None


def _end_of_gif(encoded: bytes) -> int | None:
    """Offset of the first byte after a GIF: behind its trailer ``;`` (GIF89a, appendix A)."""
    place = 13 + _palette(encoded, 10)
    while place < len(encoded):
        block = encoded[place]
        if block == 0x3B:
            return place + 1
        if block == 0x2C:
            place += 11 + _palette(encoded, place + 9)
        elif block == 0x21:
            place += 2
        else:
            return None
        while place < len(encoded) and encoded[place]:  # parts, each behind its length, the last empty
            place += 1 + encoded[place]
        place += 1
    return None


def _palette(encoded: bytes, place: int) -> int:
    """The length of the colour table that the flags at ``place`` announce, bytes."""
    flags = encoded[place] if place < len(encoded) else 0
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _end_of_webp(encoded: bytes) -> int | None:
    length = int.from_bytes(encoded[4:8], "little")
    return 8 + length + (length & 1 if 8 + length < len(encoded) else 0)


def _end_of_bmp(encoded: bytes) -> int | None:
    length = int.from_bytes(encoded[2:6], "little")
    return length if length > 14 else len(encoded)


def _end_of_boxes(encoded: bytes) -> int | None:
    """Offset of the first byte after an ISO base media file's last box (ISO/IEC 14496-12, 4.2)."""
    place = 0
    while place < len(encoded):
        length = _number(encoded, place, 4)
        if length == 1:
            length = _number(encoded, place + 8, 8)
        if length == 0 and place:  # to the end of the file
            return len(encoded)
        if length < 8 or not encoded[place + 4 : place + 8].isascii():
            return place if place else None
        place += length
    return place


def _end_of_jpeg2000(encoded: bytes) -> int | None:
    """Offset of the first byte after a JPEG 2000: its last box, or a bare codestream's EOC (ITU T.800, A.4.4)."""
    if not encoded.startswith(b"\xff\x4f"):
        return _end_of_boxes(encoded)
    found = encoded.rfind(b"\xff\xd9")
    return found + 2 if found > 0 else None


_ENDS: dict[str, Callable[[bytes], int | None]] = {
    "JPEG": _end_of_jpeg,
    "MPO": _end_of_jpeg,
    "PNG": _end_of_png,
    "GIF": _end_of_gif,
    "WEBP": _end_of_webp,
    "BMP": _end_of_bmp,
    "JPEG2000": _end_of_jpeg2000,
    "AVIF": _end_of_boxes,
    "HEIF": _end_of_boxes,
}

FORMATS_WITH_END: Final = tuple(_ENDS)
"""Image formats whose end :func:`end_of_image` can find."""
