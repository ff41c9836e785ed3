"""Prometheus metrics of a server: requests, batches, waiting images, and counts of tracked objects."""

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
from multibox.tracking.counting import Event


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
        self.sessions = Gauge(  # comes before the zones: reading it drops idle sessions, whose objects leave them
            "multibox_track_sessions", "Number of videos that are being tracked.", registry=self.registry
        )
        self._crossings = self._counter("multibox_line_crossings", "Objects that crossed a line.", "line", "direction")
        self._entries = self._counter("multibox_zone_entries", "Objects that entered a zone.", "zone")
        self._exits = self._counter("multibox_zone_exits", "Objects that left a zone, or were lost inside.", "zone")
        self._inside = Gauge(
            "multibox_zone_inside", "Number of objects inside a zone.", ("zone", "class"), registry=self.registry
        )

    def observe_request(self, scope: Scope, status: int, seconds: float) -> None:
        """Record a finished request: its route, status and seconds."""
        route = getattr(scope.get("route"), "path", "none")  # never the path itself, which anyone may make up
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def observe_event(self, event: Event) -> None:
        """Record that an object crossed a line, or entered or left a zone."""
        if event.what == "entered":
            self._entries.labels(event.place, event.name).inc()
            self._inside.labels(event.place, event.name).inc()
        elif event.what == "left":
            self._exits.labels(event.place, event.name).inc()
            self._inside.labels(event.place, event.name).dec()
        else:
            self._crossings.labels(event.place, event.what, event.name).inc()

    def observe_batch(self, images: int, seconds: float) -> None:
        """Record a run of the network: its number of images and seconds."""
        self._batches.observe(images)
        self._network.observe(seconds)

    def _counter(self, name: str, title: str, *labels: str) -> Counter:
        return Counter(name, title, (*labels, "class"), registry=self.registry)
