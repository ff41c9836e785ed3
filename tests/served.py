"""Real servers at free ports, of a detector that needs no training, and pictures to send them."""

import threading
import time
from contextlib import contextmanager

import cv2
import httpx

from colored import ColorRuntime, paint
from multibox.detect.detector import Detector
from multibox.serve.app import create_app
from multibox.serve.server import listen, make_server
from multibox.serve.settings import Settings

OBJECTS = {"red": (60, 40, 260, 160), "blue": (300, 200, 380, 280)}
SETTINGS = Settings(name="colors", runtime="colored")


@contextmanager
def server_of(settings=SETTINGS, runtime=None, datasets=None, detector=None, **options):
    """A server in a thread; gives its address."""
    detector = detector or Detector(runtime or ColorRuntime(), **options)
    server = make_server(create_app(detector, settings, datasets or {}), settings)
    with listen("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


@contextmanager
def client_of(settings=SETTINGS, runtime=None, **options):
    """A client of such a server."""
    with server_of(settings, runtime, **options) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


class SlowRuntime(ColorRuntime):
    """Waits before it answers until it may."""

    def __init__(self, schema=None):
        super().__init__(schema)
        self.may = threading.Event()
        self.begun = threading.Event()

    def answer(self, images):
        self.begun.set()
        assert self.may.wait(20)
        return super().answer(images)


def painted():
    """A picture ``(300, 400, 3)`` with a red and a blue rectangle."""
    return paint((300, 400), OBJECTS)


def encode(image, suffix=".png"):
    """An image as a file's bytes."""
    return cv2.imencode(suffix, image[..., ::-1])[1].tobytes()


def as_file(encoded, name="a.png"):
    """A part of a form, in httpx's words."""
    return ("images", (name, encoded, "application/octet-stream"))


def assert_refused(answer, status, code, image=None):
    """The answer is an error as the interface describes them."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert error["code"] == code
    assert error["message"]
    assert "\n" not in error["message"]
    assert error.get("image") == image
