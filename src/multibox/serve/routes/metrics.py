"""The route ``/metrics``, which gives the server's Prometheus metrics."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from multibox.serve.metrics import Metrics


def metric_routes(metrics: Metrics) -> APIRouter:
    """Create the route ``/metrics``."""
    router = APIRouter(tags=["operation"])

    @router.get("/metrics", summary="Prometheus metrics of the server")
    async def figures() -> Response:
        return Response(generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router
