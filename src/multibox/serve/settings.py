"""Limits and addresses of a server."""

from dataclasses import dataclass

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Hosts that only this machine can reach."""


@dataclass(frozen=True)
class Settings:
    """The settings of a server.

    Attributes:
        name: Name of the model in requests and answers.
        runtime: Name of the runtime, for display.
        host: Address to listen on.
        port: Port to listen on. 0 takes any free port.
        token: Token that requests must carry. None lets all in.
        batch: Largest number of images that go through the network together.
        queue: Largest number of images in work or waiting, of all requests. More are refused.
        timeout: Seconds that a request may take.
        max_bytes: Largest number of bytes of a request's body.
        max_pixels: Largest number of pixels of an image.
        max_images: Largest number of images of a request.
        origins: Origins of other web pages that may send requests, such as ``https://example.org``.
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
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK
