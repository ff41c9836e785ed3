"""The figures of a server, for Prometheus."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
)
from starlette.types import Scope

from multibox._version import __version__
from multibox.serve.settings import Settings


class Metrics:
    """The figures of a server.

    Args:
        settings: Settings of the server.
    """

    def __init__(self, settings: Settings):
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        about = {"version": __version__, "model": settings.name, "runtime": settings.runtime}
        Info("multibox", "The server.", registry=self.registry).info(about)
        self._requests = Counter("multibox_requests", "Requests answered.", ("route", "status"), registry=self.registry)
        self._seconds = Histogram(
            "multibox_request_seconds",
            "Seconds from a request's head to the end of its answer.",
            ("route",),
            registry=self.registry,
        )
        sizes = [2**n for n in range(settings.batch.bit_length())]
        self._batches = Histogram(
            "multibox_batch_pictures",
            "Images that went through the network together.",
            buckets=sizes,
            registry=self.registry,
        )
        self._network = Histogram(
            "multibox_network_seconds", "Seconds of a batch in the network.", registry=self.registry
        )
        self.under_way = Gauge("multibox_pictures_under_way", "Images in work or waiting.", registry=self.registry)

    def observe_request(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request."""
        route = getattr(scope.get("route"), "path", "none")  # never the path itself, which anyone may make up
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def observe_batch(self, images: int, seconds: float) -> None:
        """Count a run of the network."""
        self._batches.observe(images)
        self._network.observe(seconds)
