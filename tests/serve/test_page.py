"""The page in a real browser: Debian's Chromium, driven by Playwright's library."""

import json
import re
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
pytest.importorskip("fastapi", reason="needs multibox[serve]")

from PIL import Image
from playwright.sync_api import expect, sync_playwright

from colored import ColorRuntime, make_schema, paint
from multibox.config_file import load_config
from multibox.data.store import open_store
from multibox.detect.load import load
from multibox.evaluation.coco_results import save_results
from multibox.evaluation.columns import Found
from multibox.explain.browsing import open_datasets
from multibox.explain.matching import explain_matching, labelled_objects
from multibox.explain.origin import explain_detections
from multibox.models.maps import feature_maps
from multibox.tracking.places import parse_line, parse_zone
from page_checks import LEVELS, PALE, UNNAMED
from served import OBJECTS, SETTINGS, encode, painted, server_of
from tiny_onnx import write_tiny_onnx

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs {CHROMIUM} (Debian's package chromium)"),
]

LOWEST = 0.05
"""The score from which the page requests detections."""


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    """A detector with random weights. It detects dozens of objects of all classes and scores in any image."""
    return load(write_tiny_onnx(tmp_path_factory.mktemp("model") / "tiny.onnx"))


@pytest.fixture(scope="module")
def random_server(detector):
    with server_of(runtime=detector.runtime) as url:
        yield url


@pytest.fixture(scope="module")
def color_server():
    with server_of() as url:
        yield url


