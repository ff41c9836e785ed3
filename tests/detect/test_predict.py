import json

import cv2
import pytest

from colored import paint
from multibox.detect.predict import Prediction, picture_name, predict, refuse_unread, save_predictions
from multibox.errors import BadInput, RunFailed


@pytest.fixture
def files(tmp_path):
    for name, color in (("one/a.png", "red"), ("two/a.png", "blue")):
        path = tmp_path / name
        path.parent.mkdir()
        cv2.imwrite(str(path), paint((128, 192), {color: (20, 20, 100, 90)})[..., ::-1])
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    return [tmp_path / "one/a.png", broken, tmp_path / "two/a.png"]


def test_a_broken_file_does_not_stop_the_others(detector, files):
    first, broken, last = predict(detector, files)
    assert [first.path, broken.path, last.path] == files
    assert first.detections.names == ["red"]
    assert last.detections.names == ["blue"]
    assert broken.detections is None
    assert "broken.jpg" in broken.error


def test_no_files(detector):
    assert list(predict(detector, [])) == []


def test_save(detector, files, tmp_path):
    out = tmp_path / "new" / "out"
    predictions = list(save_predictions(predict(detector, files), out))
    assert len(predictions) == 3
    assert sorted(path.name for path in out.iterdir()) == ["a-2.png", "a.png", "detections.json"]
    assert cv2.imread(str(out / "a.png")).shape == (128, 192, 3)
    rows = json.loads((out / "detections.json").read_text())
    assert [row.get("picture") for row in rows] == ["a.png", None, "a-2.png"]
    assert [row["detections"][0]["name"] for row in rows[::2]] == ["red", "blue"]
    assert "broken.jpg" in rows[1]["error"]


def test_save_into_a_file(detector, files):
    with pytest.raises(BadInput, match=r"broken\.jpg: cannot be made a folder"):
        list(save_predictions(predict(detector, files), files[1]))


def test_picture_names(tmp_path):
    taken = set()
    assert [picture_name(tmp_path / name, taken) for name in ("x.jpg", "x.png", "y.jpg", "z/x.bmp")] == [
        "x.png",
        "x-2.png",
        "y.png",
        "x-3.png",
    ]


def test_without_image(detector, files):
    prediction = next(iter(predict(detector, files)))
    assert prediction.detections.image is not None
    assert prediction.without_image().detections.image is None
    assert prediction.without_image().to_json() == prediction.to_json()


def test_unread(detector, files):
    predictions = list(predict(detector, files))
    refuse_unread(predictions[:1])
    refuse_unread([])
    with pytest.raises(RunFailed, match=r"1 of 3 pictures could not be read: .*broken\.jpg"):
        refuse_unread(predictions)
    with pytest.raises(BadInput, match="1 of 1"):
        refuse_unread([Prediction(files[1], error="broken")])
