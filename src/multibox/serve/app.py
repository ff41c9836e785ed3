"""The web application of a server, with all of its routes."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from anyio.to_thread import current_default_thread_limiter
from fastapi import Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware

from multibox._version import __version__
from multibox.detect.detector import Detector
from multibox.explain.browsing import LabelledDataset
from multibox.page.files import server_page
from multibox.serve.batcher import Batcher
from multibox.serve.metrics import Metrics
from multibox.serve.refused import ERRORS, answer_errors
from multibox.serve.routes.datasets import dataset_routes
from multibox.serve.routes.detection import detection_routes
from multibox.serve.routes.documentation import documentation_routes
from multibox.serve.routes.explanation import explanation_routes
from multibox.serve.routes.health import health_routes
from multibox.serve.routes.metrics import metric_routes
from multibox.serve.routes.open_inference import open_inference_routes
from multibox.serve.routes.page import page_paths, page_routes
from multibox.serve.routes.tracks import track_routes
from multibox.serve.security import OPEN, Guard, TokenCheck
from multibox.serve.sessions import Sessions
from multibox.serve.settings import Settings

EXPLAINERS = 4
"""Number of threads that handle explanations and browsing. Fewer threads use less memory."""


def create_app(detector: Detector, settings: Settings, datasets: Mapping[str, LabelledDataset]) -> FastAPI:
    """Create the web application of a server.

    Args:
        detector: Detector to serve. Afterwards only this application may run its network.
        settings: Limits and addresses of the server.
        datasets: Datasets that the page can browse, by ``NAME/SPLIT``.

    Returns:
        The application. Its attribute ``state.batcher`` runs the detector.
    """
    metrics = Metrics(settings)
    batcher = Batcher(detector, settings, metrics.observe_batch)
    sessions = Sessions(settings.places, settings.anchor, metrics.observe_event)
    metrics.under_way.set_function(lambda: batcher.under_way)
    metrics.sessions.set_function(sessions.count)

    @asynccontextmanager
    async def live(app: FastAPI) -> AsyncIterator[None]:
        current_default_thread_limiter().total_tokens = EXPLAINERS
        yield
        batcher.close()

    app = FastAPI(title="Multibox", version=__version__, lifespan=live, docs_url=None, redoc_url=None, responses=ERRORS)
    app.state.batcher = batcher
    answer_errors(app)

    async def admitted() -> AsyncIterator[None]:
        async with batcher.admit(1):
            yield

    app.include_router(detection_routes(batcher, list(datasets)))
    app.include_router(track_routes(batcher, sessions))
    app.include_router(explanation_routes(batcher, datasets))
    app.include_router(dataset_routes(datasets), dependencies=[Depends(admitted)])
    app.include_router(open_inference_routes(batcher))
    app.include_router(health_routes(batcher))
    app.include_router(metric_routes(metrics))
    app.include_router(documentation_routes(app))
    files = server_page()
    app.include_router(page_routes(files))
    _protect(app, settings, metrics, files)
    return app


def _protect(app: FastAPI, settings: Settings, metrics: Metrics, files: Mapping[str, bytes]) -> None:
    """Wrap an application in the middleware that checks every request. The first in the list is the innermost."""
    if settings.token is not None:
        app.add_middleware(TokenCheck, token=settings.token, public=frozenset((*OPEN, *page_paths(files))))
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
        )
    app.add_middleware(Guard, settings=settings, observe=metrics.observe_request)
