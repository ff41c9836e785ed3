import numpy as np
import pytest

from multibox.detect.detections import Detections
from multibox.errors import BadInput, RunFailed
from multibox.predict.predict import Prediction
from multibox.predict.sources import Source
from multibox.predict.tally import Tally


def prediction(*names):
    found = Detections(np.zeros((len(names), 4)), np.ones(len(names)), np.zeros(len(names), int), ("cat",), (1, 1))
    return Prediction(Source("x"), found)


def test_tally():
    tally = Tally()
    tally.refuse_unread()
    tally.add(prediction("cat", "cat"))
    tally.add(prediction())
    assert tally.images == 2
    assert tally.objects == {"cat": 2}
    tally.refuse_unread()
    tally.add(Prediction(Source("y"), error="y: broken"))
    with pytest.raises(RunFailed, match=r"^1 of 3 images could not be read: y: broken$"):
        tally.refuse_unread()


def test_tally_of_nothing_readable():
    tally = Tally()
    for number in range(30):
        tally.add(Prediction(Source("y"), error=f"{number} broken"))
    with pytest.raises(BadInput, match=r"30 of 30 images.*; 19 broken; and 10 more$"):
        tally.refuse_unread()


def test_a_tally_keeps_few_reasons():
    tally = Tally()
    for _ in range(1000):
        tally.add(Prediction(Source("y"), error="broken"))
    assert len(tally.errors) == 20


def frame(number, frames=1, error=""):
    found = None if error else prediction().detections
    return Prediction(Source("film.avi", "video"), found, error, number=number, frames=frames)


def test_a_tally_counts_frames_that_nobody_saw():
    tally = Tally()
    for one in (frame(0), frame(1, error="frame 1"), frame(2), frame(3, 20, error="20 frames")):
        tally.add(one)
    assert (tally.images, tally.unread) == (23, 21)
    with pytest.raises(RunFailed, match=r"^21 of 23 frames could not be read: frame 1; 20 frames$"):
        tally.refuse_unread()
    for _ in range(30):
        tally.add(Prediction(Source("y"), error="y"))
    with pytest.raises(RunFailed, match=r"^51 of 53 images and frames could not be read: .*; y; and 12 more$"):
        tally.refuse_unread()
