"""The files of the web page, for the server and for an exported site.

Both begin with ``index.html``, a template whose variable ``served`` says which of the two it is. Each consists of the
files that its ``index.html`` refers to, directly or through other files. A site's modules are packed.
"""

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from posixpath import dirname, join, normpath

from jinja2 import Environment, StrictUndefined

from multibox.page.packing import pack

KINDS = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
"""Media types of the page's files, by file name suffix. Files with other suffixes are not part of the page."""

INDEX = "index.html"

_REFERENCE = re.compile(
    r"""(?:href|src)="([\w./-]+\.(?:css|js|svg))"|(?:from|import) "(\.[\w./-]+\.js)"|new URL\("(\.[\w./-]+\.js)\""""
)
"""A reference to another file of the page, in HTML or in a module."""


def server_page() -> dict[str, bytes]:
    """Contents of the files of a server's page, by path relative to the page's folder, such as ``try/view.js``."""
    return _reachable(_with_index(shipped(), served=True))


def site_page() -> dict[str, bytes]:
    """Contents of the files of the page in a site without a server, by path relative to the site's folder."""
    return pack(_reachable(_with_index(shipped(), served=False)))


def shipped() -> dict[str, bytes]:
    """Contents of all files of the server's page and the site's page, by path relative to the page's folder."""
    return dict(_walk(files("multibox").joinpath("page"), PurePosixPath()))


def kind_of(path: str) -> str | None:
    """Media type of a file of the page. None for a file that is not part of the page."""
    return KINDS.get(PurePosixPath(path).suffix)


def references(path: str, text: str) -> list[str]:
    """Find the files of the page that a file refers to.

    Args:
        path: Path of the file.
        text: Content of the file.
    """
    return [normpath(join(dirname(path), "".join(found))) for found in _REFERENCE.findall(text)]


def _with_index(page: dict[str, bytes], served: bool) -> dict[str, bytes]:
    template = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=True)
    return {**page, INDEX: template.from_string(page[INDEX].decode()).render(served=served).encode()}


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
