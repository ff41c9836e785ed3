import cv2
import pytest

from colored import paint
from multibox.predict.outputs.saving import open_outputs, save_predictions
from multibox.predict.predict import predict
from multibox.predict.sources import find_sources


@pytest.fixture
def files(tmp_path):
    """Two pictures of one name, an empty one, and a broken one between them."""
    pictures = {"one/a.png": {"red": (20, 20, 100, 90)}, "two/a.png": {"blue": (20, 20, 100, 90)}, "000007.png": {}}
    for name, objects in pictures.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), paint((128, 192), objects)[..., ::-1])
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    return [tmp_path / "one/a.png", broken, tmp_path / "two/a.png", tmp_path / "000007.png"]


@pytest.fixture
def film(tmp_path):
    """Five frames of a red box, at 10 a second."""
    path = tmp_path / "film.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (192, 128))
    for _ in range(5):
        writer.write(paint((128, 192), {"red": (20, 20, 100, 90)})[..., ::-1].copy())
    writer.release()
    return path


@pytest.fixture
def save(detector):
    """Detects in paths and saves in formats; gives the predictions."""

    def run(paths, out, *formats, replace=False):
        sources = find_sources(paths)
        outputs = open_outputs(formats, out, detector.classes, sources, replace=replace)
        seen = []
        save_predictions(predict(detector, sources, score=0.5, keep=outputs.draw), outputs, seen.append)
        return seen

    return run
