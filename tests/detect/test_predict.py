import json
from pathlib import Path

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
    names = [picture_name(Path(name), taken, tmp_path) for name in ("x.jpg", "x.png", "y.jpg", "z/x.bmp")]
    assert names == ["x.png", "x-2.png", "y.png", "x-3.png"]


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


def pixels_and_names(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_pictures_of_the_run_are_never_replaced(detector, files):
    folder = files[0].parent
    before = pixels_and_names(folder)
    for new in ("a-2.png", "a-3.png"):  # the second time, what the first left is read too
        list(save_predictions(predict(detector, sorted(folder.glob("*.png"))), folder))
        after = pixels_and_names(folder)
        assert {name: after[name] for name in before if name.endswith(".png")} == {
            name: data for name, data in before.items() if name.endswith(".png")
        }
        assert new in after
        before = after


def test_an_input_through_a_link_is_not_replaced(detector, files, tmp_path):
    out = tmp_path / "out"
    list(save_predictions(predict(detector, files[:1]), out))
    (tmp_path / "link").symlink_to(out)
    before = (out / "a.png").read_bytes()
    list(save_predictions(predict(detector, [files[2], tmp_path / "link/a.png"]), out))
    assert (out / "a.png").read_bytes() == before


def test_only_earlier_predictions_are_replaced(detector, files, tmp_path):
    out = tmp_path / "out"
    for _ in range(2):
        list(save_predictions(predict(detector, files[:1]), out))
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "detections.json"]
    (out / "a.png").write_bytes(b"mine")
    list(save_predictions(predict(detector, files[:1]), out))
    assert (out / "a.png").read_bytes() == b"mine"
    assert cv2.imread(str(out / "a-2.png")).shape == (128, 192, 3)


@pytest.mark.parametrize("text", ["{}", '[{"image_id": 1}]', "not JSON", "\xff"])
def test_other_results_are_not_replaced(detector, files, tmp_path, text):
    out = tmp_path / "out"
    out.mkdir()
    (out / "detections.json").write_text(text, "latin-1")
    with pytest.raises(BadInput, match=r"detections\.json: was not written by 'multibox predict'"):
        list(save_predictions(predict(detector, files), out))
    assert [path.name for path in out.iterdir()] == ["detections.json"]