@pytest.fixture
def open_page(browser):
    """Open the page of a server. The test fails at the end on an error in the console or a request to another host."""
    contexts, complaints = [], []

    def open_page(url, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: _own(request.url, url) or complaints.append(f"another host: {request.url}"))
        page.complaints = complaints
        page.goto(url)
        page.wait_for_selector("body[data-ready]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def _own(asked, url):
    return asked.startswith((url, "data:", "blob:"))


def give(page, *images):
    """Choose images and wait for their detections."""
    files = [{"name": name, "mimeType": "image/png", "buffer": content} for name, content in images]
    page.set_input_files("#files", files)
    expect(page.locator("#found-count")).not_to_be_empty()


def one(image=None, name="a.png"):
    return name, encode(painted() if image is None else image)


MOVING = """() => {
  navigator.mediaDevices.getUserMedia = async () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
    const pen = canvas.getContext("2d");
    const start = performance.now();
    const paint = (color, ...box) => { pen.fillStyle = color; pen.fillRect(...box); };
    setInterval(() => {
      paint("rgb(90 90 90)", 0, 0, 640, 480);
      paint("#f00", 220 - 200 * Math.cos((performance.now() - start) / 2000), 40, 180, 180);
      paint("#00f", 60, 320, 130, 110);
    }, 20);
    return canvas.captureStream();
  };
}"""
"""A camera that sees a red box, which moves to the right and back, and a blue one."""


BLOCKED = """() => {
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "NotAllowedError"); };
}"""


def shown(page):
    return page.locator("#try-stage .box").count()


def test_names_scores_and_places_are_those_of_the_detector(open_page, random_server, detector):
    page = open_page(random_server)
    give(page, one())
    parts = [page.locator(f"#found .{part}").all_inner_texts() for part in ("name", "score", "where")]
    said = list(zip(*parts, strict=True))
    found = detector(painted(), score=0.4)
    expected = [
        (name, f"{score:.2f}", ", ".join(f"{v:.0f}" for v in box))
        for name, score, box in zip(found.names, found.scores.tolist(), found.boxes.tolist(), strict=True)
    ]
    assert len(expected) > 2
    assert said == expected
    assert shown(page) == len(expected)


def test_the_threshold_chooses_live(open_page, random_server, detector):
    page = open_page(random_server)
    give(page, one())
    scores = detector(painted(), score=LOWEST).scores
    for threshold in (0.05, 0.3, 0.7):
        page.locator("#score").fill(str(threshold))
        assert shown(page) == page.locator("#found .found").count() == (scores >= threshold).sum()
        assert page.locator("#score-number").input_value() == f"{threshold:.2f}"
    assert len({(scores >= threshold).sum() for threshold in (0.05, 0.3, 0.7)}) == 3
    expect(page.locator("#announcement")).to_have_text(f"{(scores >= 0.7).sum()} of {len(scores)} detections shown.")


def test_classes_are_switched_off_and_on(open_page, color_server):
    page = open_page(color_server)
    give(page, one())
    assert shown(page) == 2
    page.get_by_role("checkbox", name="red").uncheck()
    assert shown(page) == 1
    assert page.locator("#found .name").all_inner_texts() == ["blue"]
    page.get_by_role("button", name="Hide all classes").click()
    expect(page.locator("#found")).to_contain_text("No detection is shown")
    page.get_by_role("button", name="Show all classes").click()
    assert shown(page) == 2


def test_by_keyboard_alone(open_page, color_server):
    page = open_page(color_server)
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    give(page, one())
    page.locator("#score").focus()
    page.keyboard.press("End")
    assert shown(page) == 0
    page.keyboard.press("Home")
    assert shown(page) == 2
    page.get_by_role("application").focus()
    page.keyboard.press("+")
    expect(page.locator("#try-stage .zoom")).to_have_text("150%")
    page.keyboard.press("0")
    expect(page.locator("#try-stage .zoom")).to_have_text("100%")
    page.locator("#found .found").first.press("Enter")
    expect(page.locator("#detection-list [aria-pressed=true]")).to_contain_text("0.98")
    page.locator("#to-maps").press("Enter")
    expect(page.locator("#cell-priors tbody tr")).to_have_count(4)
    page.get_by_role("radio", name=re.compile("^2 × 2")).press("Space")
    page.get_by_role("application").focus()
    page.keyboard.press("Home")
    page.keyboard.press("PageUp")
    expect(page.locator("#cell-name")).to_have_text("Cell: row 0, column 0")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#announcement")).to_have_text("Row 0, column 1 of 2 by 2: 4 priors.")


def test_several_images_and_one_that_is_refused(open_page, color_server):
    page = open_page(color_server)
    give(page, one(), one(paint((200, 300), {"green": (10, 10, 100, 120)}), "b.png"))
    expect(page.locator("#strip li")).to_have_count(2)
    page.get_by_role("button", name=re.compile("^b.png, 1 detection")).click()
    assert page.locator("#found .name").all_inner_texts() == ["green"]
    page.set_input_files("#files", {"name": "c.png", "mimeType": "image/png", "buffer": one()[1][:300]})
    expect(page.get_by_role("alert").filter(has_text=re.compile(r"\w+ \w+"))).to_be_visible()
    assert "{" not in page.locator("#try-error").inner_text()
    page.get_by_role("button", name="Close c.png").click()
    expect(page.locator("#try-error")).to_be_empty()
    assert all(
        "422" in text or "400" in text or "415" in text for text in page.complaints
    )  # logged by the browser itself
    page.complaints.clear()


def test_files_that_are_not_images_are_skipped(open_page, color_server):
    page = open_page(color_server)
    text = {"name": "a.txt", "mimeType": "text/plain", "buffer": b"words"}
    page.set_input_files("#files", [text, {"name": "b.png", "mimeType": "image/png", "buffer": one()[1]}])
    expect(page.locator("#found-count")).to_have_text("2 of 2")
    expect(page.locator("#strip li")).to_have_count(1)
    expect(page.locator("#try-error")).to_have_text("Only images can be opened. 1 file was skipped.")


def test_an_image_is_dropped_and_one_is_pasted(open_page, color_server):
    page = open_page(color_server)
    script = """([kind, bytes]) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], `${kind}.png`, { type: "image/png" }));
      const event = kind === "drop" ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
        : new ClipboardEvent("paste", { clipboardData: data, bubbles: true });
      document.body.dispatchEvent(event);
    }"""
    for count, kind in enumerate(("drop", "paste"), start=1):
        page.evaluate(script, [kind, list(one()[1])])
        expect(page.locator("#strip li")).to_have_count(count)
        expect(page.get_by_role("button", name=f"{kind}.png, 2 detections")).to_be_visible()


def test_a_photo_is_taken(open_page, color_server):
    page = open_page(color_server)
    page.get_by_role("button", name="Take a photo").click()
    page.wait_for_selector("#camera-dialog[open]")
    page.wait_for_timeout(1000)  # until its first frame
    page.locator("#camera-dialog").get_by_role("button", name="Take a photo").click()
    expect(page.locator("#found-count")).to_have_text(re.compile(r"\d+ of \d+"))
    assert page.locator("#strip li").count() == 1


def live_page(open_page, url, **options):
    """A page whose camera shows :data:`MOVING`, and which has got a frame's detections."""
    page = open_page(url, **options)
    page.evaluate(MOVING)
    page.get_by_role("button", name="Live camera").click()
    expect(page.locator("#found .name")).to_have_count(2)
    return page


def test_the_live_camera_follows_objects_and_counts_them(open_page):
    places = (parse_line("gate:0.5,0,0.5,1"), parse_zone("yard:0,0.6,0.5,0.6,0.5,1,0,1"))
    with server_of(replace(SETTINGS, places=places)) as url:
        page = live_page(open_page, url)
        assert sorted(page.locator("#found .name").all_inner_texts()) == ["1 red", "2 blue"]
        expect(page.get_by_role("button", name="Stop the camera")).to_be_focused()
        expect(page.locator("#try-stage .tail")).to_have_count(2)
        expect(page.locator("#try-stage .place")).to_have_count(2)
        captions = page.locator("#try-stage .caption text")
        crossed = re.compile(r"gate: \d+ in, [1-9]\d* out")
        expect(captions.filter(has_text="gate")).to_have_text(crossed, timeout=15_000)  # the red box needs some seconds
        expect(captions.filter(has_text="yard")).to_have_text("yard: 1 inside, 1 entered")
        expect(captions.filter(has_text=re.compile(r"^1 red$"))).to_have_count(1)
        assert len(page.locator("#try-stage .tail .line").first.get_attribute("d").split("L")) > 2
        page.get_by_role("button", name="Stop the camera").click()
        expect(page.locator("#strip li")).to_have_count(1)
        expect(page.locator("#found .name").filter(has_text=re.compile(r"^(red|blue)$"))).to_have_count(2)
        expect(page.locator("#try-stage .tail, #try-stage .place")).to_have_count(0)
        page.wait_for_load_state("networkidle")
        metrics = httpx.get(f"{url}/metrics").text
        page.context.close()
    assert 'multibox_zone_entries_total{class="blue",zone="yard"} 1.0' in metrics
    assert "multibox_track_sessions 0.0" in metrics  # the page has ended its session


def test_the_live_camera_detects_without_following(open_page, color_server):
    page = live_page(open_page, color_server)
    page.get_by_role("checkbox", name="Follow objects").uncheck()
    expect(page.locator("#found .name").filter(has_text=re.compile(r"^(red|blue)$"))).to_have_count(2)
    expect(page.locator("#try-stage .tail")).to_have_count(0)
    page.locator("#score").fill("1")
    expect(page.locator("#found .name")).to_have_count(0)
    page.get_by_role("checkbox", name="Follow objects").check()
    page.locator("#score").fill("0.5")
    expect(page.locator("#found .name").filter(has_text=re.compile(r"^[12] (red|blue)$"))).to_have_count(2)
    page.get_by_role("checkbox", name="red").uncheck()
    expect(page.locator("#try-stage .box")).to_have_count(1)


def test_the_last_frame_of_the_camera_can_be_explained(open_page, color_server):
    page = live_page(open_page, color_server)
    page.locator("#nav-explain").click()
    expect(page.locator("#explain-image option:checked")).to_have_text(re.compile("^camera-"))
    expect(page.locator("#try.live")).to_have_count(0)
    page.go_back()
    page.locator("#more-live").click()
    expect(page.locator("#try.live")).to_have_count(1)
    page.locator("#found .found").first.click()
    expect(page.locator("#detection-list [aria-pressed=true]")).to_have_count(1)
    expect(page.locator("#explain-image option")).to_have_count(2)


def test_a_live_camera_that_fails_is_reported(open_page):
    with server_of() as url:
        page = live_page(open_page, url)
    expect(page.locator("#try-error")).to_contain_text("The server does not answer.")
    expect(page.locator("#try.live")).to_have_count(0)
    page.evaluate(BLOCKED)
    page.get_by_role("button", name="Live camera").click()
    expect(page.locator("#try-error")).to_contain_text("The browser blocks the camera.")
    page.context.close()
    page.complaints.clear()  # logged by the browser itself


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_live_camera_on_a_small_screen(open_page, color_server, scheme):
    page = live_page(open_page, color_server, color_scheme=scheme, viewport={"width": 375, "height": 800})
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate(PALE) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_detections_are_saved_as_json_and_as_an_image(open_page, color_server):
    page = open_page(color_server)
    give(page, one())
    page.get_by_role("checkbox", name="blue").uncheck()
    with page.expect_download() as json_file:
        page.get_by_role("button", name="JSON of all images").click()
    (result,) = json.loads(Path(json_file.value.path()).read_text())["results"]
    assert [found["name"] for found in result["detections"]] == ["red"]
    assert np.allclose(result["detections"][0]["box"], OBJECTS["red"], atol=4)
    with page.expect_download() as image:
        page.get_by_role("button", name="Image with boxes").click()
    assert image.value.suggested_filename == "a-detections.jpg"
    assert Path(image.value.path()).read_bytes().startswith(b"\xff\xd8\xff")


def test_a_token_is_requested_and_kept(open_page, browser):
    with server_of(replace(SETTINGS, token="open")) as url:
        context = browser.new_context()
        page = context.new_page()
        page.goto(url)
        for word in ("shut", "open"):
            page.get_by_role("textbox", name="Token").fill(word)
            page.get_by_role("button", name="Use it").click()
        page.wait_for_selector("body[data-ready]")
        page.reload()
        page.wait_for_selector("body[data-ready]")
        context.close()


def test_a_server_that_does_not_answer_is_reported(open_page):
    with server_of() as url:
        page = open_page(url)
    page.set_input_files("#files", {"name": "a.png", "mimeType": "image/png", "buffer": one()[1]})
    expect(page.locator("#try-error")).to_have_text(
        "The server does not answer. Check that “multibox serve” is still running."
    )
    page.context.close()
    page.complaints.clear()  # logged by the browser itself


def number(text):
    return float(text.replace("−", "-").replace(",", ""))


def test_explain_shows_the_numbers_of_the_python_functions(open_page, random_server, detector):
    page = open_page(random_server)
    give(page, one())
    page.locator("#score").fill("0.95")
    page.goto(f"{random_server}/#explain/detection")
    explained = [d for d in explain_detections(detector, painted(), LOWEST).detections if d.score >= 0.95]
    assert any(d.removed for d in explained)
    assert len({d.prior.map for d in explained}) > 1
    buttons = page.locator("#detection-list button")
    expect(buttons).to_have_count(len(explained))
    for button, expected in zip(buttons.all(), explained, strict=True):
        button.click()
        assert button.inner_text() == f"{expected.name} {expected.score:.2f}"
        prior = expected.prior
        where = page.locator("#detection-where").inner_text()
        assert f"{prior.map + 1} of 3" in where
        assert f"row {prior.row}, column {prior.column}," in where
        assert f"{prior.kind + 1} of 4 in the cell" in where
        assert re.search(rf"^{prior.index} of {len(detector.priors_rel)} priors", where, re.MULTILINE)
        assert number(page.locator("#detection-softmax strong").inner_text()) == pytest.approx(
            expected.score, abs=5.1e-5
        )
        steps = [number(text) for text in page.locator("#detection-steps strong").all_inner_texts()]
        assert steps == pytest.approx([step.value for step in expected.decode.steps], abs=5.1e-5)
        deltas = [number(text) for text in page.locator("#detection-deltas td:nth-child(3)").all_inner_texts()]
        assert deltas == pytest.approx(expected.deltas, abs=5.1e-5)
        box = page.locator("#detection-box strong").inner_text()
        assert [number(text) for text in box.split(", ")] == pytest.approx(expected.box, abs=0.051)
        removed = [number(text) for text in page.locator("#removed td").all_inner_texts()]
        assert removed == pytest.approx([v for r in expected.removed for v in (r.prior, r.score, r.iou)], abs=5.1e-5)
        assert page.locator("#explain-stage .removed").count() == min(len(expected.removed), 12)


def test_the_slider_moves_the_box_between_prior_and_detection(open_page, random_server, detector):
    page = open_page(random_server)
    give(page, one())
    page.goto(f"{random_server}/#explain/detection")
    expect(page.locator("#detection-list [aria-pressed=true]")).to_have_count(1)

    def drawn(kind):
        line = page.locator(f"#explain-stage .{kind} .line").first
        return [float(line.get_attribute(name)) for name in ("x", "y", "width", "height")]

    assert drawn("lit") != drawn("prior")
    page.locator("#share").fill("0")
    assert drawn("lit") == pytest.approx(drawn("prior"), abs=1e-3)


def test_boxes_that_are_drawn_or_typed_are_matched(open_page, random_server, detector):
    page = open_page(random_server)
    give(page, one())
    page.goto(f"{random_server}/#explain/matching")
    page.locator("#draw-class").select_option("blue")
    page.get_by_role("button", name="Draw a box").click()
    page.locator("#explain-stage .port").scroll_into_view_if_needed()
    corner = page.locator("#explain-stage .layer").bounding_box()
    scale = corner["width"] / 400
    x0, y0, x1, y1 = OBJECTS["blue"]
    page.mouse.move(corner["x"] + x0 * scale, corner["y"] + y0 * scale)
    page.mouse.down()
    page.mouse.move(corner["x"] + x1 * scale - 20, corner["y"] + y1 * scale)
    page.mouse.move(corner["x"] + x1 * scale, corner["y"] + y1 * scale)
    page.mouse.up()
    page.locator("summary", has_text="Enter coordinates").click()
    for name, value in zip(("x0", "y0", "x1", "y1"), OBJECTS["red"], strict=True):
        page.locator(f"#{name}").fill(str(value))
    page.locator("#draw-class").select_option("red")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#draw-box")).to_have_attribute("aria-pressed", "true")  # until it is switched off
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.locator("#matching-best li")).to_have_count(2)

    objects = labelled_objects([2, 0], [OBJECTS["blue"], OBJECTS["red"]])
    matched = explain_matching(detector, painted(), objects, detector.classes)
    expect(page.locator("#positives tbody tr")).to_have_count(matched.counts.positives)
    rows = [row.locator("td").all_inner_texts() for row in page.locator("#positives tbody tr").all()]
    positives = sorted((p for o in matched.objects for p in o.positives), key=lambda p: -p.iou)
    assert [number(row[1]) for row in rows] == pytest.approx(
        [p.iou for p in positives], abs=0.02
    )  # the mouse is coarse
    best = page.locator("#matching-best li", has_text="red").inner_text()
    assert f"IoU of {matched.objects[1].best.iou:.2f}" in best
    losses = [number(text) for text in page.locator("#negatives td:nth-child(3)").all_inner_texts()]
    assert losses == pytest.approx([n.loss for n in matched.negatives[: len(losses)]], abs=0.01)
    page.locator("#show-negatives").check()
    assert page.locator("#explain-stage .negative").count() == len(matched.negatives)
    page.get_by_role("button", name=re.compile("^Delete object 1")).click()
    expect(page.locator("#object-list li")).to_have_count(1)


