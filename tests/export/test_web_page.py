"""A site in a real browser without a network: what it detects and explains, and what it asks for."""

import base64
import dataclasses
import io
import json
import os
import re
import shutil
import time

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="needs the package playwright")

from PIL import Image
from playwright.sync_api import expect

from colored import make_schema
from multibox.config import Detect, Priors
from multibox.data.sample import draw_scene
from multibox.detect.load import load
from multibox.errors import BadInput, RunFailed
from multibox.explain.cells import look_at_cell, maps_of
from multibox.explain.origin import explain_detections
from multibox.export import export
from multibox.export.web import Site, write_site
from multibox.export.web_runtime import WASM, WEBGPU, read_runtime
from page_checks import LEVELS, PALE, UNNAMED
from served import encode
from static_site import CHROMIUM, Visit, blocked_browser, serve_folder
from tiny_onnx import write_tiny_onnx

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs {CHROMIUM} (Debian's package chromium)"),
]

SCORE, PIXELS = 0.005, 0.5
"""How far a score and a corner may be from Python's."""

LOWEST = 0.05

CALL = """async ([method, bytes, ...values]) => {
  const { LocalDetector } = await import("./local/detector.js");
  const detector = (window.detector ??= new LocalDetector());
  const file = bytes && [new File([Uint8Array.fromBase64(bytes)], "a.png", { type: "image/png" })];
  return detector[method](...(file ?? []), ...values);
}"""


@pytest.fixture(scope="module")
def runtime():
    try:
        return read_runtime(None, WASM)
    except (BadInput, RunFailed) as error:
        pytest.skip(f"needs npm and a network: {error}")


@pytest.fixture(scope="module")
def browser():
    with blocked_browser("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream") as browser:
        yield browser


@pytest.fixture(scope="module")
def voc20(runtime, tmp_path_factory):
    """The site of the bundled detector."""
    pytest.importorskip("keras")
    return export("voc20", "web", tmp_path_factory.mktemp("voc20") / "site").path


@pytest.fixture(scope="module")
def tiny_site(runtime, tmp_path_factory):
    """Write the site of a detector with random weights, which detects dozens of objects of all classes and scores."""

    def tiny_site(**changes):
        folder, schema = tmp_path_factory.mktemp("tiny"), make_schema(**changes)
        model = write_tiny_onnx(folder / "tiny.onnx", schema)
        write_site(folder / "site", Site("tiny", runtime=runtime), schema, model.read_bytes())
        return folder / "site", load(model)

    return tiny_site


@pytest.fixture
def visit(browser):
    """Visit a site. The test fails at the end on an error in the console or a request that leaves the folder."""
    visits = []

    def visit(url, **options):
        visits.append((Visit(browser, **options), url))
        visits[-1][0].open(url)
        return visits[-1][0]

    yield visit
    for one, url in visits:
        one.close()
        assert one.complaints == []
        assert [asked for asked in one.requests if not asked.startswith((f"{url}/", "data:", "blob:"))] == []


def call(visit, method, *values, image=None):
    """What the site's detector answers."""
    sent = None if image is None else base64.b64encode(encode(image)).decode()
    return visit.page.evaluate(CALL, [method, sent, *values])


def scenes(count):
    return [draw_scene(np.random.default_rng(seed))[0] for seed in range(count)]


def assert_same(found, expected):
    """The page's detections are Python's."""
    assert sorted(one["name"] for one in found) == sorted(expected.names)
    left = list(found)
    for label, score, box in zip(expected.labels, expected.scores, expected.boxes, strict=True):
        alike = [one for one in left if one["label"] == label]
        one = min(alike, key=lambda one: np.abs(np.subtract(one["box"], box)).max())
        left.remove(one)
        assert np.abs(np.subtract(one["box"], box)).max() <= PIXELS
        assert abs(one["score"] - score) <= SCORE


def test_twenty_images_without_a_network_and_without_the_host(voc20, visit):
    detector = load("voc20")
    with serve_folder(voc20) as url:
        online = visit(url)
        online.wait_until_kept()
    online.open(url)
    total = 0
    for image in scenes(20):
        (result,) = call(online, "detect", LOWEST, image=image)["results"]
        assert (result["height"], result["width"]) == image.shape[:2]
        assert_same(result["detections"], detector(image, score=LOWEST))
        total += len(result["detections"])
    assert total > 100


def test_a_site_does_not_say_how_its_detector_was_trained(voc20):
    assert load("voc20").schema.training
    assert load(voc20 / "model" / "model.onnx").schema.training == {}
    assert json.loads((voc20 / "model" / "model.json").read_text())["schema"]["training"] == {}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"activation": "sigmoid"},
        {"resize": "letterbox"},
        {"detect": Detect(nms="soft-gaussian", agnostic=True)},
        {"detect": Detect(nms="soft-linear", per_image=20, per_class=5)},
        {
            "priors": Priors(
                sizes=(40, 80, 160, 300), ratios=((2,), (2,), (2,)), clip=True, variances=(0.2, 0.1, 0.3, 0.2)
            )
        },
    ],
    ids=["plain", "sigmoid", "letterbox", "soft-gaussian", "soft-linear", "priors"],
)
def test_other_detectors_and_odd_images(tiny_site, visit, changes):
    site, detector = tiny_site(**changes)
    rng = np.random.default_rng(0)
    with serve_folder(site) as url:
        there = visit(url)
        for shape in ((128, 192), (301, 77), (40, 40), (900, 1300)):
            image = rng.integers(0, 256, (*shape, 3), np.uint8)
            (result,) = call(there, "detect", LOWEST, image=image)["results"]
            expected = detector(image, score=LOWEST)
            assert len(expected) > 5
            assert_same(result["detections"], expected)


def numbers_and_words(text):
    parts = re.split(r"(\d+(?:\.\d+)?(?:e-?\d+)?)", text)
    return [float(part) for part in parts[1::2]], parts[::2]


def assert_equal(given, expected, where=""):
    """Every value of the page's answer is the one of Python's."""
    if isinstance(given, dict):
        for name, value in given.items():
            assert_equal(value, expected[name], f"{where}.{name}")
    elif isinstance(given, list):
        assert len(given) == len(expected), where
        for i, pair in enumerate(zip(given, expected, strict=True)):
            assert_equal(*pair, f"{where}[{i}]")
    elif isinstance(given, float):
        assert given == pytest.approx(expected, rel=1e-3, abs=1e-3), where
    elif where.endswith(".text"):
        (numbers, words), (their_numbers, their_words) = numbers_and_words(given), numbers_and_words(expected)
        assert words == their_words
        assert numbers == pytest.approx(their_numbers, rel=2e-3, abs=1e-3), where
    else:
        assert given == expected, where


def test_explain_says_the_numbers_of_the_python_functions(voc20, visit):
    detector = load("voc20")
    with serve_folder(voc20) as url:
        there = visit(url)
        removed = 0
        for image in scenes(6):
            given = call(there, "explainDetections", LOWEST, image=image)
            expected = dataclasses.asdict(explain_detections(detector, image, LOWEST))
            assert set(given["detections"][0]) == {
                "label",
                "name",
                "score",
                "box",
                "prior",
                "logits",
                "decode",
                "removed",
            }
            assert_equal(given, expected)
            removed += sum(len(one["removed"]) for one in given["detections"])
        assert removed > 20
        for fmap in maps_of(detector.schema):
            place = {"row": fmap.height - 1, "column": fmap.width // 2}
            given = call(there, "cell", fmap.index, place)
            assert_equal(
                given, dataclasses.asdict(look_at_cell(detector.schema, detector.priors_rel, fmap.index, **place))
            )


def test_a_photo_is_tried_explained_and_saved_by_hand(tiny_site, visit):
    site, detector = tiny_site()
    (image,) = scenes(1)
    with serve_folder(site) as url:
        page = visit(url).page
        page.set_input_files("#files", {"name": "a.png", "mimeType": "image/png", "buffer": encode(image)})
        expected = detector(image, score=LOWEST)
        page.locator("#score").fill(str(LOWEST))
        expect(page.locator("#found .found")).to_have_count(len(expected))
        with page.expect_download() as saved:
            page.get_by_role("button", name="JSON of all images").click()
        (result,) = json.loads(saved.value.path().read_text())["results"]
        assert_same(result["detections"], expected)
        page.locator("#found .found").first.click()
        expect(page.locator("#detection-list [aria-pressed=true]")).to_contain_text(f"{expected.scores[0]:.2f}")
        page.locator("#to-maps").click()
        expect(page.locator("#cell-priors")).to_be_visible()


def test_a_photo_of_the_camera_is_tried(tiny_site, visit):
    site, _ = tiny_site()
    with serve_folder(site) as url:
        page = visit(url).page
        page.get_by_role("button", name="Take a photo").dblclick()
        page.wait_for_selector("#camera-dialog[open]")
        page.wait_for_timeout(1000)  # until its first frame
        page.locator("#camera-dialog").get_by_role("button", name="Take a photo").click()
        expect(page.locator("#found-count")).to_have_text(re.compile(r"\d+ of \d+"))
        expect(page.locator("#strip li")).to_have_count(1)


def test_the_live_camera_detects_but_follows_nothing(tiny_site, visit):
    site, _ = tiny_site()
    with serve_folder(site) as url:
        page = visit(url).page
        page.get_by_role("button", name="Live camera").click()
        expect(page.locator("#live-rate")).to_contain_text("frames/s")
        expect(page.get_by_role("checkbox", name="Follow objects")).to_have_count(0)
        expect(page.locator("#try.followed")).to_have_count(0)
        page.get_by_role("button", name="Stop the camera").click()
        expect(page.locator("#strip li")).to_have_count(1)


def test_what_needs_training_data_or_a_server_is_absent(tiny_site, visit):
    site, _ = tiny_site()
    with serve_folder(site) as url:
        page = visit(url).page
        for part in ("dataset", "nav-dataset", "part-matching", "to-matching", "part-augmentation", "token-dialog"):
            assert page.locator(f"#{part}").count() == 0, part
        assert "server" not in page.locator("body").inner_text()
    assert not (site / "dataset").exists()


def test_the_policy_of_the_page_lets_nothing_out(tiny_site, visit):
    site, _ = tiny_site()
    with serve_folder(site) as url, serve_folder(site) as other:
        there = visit(url)
        assert there.page.evaluate("(url) => fetch(url).then(() => true, () => false)", f"{url}/icon.svg")
        assert not there.page.evaluate("(url) => fetch(url).then(() => true, () => false)", f"{other}/icon.svg")
        assert not there.page.evaluate("(url) => fetch(url, { mode: 'no-cors' }).then(() => true, () => false)", other)
        assert all("Content Security Policy" in text for text in there.complaints)
        there.complaints.clear()


def test_a_new_export_is_shown_after_one_reload(tiny_site, visit):
    site, _ = tiny_site()
    with serve_folder(site) as url:
        there = visit(url)
        there.wait_until_kept()
        expect(there.page.locator("#model")).to_contain_text("3 classes")
        newer, _ = tiny_site(classes=("red", "green"))
        shutil.copytree(newer, site, dirs_exist_ok=True)
        later = time.time() + 10  # the host tells times in whole seconds
        for path in site.rglob("*"):
            os.utime(path, (later, later))
        there.open(url)
        there.wait_until_newer()
        there.page.reload()
        expect(there.page.locator("#model")).to_contain_text("2 classes", timeout=60_000)


def test_where_there_is_no_graphics_processor_webassembly_runs_the_network(runtime, tmp_path, visit):
    model = write_tiny_onnx(tmp_path / "tiny.onnx")
    both = runtime | read_runtime(None, WEBGPU)
    write_site(tmp_path / "site", Site("tiny", True, both), make_schema(), model.read_bytes())
    with serve_folder(tmp_path / "site") as url:
        there = visit(url)
        expect(there.page.locator("#model")).to_contain_text("WebAssembly")
        (image,) = scenes(1)
        assert_same(
            call(there, "detect", LOWEST, image=image)["results"][0]["detections"], load(model)(image, score=LOWEST)
        )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model/model.json", "model.json is missing from this site. Upload the whole folder again."),
        ("model/model.onnx", "model.onnx is missing from this site. Upload the whole folder again."),
        ("runtime/ort.wasm.min.mjs", "The detector cannot start. Upload the whole folder again"),
        ("runtime/ort-wasm-simd-threaded.wasm", "The detector cannot start. Upload the whole folder again"),
        ("local/worker.js", "The detector has stopped. Reload the page."),
        ("local/detector.js", "This page is incomplete. Upload the whole folder again"),
    ],
)
def test_a_folder_that_lacks_a_file_says_so(tiny_site, browser, name, message):
    site, _ = tiny_site()
    (site / name).unlink()
    with serve_folder(site) as url:
        visit = Visit(browser)
        visit.page.goto(url)
        expect(visit.page.locator("#page-error")).to_contain_text(message)
        expect(visit.page.locator("#loading")).to_be_hidden()
        visit.close()


