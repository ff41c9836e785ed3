from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from multibox.config import Config
from multibox.data.record import Record, make_objects


def _make_image(height, width, seed=0):
    """Soft shapes, as photographs have them: ``(height, width, 3)`` uint8."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (max(2, height // 8), max(2, width // 8), 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def _make_record(number, height=60, width=80, boxes=((10, 10, 50, 40),), labels=(0,), **flags):
    encoded = cv2.imencode(".png", _make_image(height, width, number))[1].tobytes()
    return Record(f"image{number}", encoded, width, height, make_objects(boxes, labels, **flags))


def _make_store(records, classes=("cat", "dog"), name="fake", split="train"):
    """A store in memory. Its class is local, so that it is pickled by value to a worker."""

    class FakeStore(list):
        def __init__(self, items):
            super().__init__(items)
            self.meta = SimpleNamespace(name=name, split=split, classes=tuple(classes))

    return FakeStore(records)


@pytest.fixture(scope="session")
def make_record():
    return _make_record


@pytest.fixture(scope="session")
def make_store():
    return _make_store


@pytest.fixture
def image():
    return _make_image(60, 80)


@pytest.fixture
def record():
    return _make_record(0)


@pytest.fixture
def small_priors():
    """16 squares of a quarter of the image's side, side by side, and one that is nearly all of it: ``(17, 4)``."""
    edges = np.arange(4) / 4
    cells = [(x, y, x + 0.25, y + 0.25) for y in edges for x in edges]
    return np.array([*cells, (0.05, 0.05, 0.95, 0.95)], np.float32)


@pytest.fixture
def still():
    """A configuration without random steps, except for the filter of the resize."""
    return Config.model_validate(
        {
            "network": {"size": [128, 128]},
            "augment": {
                "distort": {"probability": 0},
                "expand": {"probability": 0},
                "crop": {"probability": 0},
                "mirror": 0,
            },
        }
    )
