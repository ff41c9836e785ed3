"""A report as one HTML file: titled sections of text, tables and pictures, which needs no other file and no host.

Plain text is escaped wherever it is given; what the functions here return is :class:`Html` and goes in as it is. The
page follows the reader's light or dark setting, fits a telephone, and runs no script: its own policy forbids it.

Example:
    >>> from multibox.report.page import Section, page, picture, save_page, table
    >>> scores = table(["class", "AP"], [["cat", 0.91], ["dog", None]], caption="Average precision")
    >>> curve = picture(png, alt="Precision falls from 1 to 0.4 as recall grows", caption="Cat")
    >>> save_page("report.html", page("My detector", [Section("Scores", ["Of 10 images.", scores, curve])]))
"""

import base64
import html
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from multibox.image_file import image_format
from multibox.writing import Kind, new_file

Cell = str | int | float | None


class Html(str):
    """Text that is HTML already, and is not escaped again."""

    __slots__ = ()


@dataclass(frozen=True)
class Section:
    """A part of a page under a title of its own.

    Attributes:
        title: plain text; also in the list at the head of the page.
        parts: what is below it: plain text becomes a paragraph, :class:`Html` goes in as it is.
    """

    title: str
    parts: Sequence[str]


def page(title: str, sections: Sequence[Section], *, footer: str = "", refresh: int = 0) -> str:
    """Put sections into one page.

    Args:
        title: of the page, plain text.
        sections: in their order.
        footer: plain text at the end, such as the version and the time.
        refresh: seconds after which a browser reads the file again, for a page that grows; 0: never.

    Returns:
        the HTML file's text.
    """
    template = Template(resources.files("multibox.report").joinpath("page.html").read_text("utf-8"))
    contents = [f'<li><a href="#s{i}">{escape(section.title)}</a></li>' for i, section in enumerate(sections)]
    return template.substitute(
        title=escape(title),
        refresh=f'<meta http-equiv="refresh" content="{int(refresh)}">\n' if refresh else "",
        contents="\n".join(contents),
        sections="\n".join(_section(i, section) for i, section in enumerate(sections)),
        footer=escape(footer),
    )


def escape(text: str) -> Html:
    """Plain text as HTML; :class:`Html` stays as it is."""
    return text if isinstance(text, Html) else Html(html.escape(text))


def paragraph(text: str) -> Html:
    """A paragraph."""
    return Html(f"<p>{escape(text)}</p>")


def code(text: str) -> Html:
    """Lines as they are written, such as a command or a file."""
    return Html(f"<pre tabindex=0><code>{escape(text)}</code></pre>")


def table(headings: Sequence[str], rows: Sequence[Sequence[Cell]], *, caption: str = "") -> Html:
    """A table, which scrolls by itself where the screen is narrow.

    Args:
        headings: one a column; the first column names the rows.
        rows: a cell a column each: text, :class:`Html`, a whole number (written 1,234), a fraction (0.123), or None
            for what is not known.
        caption: what the table says, above it.

    Returns:
        the table.
    """
    numeric = [any(isinstance(row[i], int | float) for row in rows) for i in range(len(headings))]
    head = "".join(
        f'<th scope="col"{_NUMBER * is_number}>{escape(heading)}</th>'
        for heading, is_number in zip(headings, numeric, strict=True)
    )
    body = "\n".join(_row(row, numeric) for row in rows)
    named = f"<caption>{escape(caption)}</caption>" if caption else ""
    label = escape(caption or ", ".join(headings))
    return Html(
        f'<div class="wide" tabindex="0" role="region" aria-label="{label}"><table>{named}\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def picture(image: bytes, *, alt: str, caption: str = "") -> Html:
    """A picture, within the page itself.

    Args:
        image: the bytes of a PNG or JPEG file.
        alt: what it shows, for those who cannot see it.
        caption: below it.

    Returns:
        the picture.
    """
    kind = image_format(image).lower()
    source = f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return Html(f'<figure><img src="{source}" alt="{escape(alt)}">{below}</figure>')


def pictures(figures: Sequence[Html]) -> Html:
    """Several pictures side by side, as many as there is room for."""
    return Html('<div class="pictures">' + "\n".join(figures) + "</div>")


def details(summary: str, parts: Sequence[str]) -> Html:
    """Parts that are shown when the summary is clicked on."""
    return Html(f"<details><summary>{escape(summary)}</summary>\n{_parts(parts)}\n</details>")


def save_page(path: str | os.PathLike[str], text: str, *, replace: bool = False) -> None:
    """Write a page. It is there whole or not at all, so a browser can read it while it is written anew.

    Args:
        path: Path of the HTML file. Missing folders are made.
        text: Text that :func:`page` returned.
        replace: Whether to replace a file that is no page of Multibox.

    Raises:
        BadInput: There is a folder or another file at the path.
    """
    with new_file(path, PAGE, replace=replace) as new:
        new.write_text(text, "utf-8", errors="backslashreplace")  # a folder's name may be no UTF-8 text


def is_own_page(path: Path) -> bool:
    """Whether a file is a page that Multibox wrote: its head says so."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _MARK in file.read(HEAD_BYTES)


PAGE = Kind("page", is_own_page)

_MARK = b'<meta name="generator" content="multibox">'
HEAD_BYTES = 1000
"""Of a page, among which the mark is."""


_NUMBER = ' class="number"'


def _section(number: int, section: Section) -> str:
    heading = f'<h2 id="s{number}-title">{escape(section.title)}</h2>'
    return f'<section id="s{number}" aria-labelledby="s{number}-title">\n{heading}\n{_parts(section.parts)}\n</section>'


def _parts(parts: Sequence[str]) -> str:
    return "\n".join(part if isinstance(part, Html) else paragraph(part) for part in parts)


def _row(row: Sequence[Cell], numeric: Sequence[bool]) -> str:
    cells = [
        f'<th scope="row">{_text(value)}</th>' if i == 0 else f"<td{_NUMBER * is_number}>{_text(value)}</td>"
        for i, (value, is_number) in enumerate(zip(row, numeric, strict=True))
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _text(value: Cell) -> str:
    if value is None:
        return "–"
    if isinstance(value, Html):
        return value
    if isinstance(value, str):
        return escape(value).replace("/", "/<wbr>")  # so that a path does not make its column as wide as itself
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
