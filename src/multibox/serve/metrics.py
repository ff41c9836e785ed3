"""Prometheus metrics of a server: requests, batches and waiting images."""

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
    """Prometheus metrics of a server.

    Args:
        settings: Settings of the server, including its limits.
    """

    def __init__(self, settings: Settings):
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        about = {"version": __version__, "model": settings.name, "runtime": settings.runtime}
        Info("multibox", "The server.", registry=self.registry).info(about)
        self._requests = Counter("multibox_requests", "Requests answered.", ("route", "status"), registry=self.registry)
        self._seconds = Histogram(
            "multibox_request_seconds",
            "Seconds from the start of a request to the end of its response.",
            ("route",),
            registry=self.registry,
        )
        sizes = [2**n for n in range(settings.batch.bit_length())]
        self._batches = Histogram(
            "multibox_batch_pictures",
            "Number of images that went through the network together.",
            buckets=sizes,
            registry=self.registry,
        )
        self._network = Histogram(
            "multibox_network_seconds", "Seconds that the network took for a batch.", registry=self.registry
        )
        self.under_way = Gauge(
            "multibox_pictures_under_way", "Number of images that wait or are being processed.", registry=self.registry
        )

    def observe_request(self, scope: Scope, status: int, seconds: float) -> None:
        """Record a finished request: its route, status and seconds."""
        route = getattr(scope.get("route"), "path", "none")  # never the path itself, which anyone may make up
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def observe_batch(self, images: int, seconds: float) -> None:
        """Record a run of the network: its number of images and seconds."""
        self._batches.observe(images)
        self._network.observe(seconds)