def test_each_seed_augments_anew(open_page, color_server):
    page = open_page(color_server)
    give(page, one())
    page.goto(f"{color_server}/#explain/matching")
    page.get_by_role("button", name="Use the detections").click()
    expect(page.locator("#positives tbody tr").first).to_be_visible()
    page.goto(f"{color_server}/#explain/augmentation")
    last = page.locator("#steps img").last

    def show(seed):
        before = last.get_attribute("src") if page.locator("#steps img").count() else None
        page.locator("#seed").fill(str(seed))
        page.get_by_role("button", name="Show", exact=True).click()
        expect(last).not_to_have_attribute("src", before or "")
        return last.get_attribute("src")

    expect(last).to_be_visible()
    assert len({show(1), show(2)}) == 2
    assert page.locator("#steps .box").count() > 0
    page.get_by_role("button", name="New seed").click()
    expect(page.locator("#steps")).not_to_have_attribute("aria-busy", "true")
    assert page.locator("#seed").input_value() != "2"


CANNED = """
import { start } from "../page.js";
import { TryView } from "../try/view.js";
const model = {
  name: "canned", runtime: "none", classes: ["dog"], size: [64, 64], resize: "stretch", activation: "softmax",
  show: 0.5, thresholds: { dog: 0.5 }, nms_iou: 0.45, priors: 1, maps: [{ index: 0, height: 1, width: 1, per_cell: 1 }],
};
const detections = [{ label: 0, name: "dog", score: 0.9, box: [10, 20, 110, 220] }];
start({
  tracking: null,
  model: async () => model,
  detect: async (file) => ({ results: [{ width: 400, height: 300, detections }], timings_ms: {} }),
}, (app) => ({ try: new TryView(app) }));
"""
"""A ``main.js`` with an Api of its own, as a page without a server has it."""


