"""The routes of the web page. Its files are read once when the server starts, so no request reads the disk."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from fastapi import APIRouter
from starlette.responses import Response

from multibox.serve.refused import Refused

KINDS = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
"""Media types of the page's files, by file name suffix. Files with other suffixes are not served."""


def page_files() -> dict[str, bytes]:
    """Contents of the page's files, by path relative to the page's folder, such as ``try/view.js``."""
    return dict(_walk(files("multibox.serve").joinpath("page"), PurePosixPath()))


def page_paths(page: Mapping[str, bytes]) -> list[str]:
    """URL paths of the page and of its files."""
    return ["/", *(f"/{name}" for name in page)]


def page_routes(page: Mapping[str, bytes]) -> APIRouter:
    """Create the routes of the page at ``/``, and of its files at ``/FOLDER/NAME``."""
    router = APIRouter(include_in_schema=False)

    def answer(path: str) -> Response:
        if path not in page:
            raise Refused(404, "not-found", f"there is no page {path[:100]!r}; see /docs for all routes")
        return Response(page[path], media_type=_kind(path), headers={"Cache-Control": "no-cache"})

    def serve_folder(folder: PurePosixPath) -> None:
        @router.get(f"/{folder / '{name}'}")
        async def file(name: str) -> Response:
            return answer(str(folder / name))

    @router.get("/")
    async def index() -> Response:
        return answer("index.html")

    for folder in dict.fromkeys(PurePosixPath(path).parent for path in page):
        serve_folder(folder)
    return router


def _walk(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, path / entry.name)
        elif _kind(entry.name):
            yield str(path / entry.name), entry.read_bytes()


def _kind(path: str) -> str | None:
    return KINDS.get(PurePosixPath(path).suffix)
