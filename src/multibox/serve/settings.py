"""What a server allows, and how it is reached."""

from dataclasses import dataclass

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Hosts that only this machine reaches."""


@dataclass(frozen=True)
class Settings:
    """The settings of a server.

    Attributes:
        name: of the model, as requests and answers call it.
        runtime: what runs it, for people.
        host: the address that is listened at.
        port: the port that is listened at; 0: any that is free.
        token: what requests have to show; None: they need none.
        batch: pictures that go through the network together at most.
        queue: pictures that may be worked on or wait, of all requests together; more are refused.
        timeout: seconds that a request may take.
        max_bytes: of a request's body.
        max_pixels: of a picture.
        max_images: of a request.
        origins: of other web pages that may ask, such as ``https://example.org``.
    """

    name: str = "model"
    runtime: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    batch: int = 8
    queue: int = 64
    timeout: float = 60.0
    max_bytes: int = 32 << 20
    max_pixels: int = 50_000_000
    max_images: int = 16
    origins: tuple[str, ...] = ()

    @property
    def local(self) -> bool:
        """Whether only this machine reaches the server."""
        return self.host in LOOPBACK
