"""Streams that break off and come back."""

import numpy as np
import pytest

from multibox.predict import reconnecting
from multibox.predict.reconnecting import read_reconnecting
from multibox.predict.sources import Source

CAMERA = Source("rtsp://camera/1", "live")


class Clock:
    """Time that passes only while something sleeps."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(reconnecting, "time", clock)
    return clock


def stream(*attempts):
    """Replaces ``read_video``: each attempt gives as many frames, or an error if it is 0."""
    attempts = iter(attempts)

    def read(source, open_capture=None):
        count = next(attempts)
        if not count:
            yield reconnecting.Frame(source, error="cannot be opened")
        for number in range(count):
            yield reconnecting.Frame(source, np.zeros((2, 2, 3), np.uint8), number=number, rate=10, seconds=number / 10)

    return read


def test_a_stream_that_comes_back_goes_on(clock, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(reconnecting, "read_video", stream(3, 0, 0, 2, *[0] * 40))
    frames = list(read_reconnecting(CAMERA, 30))
    assert [frame.number for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.seconds for frame in frames] == pytest.approx([0, 0.1, 0.2, 3, 3.1])
    said = [record.message for record in caplog.records]
    assert "the stream broke off; it is opened again for 30 seconds" in said[0]
    assert "the stream is back after 3 seconds" in said[1]
    assert "did not come back" in said[-1]


def test_the_end_of_a_stream_is_the_end_without_patience(clock, monkeypatch, caplog):
    monkeypatch.setattr(reconnecting, "read_video", stream(3))
    assert len(list(read_reconnecting(CAMERA, 0))) == 3
    assert not caplog.records


def test_a_stream_that_cannot_be_opened_is_an_error_at_once(clock, monkeypatch):
    monkeypatch.setattr(reconnecting, "read_video", stream(0))
    (frame,) = read_reconnecting(CAMERA, 30)
    assert frame.error == "cannot be opened"
    assert clock.now == 100
