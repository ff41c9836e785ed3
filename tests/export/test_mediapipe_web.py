"""MediaPipe in a browser, from npm's package in a local folder, finds what Multibox finds."""

import base64
import shutil
import subprocess
import tarfile

import cv2
import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
pytest.importorskip("keras")
pytest.importorskip("ai_edge_litert")

import keras

from multibox.detect.load import load
from multibox.export.images import prepared
from multibox.export.write import Plan, write
from multibox.models.file import load_model
from multibox.models.shipped import model_path
from static_site import CHROMIUM, blocked_browser, serve_folder

PACKAGE = "@mediapipe/tasks-vision@1.1.0"

SCORE, PIXELS = 0.002, 1.0
"""How far a score, and a position or a size in pixels, may be from Python's. MediaPipe cuts pixels down to integers."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs {CHROMIUM} (Debian's package chromium)"),
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the export needs Keras on TensorFlow"),
]

PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module">
import { FilesetResolver, ObjectDetector } from "./package/vision_bundle.mjs";
const files = await FilesetResolver.forVisionTasks("./package/wasm");
const options = { baseOptions: { modelAssetPath: "./model.tflite", delegate: "CPU" }, scoreThreshold: 0.05 };
const detector = await ObjectDetector.createFromOptions(files, options);
window.detect = async (source) => {
  const image = new Image();
  image.src = source;
  await image.decode();
  return detector.detect(image).detections.flatMap(({ boundingBox: box, categories }) =>
    categories.map((one) => [one.categoryName, one.score, box.originX, box.originY, box.width, box.height]));
};
document.body.dataset.ready = "";
</script><body>"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the page and npm's package."""
    folder = tmp_path_factory.mktemp("site")
    if shutil.which("npm") is None:
        pytest.skip("needs npm")
    done = subprocess.run(
        ["npm", "pack", PACKAGE], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode:
        pytest.skip(f"needs a network: {done.stderr[-200:]}")
    with tarfile.open(folder / done.stdout.strip()) as archive:
        archive.extractall(folder, filter="data")
    (folder / "index.html").write_text(PAGE)
    return folder


def test_mediapipe_in_a_browser_finds_what_multibox_finds(folder):
    network, schema = load_model(model_path("voc20", ".keras"))
    images = prepared(schema, None, 20)
    write(network, schema, folder / "model.tflite", Plan("litert", target="mediapipe"), images[:4])
    ours = load(folder / "model.tflite")(list(images), score=0.1)
    assert sum(map(len, ours)) > 20
    with blocked_browser() as browser, serve_folder(folder) as address:
        page = browser.new_page()
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        page.wait_for_selector("body[data-ready]", state="attached", timeout=120_000)
        for image, expected in zip(images, ours, strict=True):
            _assert_same(expected, page.evaluate("source => detect(source)", _as_url(image)))
    assert {url for url in asked if not url.startswith((address, "data:", "blob:"))} == set()


def _as_url(image):
    png = cv2.imencode(".png", image[..., ::-1])[1].tobytes()
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _assert_same(expected, found):
    names, numbers = [row[0] for row in found], np.array([row[1:] for row in found]).reshape(-1, 5)
    for box, score, label in zip(expected.boxes, expected.scores, expected.labels, strict=True):
        wanted = (score, *box[:2], *(box[2:] - box[:2]))
        apart = np.abs(numbers - wanted) / (SCORE, *[PIXELS] * 4)
        apart[[name != expected.classes[label] for name in names]] = np.inf
        assert apart.max(axis=1).min(initial=np.inf) <= 1, (wanted, found)
