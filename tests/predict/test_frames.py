import threading

import cv2
import numpy as np
import pytest

from colored import paint
from multibox.predict.frames import RATE, read_still, read_video
from multibox.predict.predict import predict
from multibox.predict.sources import Source


@pytest.fixture
def film(tmp_path):
    """Twelve frames at 10 a second, in which a red box moves to the right."""
    path = tmp_path / "film.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (192, 128))
    for number in range(12):
        writer.write(paint((128, 192), {"red": (8 * number, 30, 8 * number + 60, 90)})[..., ::-1].copy())
    writer.release()
    return path


class Capture:
    """Gives the frames it has, as a camera does: a new one whenever it may."""

    def __init__(self, frames, rate=0.0, opened=True):
        self.frames, self.rate, self.opened, self.released = list(frames), rate, opened, False
        self.may_go_on = threading.Semaphore(0)
        self.all_given = threading.Event()

    def isOpened(self):
        return self.opened

    def get(self, _):
        return self.rate

    def read(self):
        if not self.frames:
            self.all_given.set()
            return False, None
        self.may_go_on.acquire()
        return True, self.frames.pop(0)

    def release(self):
        self.released = True


def test_all_frames_of_a_video(film):
    frames = list(read_video(Source(str(film), "video")))
    assert [frame.number for frame in frames] == list(range(12))
    assert {frame.rate for frame in frames} == {10}
    assert frames[0].image.shape == (128, 192, 3)
    red, _, blue = frames[0].image[60, 30].astype(int)
    assert red > blue + 100


def test_a_video_through_the_detector(detector, film):
    predictions = list(predict(detector, [Source(str(film), "video")], score=0.5, batch=5))
    assert [p.number for p in predictions] == list(range(12))
    assert detector.runtime.batches == [5, 5, 2]
    left = [p.detections.boxes[0, 0] for p in predictions]
    np.testing.assert_allclose(left, 8 * np.arange(12), atol=5)


def grey(value):
    return np.full((4, 4, 3), value, np.uint8)


def test_of_live_pictures_only_the_newest():
    capture = Capture([grey(value) for value in range(10)])
    frames = read_video(Source("camera:0", "live"), lambda source: capture)
    capture.may_go_on.release()
    first = next(frames)
    assert (first.number, first.rate) == (0, RATE)
    capture.may_go_on.release(9)
    capture.all_given.wait(5)
    assert [(f.number, int(f.image[0, 0, 0])) for f in frames] == [(9, 9)]  # 1 to 8 came while the first was looked at
    assert capture.released


def test_a_stream_that_is_left_is_released():
    capture = Capture([grey(1)] * 3)
    capture.may_go_on.release(3)
    frames = read_video(Source("camera:0", "live"), lambda source: capture)
    next(frames)
    frames.close()
    assert capture.released


@pytest.mark.parametrize(("opened", "message"), [(False, "cannot be opened"), (True, "none of its frames")])
def test_what_shows_nothing(opened, message):
    (frame,) = read_video(Source("camera:0", "video"), lambda source: Capture([], opened=opened))
    assert frame.image is None
    assert message in frame.error


def test_a_broken_video(tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"no film")
    (frame,) = read_video(Source(str(tmp_path / "bad.mp4"), "video"))
    assert "bad.mp4: cannot be opened" in frame.error


def test_a_picture_of_standard_input():
    encoded = cv2.imencode(".png", grey(7))[1].tobytes()
    assert read_still(Source("-", encoded=encoded)).image.tolist() == grey(7).tolist()
    assert "standard input: not an image" in read_still(Source("-", encoded=b"junk")).error


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_camera_that_fails_ends():
    class Failing(Capture):
        def read(self):
            if self.frames:
                return True, self.frames.pop()
            raise SystemExit  # which ends a thread without a word

    frames = read_video(Source("camera:0", "live"), lambda source: Failing([grey(1)]))
    assert [frame.number for frame in frames] == [0]


def test_a_video_whose_name_is_no_text():
    (frame,) = read_video(Source("\udcff.mp4", "video"))
    assert "cannot be opened" in frame.error