def test_a_page_that_is_opened_from_a_disk_says_what_it_needs(tiny_site, browser):
    site, _ = tiny_site()
    visit = Visit(browser)
    visit.page.goto((site / "index.html").as_uri())
    expect(visit.page.locator("#page-error")).to_contain_text(
        "This page needs a web server. Run: python -m http.server"
    )
    visit.close()


def test_an_image_may_be_chosen_while_the_network_is_loaded(tiny_site, browser):
    site, detector = tiny_site()
    (image,) = scenes(1)
    held = []

    def hold(route):
        held.append(route)

    with serve_folder(site) as url:
        visit = Visit(browser)
        visit.context.route("**/model.onnx", hold)
        visit.open(url)
        page = visit.page
        page.set_input_files("#files", {"name": "a.png", "mimeType": "image/png", "buffer": encode(image)})
        expect(page.locator("#found")).to_have_text("Detecting…")
        expect(page.locator("#loading")).to_be_visible()
        held.pop().continue_()
        expect(page.locator("#found-count")).to_contain_text(f"of {len(detector(image, score=LOWEST))}")
        expect(page.locator("#loading")).to_be_hidden()
        visit.close()
        assert visit.complaints == []


def test_a_jpeg_in_cmyk_is_detected_in_and_said_to_differ(tiny_site, visit):
    site, _ = tiny_site()
    content = io.BytesIO()
    Image.fromarray(scenes(1)[0]).convert("CMYK").save(content, "jpeg")
    with serve_folder(site) as url:
        page = visit(url).page
        page.set_input_files("#files", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": content.getvalue()})
        expect(page.locator("#found-count")).to_have_text(re.compile(r"[1-9]\d* of \d+"))
        expect(page.locator("#try-error")).to_contain_text("This JPEG is in CMYK.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_control_has_a_name_and_every_text_enough_contrast(tiny_site, visit, scheme):
    site, _ = tiny_site()
    with serve_folder(site) as url:
        page = visit(url, color_scheme=scheme, viewport={"width": 375, "height": 800}).page
        page.set_input_files("#files", {"name": "a.png", "mimeType": "image/png", "buffer": encode(scenes(1)[0])})
        expect(page.locator("#found-count")).not_to_be_empty()
        for view in ("try", "explain/maps", "explain/detection"):
            page.goto(f"{url}/#{view}")
            page.wait_for_load_state("networkidle")
            assert page.evaluate(UNNAMED) == [], view
            assert page.evaluate(PALE) == [], view
            assert page.evaluate("document.documentElement.scrollWidth") <= 375, view
            headings = page.evaluate(LEVELS)
            assert headings[0] == 1
            assert max(np.diff(headings), default=0) <= 1, view  # none is skipped
