"""Limits and addresses of a server."""

from dataclasses import dataclass

from multibox.tracking.counting import Anchor
from multibox.tracking.places import Line, Zone

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Host names and addresses by which only this machine can reach a server."""


@dataclass(frozen=True)
class Settings:
    """Settings of a server: its name, address and limits.

    Attributes:
        name: Name of the model in requests and responses.
        runtime: Name of the library that runs the network, for display.
        host: Host name or IP address to listen on.
        port: Port to listen on. 0 chooses a free port.
        token: Secret that every request must contain. None requires no secret.
        batch: Largest number of images that go through the network together.
        queue: Largest number of images of all requests that wait or are being processed. Further requests are refused.
        timeout: Longest time of a request in seconds.
        max_bytes: Largest size of a request's body in bytes.
        max_pixels: Largest number of pixels of an image (width times height).
        max_images: Largest number of images in a request.
        origins: Other web sites whose pages may send requests, such as ``https://example.org``.
        places: Lines and zones at which tracked objects are counted. Their names differ.
        anchor: Point of a box that counts as its place.
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
    places: tuple[Line | Zone, ...] = ()
    anchor: Anchor = "center"

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK
