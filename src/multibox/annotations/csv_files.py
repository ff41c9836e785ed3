"""Reads CSV files with any of three delimiters and three kinds of line end.

If a file cannot be read, one line says why.
"""

import csv
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from io import StringIO
from itertools import zip_longest
from pathlib import Path

from multibox.annotations.annotation import read_text
from multibox.errors import BadInput

Line = tuple[int, list[str]]
"""A row that is not blank: its line number in the file, and its cells. A row that spans several lines has the number of
its last line."""

_HEAD = 1 << 16
"""Length of the beginning of a file by which it is recognised, bytes. Shorter than the longest cell that is read."""


def read_lines(path: Path) -> list[Line]:
    """Read the rows of a CSV file, delimited by commas, semicolons or tabs.

    Raises:
        BadInput: The file cannot be opened or is not UTF-8 text, or a cell is too long.
    """
    text = read_text(path)
    if "\0" in text:
        raise BadInput(path, "holds NUL characters, as UTF-16 does; save it as UTF-8")
    return list(_lines(path, text))


def read_dicts(path: Path) -> list[dict[str, str]]:
    """Read the rows of a CSV file with a header, each as a dictionary from column to cell. Missing cells are empty.

    Raises:
        BadInput: The file cannot be opened or is not UTF-8 text, or a cell is too long.
    """
    lines = read_lines(path)
    header = lines[0][1] if lines else []
    return [dict(zip_longest(header, cells[: len(header)], fillvalue="")) for _, cells in lines[1:]]


def first_line(path: Path) -> list[str]:
    """Read the cells of the first line that is not blank.

    Bytes that cannot be decoded are replaced. Empty if the file cannot be opened.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_HEAD)
    except OSError:
        return []
    encoding = "utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
    text = data.decode(encoding, errors="replace").replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    return next(_lines(path, text), (0, []))[1]


def why_unreadable(path: Path) -> str:
    """Say in one line why a CSV file cannot be read. Empty if it can be read."""
    try:
        read_lines(path)
    except BadInput as error:
        return error.message
    return ""


def _lines(path: Path, text: str) -> Iterator[Line]:
    first = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(StringIO(text), delimiter=delimiter)
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield reader.line_num, stripped
    except csv.Error:
        longest = f"{csv.field_size_limit():,}"
        message = f"line {reader.line_num}: a cell is longer than {longest} characters; shorten it, or close its quote"
        raise BadInput(path, message) from None
