"""The routes ``/healthz`` and ``/readyz``, which say whether the server is alive and ready."""

from fastapi import APIRouter
from starlette.responses import Response

from multibox.serve.batcher import Batcher


def health_routes(batcher: Batcher) -> APIRouter:
    """Create the routes for monitoring tools."""
    router = APIRouter(tags=["operation"])

    @router.head("/healthz", include_in_schema=False)
    @router.get("/healthz", summary="Whether the server is alive")
    async def live() -> Response:
        return Response('{"live": true}', media_type="application/json")

    @router.head("/readyz", include_in_schema=False)
    @router.get("/readyz", summary="Whether the server is ready: the model is loaded and the queue is not full")
    async def ready() -> Response:
        batcher.require_ready()
        return Response('{"ready": true}', media_type="application/json")

    return router
