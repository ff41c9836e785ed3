"""A report as one HTML file: titled sections of text, tables and images. It needs no other file and no network.

The page follows the light or dark setting of the browser and fits a phone. It contains no script, and its own content
security policy forbids scripts.

Example:
    >>> from multibox.report.page import Image, Section, Table, page, save_page
    >>> scores = Table(["class", "AP"], [["cat", 0.91], ["dog", None]], caption="Average precision")
    >>> curve = Image(png, alt="Precision falls from 1 to 0.4 as recall grows", caption="Cat")
    >>> save_page("report.html", page("My detector", [Section("Scores", ["10 images.", scores, curve])]))
"""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from multibox.image_file import image_format
from multibox.report.part import Part, render
from multibox.writing import Kind, new_file

Cell = str | int | float | Part | None
"""A cell of a table: text, an integer (shown as 1,234), a float (0.123), another part, or None for an unknown value."""


@dataclass(frozen=True)
class Section:
    """A section of a page.

    Attributes:
        title: Title of the section, which the list at the top of the page shows too.
        parts: Content of the section, in order. A string is a paragraph.
    """

    title: str
    parts: Sequence[str | Part]


@dataclass(frozen=True)
class Table(Part):
    """A table, which scrolls if the screen is narrow.

    Attributes:
        headings: Heading of each column. The first column holds the headings of the rows.
        rows: Cells of each row, as many as ``headings``.
        caption: Caption above the table.
    """

    template: ClassVar[str] = "table.html"

    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""

    @property
    def is_number(self) -> list[bool]:
        """Whether each column contains numbers."""
        return [any(isinstance(row[i], int | float) for row in self.rows) for i in range(len(self.headings))]


@dataclass(frozen=True)
class Shaded(Part):
    """A cell of a table with a count, whose background is darker the larger its share.

    Attributes:
        count: Number to show.
        share: Share in [0, 1] that sets the darkness of the background.
    """

    template: ClassVar[str] = "shaded.html"

    count: int
    share: float


@dataclass(frozen=True)
class Code(Part):
    """Text with its line breaks, such as a command or a file.

    Attributes:
        text: Text to show, with its line breaks.
    """

    template: ClassVar[str] = "code.html"

    text: str


@dataclass(frozen=True)
class Image(Part):
    """An image inside the page.

    Attributes:
        data: Bytes of a PNG or JPEG file.
        alt: Description for readers who cannot see the image.
        caption: Caption below the image.
    """

    template: ClassVar[str] = "image.html"

    data: bytes
    alt: str
    caption: str = ""

    @property
    def source(self) -> str:
        """The image as a ``data:`` URL."""
        return f"data:image/{image_format(self.data).lower()};base64,{base64.b64encode(self.data).decode()}"


@dataclass(frozen=True)
class Gallery(Part):
    """Images and charts side by side, as many as fit.

    Attributes:
        figures: Images and charts to show side by side.
    """

    template: ClassVar[str] = "gallery.html"

    figures: Sequence[Part]


@dataclass(frozen=True)
class Details(Part):
    """Content of a page that is folded under a summary line until the reader clicks on it.

    Attributes:
        summary: Summary line that is always visible.
        parts: Content that can be shown and hidden. A string is a paragraph.
    """

    template: ClassVar[str] = "details.html"

    summary: str
    parts: Sequence[str | Part]


def page(title: str, sections: Sequence[Section], *, footer: str = "", refresh: int = 0) -> str:
    """Render a page.

    Args:
        title: Title of the page.
        sections: Sections of the page, in their order.
        footer: Text at the end of the page, such as the version and the time.
        refresh: Seconds after which a browser reloads the page, for a page that is written repeatedly. 0 never reloads.

    Returns:
        Text of the HTML file.
    """
    return render("page.html", title=title, sections=sections, footer=footer, refresh=refresh)


def save_page(path: str | os.PathLike[str], text: str, *, replace: bool = False) -> None:
    """Write a page as an HTML file, completely or not at all, so that a browser can always read it.

    Args:
        path: Path of the HTML file. Missing folders are made.
        text: HTML text that :func:`page` returned.
        replace: Whether to replace an existing file that is not a page of Multibox.

    Raises:
        BadInput: The path holds a folder, or a file that is not a page of Multibox and ``replace`` is not set.
    """
    with new_file(path, PAGE, replace=replace) as new:
        new.write_text(text, "utf-8", errors="backslashreplace")  # a folder's name may be no UTF-8 text


def is_own_page(path: Path) -> bool:
    """Whether Multibox wrote an HTML page, which its first bytes say."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _MARK in file.read(HEAD_BYTES)


PAGE = Kind("page", is_own_page)

_MARK = b'<meta name="generator" content="multibox">'
HEAD_BYTES = 1000
"""Number of bytes at the start of a page within which Multibox's mark is found."""