def test_the_views_show_what_any_api_answers(browser, color_server):
    context = browser.new_context()
    page = context.new_page()
    requested = []
    page.on("request", lambda request: requested.append(request.url))
    page.route("**/main.js", lambda route: route.fulfill(body=CANNED, content_type="text/javascript"))
    page.goto(color_server)
    page.wait_for_selector("body[data-ready]")
    give(page, one())
    expect(page.locator("#follow-label")).to_be_hidden()
    assert page.locator("#found .name").all_inner_texts() == ["dog"]
    assert page.locator("#found .where").all_inner_texts() == ["10, 20, 110, 220"]
    context.close()
    assert f"{color_server}/page.js" in requested
    assert [url for url in requested if "/v1/" in url or url.endswith("/server.js")] == []


@pytest.fixture
def dataset_server(store_root, tmp_path):
    """A server with two datasets. The detections of the second are empty, so that all of its objects are missed.

    Tests request it before ``open_page``: the pages are then closed before the server that they load images from.
    """
    nothing = Found(np.zeros(0, int), np.zeros(0, int), np.zeros(0, np.float32), np.zeros((0, 4)))
    save_results(tmp_path / "none.json", nothing, [], [])
    datasets = {**open_datasets(["tiny/train"]), **open_datasets(["tiny/val"], tmp_path / "none.json")}
    with server_of(datasets=datasets) as url:
        yield url


