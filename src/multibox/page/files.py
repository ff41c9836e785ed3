"""The files of the page, as the server and an exported site have them.

Both begin with ``index.html``. Between ``<!--server:-->`` and ``<!--:server-->`` it holds what a server's page alone
shows. What an exported site alone shows is a comment between ``<!--site:`` and ``:site-->``.
"""

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from posixpath import dirname, join, normpath

KINDS = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
"""Media types of the page's files, by file name suffix. Files with other suffixes are no part of it."""

INDEX = "index.html"

_REFERENCE = re.compile(
    r"""(?:href|src)="([\w./-]+\.(?:css|js|svg))"|(?:from|import) "(\.[\w./-]+\.js)"|new URL\("(\.[\w./-]+\.js)\""""
)
"""A reference to another file of the page, in HTML or in a module."""


def server_page() -> dict[str, bytes]:
    """Contents of the files of a server's page, by path relative to the page's folder, such as ``try/view.js``."""
    return _reachable(shipped())


def site_page() -> dict[str, bytes]:
    """Contents of the files of the page in a site without a server, by path relative to the site's folder."""
    page = shipped()
    return _reachable({**page, INDEX: _for_site(page[INDEX].decode()).encode()})


def shipped() -> dict[str, bytes]:
    """Contents of all files of both pages, by path relative to the page's folder."""
    return dict(_walk(files("multibox").joinpath("page"), PurePosixPath()))


def kind_of(path: str) -> str | None:
    """Media type of a file of the page. None for a file that is no part of it."""
    return KINDS.get(PurePosixPath(path).suffix)


def references(path: str, text: str) -> list[str]:
    """Paths of the files of the page that a file names.

    Args:
        path: Path of the file.
        text: Content of the file.
    """
    return [normpath(join(dirname(path), "".join(found))) for found in _REFERENCE.findall(text)]


def _for_site(index: str) -> str:
    without = re.sub(r"<!--server:-->.*?<!--:server-->\n?", "", index, flags=re.DOTALL)
    return re.sub(r"<!--site:(.*?):site-->", r"\1", without, flags=re.DOTALL)


def _reachable(page: dict[str, bytes]) -> dict[str, bytes]:
    """The files that ``index.html`` needs, directly or through others."""
    found: dict[str, bytes] = {}
    waiting = [INDEX]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found[path] = page[path]
            waiting += references(path, found[path].decode())
    return found


def _walk(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, path / entry.name)
        elif kind_of(entry.name):
            yield str(path / entry.name), entry.read_bytes()
