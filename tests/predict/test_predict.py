import cv2
import numpy as np
import pytest

from colored import paint
from multibox.detect.detector import Detector
from multibox.predict.predict import Prediction, predict
from multibox.predict.sources import Source, find_sources


@pytest.fixture
def files(tmp_path):
    for name, color in (("one/a.png", "red"), ("two/a.png", "blue")):
        path = tmp_path / name
        path.parent.mkdir()
        cv2.imwrite(str(path), paint((128, 192), {color: (20, 20, 100, 90)})[..., ::-1])
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    return [tmp_path / "one/a.png", broken, tmp_path / "two/a.png"]


@pytest.fixture
def sources(files):
    return find_sources(files)


def test_a_broken_file_does_not_stop_the_others(detector, sources):
    first, broken, last = predict(detector, sources)
    assert [p.source for p in (first, broken, last)] == sources
    assert first.detections.names == ["red"]
    assert last.detections.names == ["blue"]
    assert broken.detections is None
    assert "broken.jpg" in broken.error


def test_no_sources(detector):
    assert list(predict(detector, [])) == []


def test_batches(detector, sources):
    assert len(list(predict(detector, sources[:1] * 7, batch=3))) == 7
    assert detector.runtime.batches == [3, 3, 1]


def test_images_are_kept_when_asked(detector, sources):
    assert next(predict(detector, sources)).detections.image.shape == (128, 192, 3)
    assert next(predict(detector, sources, keep=False)).detections.image is None


def test_no_more_than_a_few_pictures_are_read_ahead(detector, sources):
    taken = []

    def count():
        for _ in range(500):
            taken.append(1)
            yield sources[0]

    next(predict(detector, count(), batch=4))
    assert len(taken) <= 4 * (1 + 2 + 1) + 4  # read, in the network and waiting for it, being finished; and one batch


def test_json(detector, sources):
    first, broken, _ = (p.without_image() for p in predict(detector, sources))
    assert first.detections.image is None
    row = first.to_json()
    assert (row["file"], row["width"], row["height"]) == (sources[0].name, 192, 128)
    assert row["detections"][0]["name"] == "red"
    assert broken.to_json() == {"file": sources[1].name, "error": broken.error}
    frame = Prediction(Source("x.mp4", "video"), error="bad", number=50, seconds=2.0)
    assert frame.to_json() == {"file": "x.mp4", "frame": 50, "seconds": 2.0, "error": "bad"}


def test_tiles_and_views_go_through_the_pipeline(detector, sources):
    whole = [p.detections.names for p in predict(detector, sources[::2])]
    for options in ({"tiles": 100}, {"tta": True}, {"tiles": "2x2", "tta": True}):
        found = [p.detections for p in predict(Detector(detector.runtime, **options), sources[::2], score=0.3)]
        assert [one.names for one in found] == whole
        np.testing.assert_allclose(found[0].boxes, [[20, 20, 100, 90]], atol=3)


def test_huge_images_are_few_at_a_time(detector, sources):
    taken = []

    def count():
        for _ in range(50):
            taken.append(1)
            yield sources[0]

    next(predict(Detector(detector.runtime, tiles=100), count(), batch=8))
    assert len(taken) <= 4