def test_the_dataset_is_browsed(dataset_server, open_page):
    page = open_page(dataset_server)
    page.locator("#nav-dataset").click()
    expect(page.locator("#gallery li")).to_have_count(4)
    page.locator("#filter-split").select_option("val")
    expect(page.locator("#gallery li")).to_have_count(2)
    page.locator("#filter-mistake").select_option("missed")
    expect(page.locator("#mistake-legend")).to_have_text("Missed objects have a dotted white outline.")
    missed = open_store("tiny/val").meta.counts.objects
    expect(page.locator("#gallery .missed")).to_have_count(missed)
    page.locator("#filter-split").select_option("train")
    page.locator("#filter-class").select_option("ball")
    store = open_store("tiny/train")
    ball = store.meta.classes.index("ball")
    with_ball = [record.id for record in store if (record.objects.labels == ball).any()]
    expect(page.locator("#gallery-count")).to_contain_text(f"of {len(with_ball)} image")
    assert page.locator(".card-name").all_inner_texts() == with_ball
    expect(page.locator("#filter-mistake")).to_be_disabled()
    page.get_by_role("button", name=f"Explain {with_ball[0]}").click()
    expect(page.locator("#explain-image option:checked")).to_have_text(with_ball[0])
    page.locator("#to-augmentation").click()
    expect(page.locator("#steps li").first).to_be_visible()
    page.locator("#nav-try").click()
    expect(page.locator("#found-count")).not_to_be_empty()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_control_has_a_name_and_every_text_enough_contrast(dataset_server, open_page, scheme):
    page = open_page(dataset_server, color_scheme=scheme, viewport={"width": 375, "height": 800})
    give(page, one())
    for view in ("try", "explain/maps", "explain/detection", "explain/matching", "explain/augmentation", "dataset"):
        page.goto(f"{dataset_server}/#{view}")
        page.wait_for_load_state("networkidle")
        if view == "explain/matching":
            page.get_by_role("button", name="Use the detections").click()
            expect(page.locator("#matching-best li").first).to_be_visible()
        assert page.evaluate(UNNAMED) == [], view
        assert page.evaluate(PALE) == [], view
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, view
        headings = page.evaluate(LEVELS)
        assert headings[0] == 1
        assert headings.count(1) == 1
        assert max(np.diff(headings), default=0) <= 1, view  # none is skipped


