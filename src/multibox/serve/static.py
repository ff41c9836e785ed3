"""The page's files, read once: no request touches the disk."""

from collections.abc import Mapping
from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import Response

from multibox.serve.refused import Refused

KINDS = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
"""The types of the page's files, by suffix; the system's own table may say something else."""


def page_files() -> dict[str, bytes]:
    """The page's files by name."""
    folder = files("multibox.serve").joinpath("page")
    return {file.name: file.read_bytes() for file in folder.iterdir() if _suffix(file.name) in KINDS}


def page_paths(page: Mapping[str, bytes]) -> list[str]:
    """Where the page's files are."""
    return ["/", *(f"/{name}" for name in page)]


def page_routes(page: Mapping[str, bytes]) -> APIRouter:
    """The page at ``/`` and its files at ``/NAME``."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    @router.get("/{name}")
    async def static(name: str = "index.html") -> Response:
        if name not in page:
            raise Refused(404, "not-found", f"there is no {name[:100]!r} here; see /docs")
        return Response(page[name], media_type=KINDS[_suffix(name)], headers={"Cache-Control": "no-cache"})

    return router


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]
