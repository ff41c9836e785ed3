"""The routes of the web page. Its files are read once when the server starts, so no request reads the disk."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from fastapi import APIRouter
from starlette.responses import Response

from multibox.page.files import INDEX, kind_of
from multibox.serve.refused import Refused


def page_paths(page: Mapping[str, bytes]) -> list[str]:
    """URL paths of the page and of its files."""
    return ["/", *(f"/{name}" for name in page)]


def page_routes(page: Mapping[str, bytes]) -> APIRouter:
    """Create the routes of the page at ``/``, and of its files at ``/FOLDER/NAME``."""
    router = APIRouter(include_in_schema=False)

    def answer(path: str) -> Response:
        if path not in page:
            raise Refused(404, "not-found", f"there is no page {path[:100]!r}; see /docs for all routes")
        return Response(page[path], media_type=kind_of(path), headers={"Cache-Control": "no-cache"})

    def serve_folder(folder: PurePosixPath) -> None:
        @router.get(f"/{folder / '{name}'}")
        async def file(name: str) -> Response:
            return answer(str(folder / name))

    @router.get("/")
    async def index() -> Response:
        return answer(INDEX)

    for folder in dict.fromkeys(PurePosixPath(path).parent for path in page):
        serve_folder(folder)
    return router