def test_an_image_rotated_by_exif_and_thousands_of_priors(open_page, tmp_path):
    """Boxes match the upright image, and the page handles the 8732 priors of SSD300."""
    config = load_config("ssd300-vgg16-voc07")
    schema = make_schema(network=config.network, maps=feature_maps(config.network), priors=config.priors)
    image = Image.fromarray(np.rot90(painted()).copy())
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    image.save(tmp_path / "rotated.jpg", exif=exif, quality=98)
    with server_of(runtime=ColorRuntime(schema)) as url:
        page = open_page(url)
        page.set_input_files("#files", tmp_path / "rotated.jpg")
        expect(page.locator("#found .found")).to_have_count(2)
        box = page.locator("#found li", has_text="red").locator(".where").inner_text()
        assert [number(v) for v in box.split(", ")] == pytest.approx(OBJECTS["red"], abs=4)
        page.goto(f"{url}/#explain/maps")
        expect(page.locator("#map-sum")).to_contain_text("= 8,732 priors")
        expect(page.locator("#cell-priors tbody tr")).to_have_count(6)
        expect(page.locator("#map-dots")).not_to_be_empty()  # until then, the map of a detection may replace the choice
        page.get_by_role("radio", name=re.compile("38 × 38")).check(force=True)
        corner = page.locator("#explain-stage .layer").bounding_box()
        for step in range(40):
            page.mouse.move(corner["x"] + corner["width"] * (step + 0.5) / 40, corner["y"] + corner["height"] * 0.51)
        expect(page.locator("#cell-name")).to_have_text("Cell: row 19, column 37")
        page.context.close()
