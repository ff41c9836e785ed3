"""Films in which objects are made unrecognisable, as they lie on the disk."""

import cv2
import numpy as np
import pytest

import multibox
from colored import GREY, ColorRuntime
from multibox.detect.detector import Detector
from multibox.predict.hidden import Hidden
from multibox.predict.outputs.saving import save_predictions
from multibox.tracking.films import find_films
from multibox.tracking.outputs import open_track_outputs
from tracking.test_track import Flickering

SIZE = (360, 540)
FRAMES = 16


def place(n):
    return 20 + 12 * n, 60


def scene(n):
    """A red card with a QR code and a text walks over a pattern."""
    image = np.full((*SIZE, 3), GREY, np.uint8)
    image[::24], image[:, ::24] = 40, 40
    x, y = place(n)
    code = cv2.QRCodeEncoder.create().encode("hello")
    code = cv2.resize(code, (150, 150), interpolation=cv2.INTER_NEAREST)
    image[y : y + 220, x : x + 190] = (255, 0, 0)
    image[y + 20 : y + 170, x + 20 : x + 170] = code[..., None]
    cv2.putText(image, "SECRET", (x + 20, y + 205), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (255, 255, 255), 3)
    return image


def film_of(folder, hide, runtime):
    """Frames of the film that a run writes, as ``(N, H, W, 3)`` BGR, and its PNG files."""
    film = folder / "film.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"MJPG"), 10, SIZE[::-1])
    for n in range(FRAMES):
        writer.write(scene(n)[..., ::-1])
    writer.release()
    sources = find_films([film])
    out = folder / ("hidden" if hide else "plain")
    outputs = open_track_outputs(["video", "pictures"], out, sources)
    save_predictions(multibox.track(Detector(runtime), sources, hide=hide), outputs)
    capture = cv2.VideoCapture(str(out / "film.mp4"))
    frames = np.array([capture.read()[1] for _ in range(FRAMES)])
    return frames, [cv2.imread(str(path)) for path in sorted(out.glob("*.png"))]


def reads(image):
    return cv2.QRCodeDetector().detectAndDecode(image)[0] == "hello"


@pytest.mark.parametrize("hide", [Hidden(blur=("red",)), Hidden(pixelate=("red",))])
def test_no_written_frame_shows_what_is_hidden(tmp_path, hide):
    """The detector misses every fourth frame. The code is legible without hiding, and nowhere with it."""
    plain, plain_pictures = film_of(tmp_path, None, ColorRuntime())
    assert sum(map(reads, plain_pictures)) > FRAMES / 2
    hidden, pictures = film_of(tmp_path, hide, Flickering())
    assert len(pictures) == FRAMES
    assert not any(map(reads, (*hidden, *pictures)))
    for n, frame in enumerate(hidden):
        x, y = place(n)
        card = frame[y + 40 : y + 160, x + 40 : x + 150].astype(int)
        assert np.abs(np.diff(card, axis=1)).max() < 90, n  # the code's edges are 255 high
        outside = np.ones(SIZE, bool)
        outside[y - 40 : y + 260, max(x - 40, 0) : x + 240] = False
        assert np.abs(frame.astype(int) - plain[n])[outside].mean() < 2, n
