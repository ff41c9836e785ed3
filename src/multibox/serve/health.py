"""Whether the server lives, and takes requests."""

from fastapi import APIRouter
from starlette.responses import Response

from multibox.serve.batcher import Batcher
from multibox.serve.refused import Refused


def health_routes(batcher: Batcher) -> APIRouter:
    """The routes that something that watches the server asks."""
    router = APIRouter(tags=["operation"])

    @router.get("/healthz", summary="Whether the server lives")
    async def live() -> Response:
        return Response('{"live": true}', media_type="application/json")

    @router.get("/readyz", summary="Whether it takes requests: the model is loaded and the queue is not full")
    async def ready() -> Response:
        if not batcher.ready:
            raise Refused(503, "busy", "the queue is full or the server stops", headers={"Retry-After": "1"})
        return Response('{"ready": true}', media_type="application/json")

    return router
