"""Image files in a real browser: pixels are those that Python decodes."""

import base64
import io

import cv2
import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="needs the package playwright")

from PIL import Image

from multibox.page.files import shipped
from multibox.prepare.render import decode
from static_site import CHROMIUM, blocked_browser, serve_folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs {CHROMIUM} (Debian's package chromium)"),
]

ORIENTATION = 0x0112
RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (40, 60, 4), np.uint8)
SMOOTH = cv2.resize(RNG.integers(0, 256, (5, 7, 3), np.uint8), (211, 133), interpolation=cv2.INTER_CUBIC)
OPACITY = np.where(NOISE[..., 3] < 90, 0, NOISE[..., 3])

DECODE = """async ([bytes, type]) => {
  const { decodeImage } = await import("./local/pixels.js");
  const { data, width, height } = await decodeImage(new File([Uint8Array.fromBase64(bytes)], "a", { type }));
  return { data: new Uint8Array(data).toBase64(), width, height };
}"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """An empty page beside the modules, which it can import."""
    site = tmp_path_factory.mktemp("site")
    for name, content in {**shipped(), "empty.html": b"<!doctype html>"}.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_bytes(content)
    with serve_folder(site) as url, blocked_browser() as browser:
        page = browser.new_page(service_workers="block")
        page.goto(f"{url}/empty.html")
        yield page


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def difference(page, content, kind):
    """The largest difference of any channel of any pixel."""
    answer = page.evaluate(DECODE, [base64.b64encode(content).decode(), f"image/{kind}"])
    pixels = np.frombuffer(base64.b64decode(answer["data"]), np.uint8)
    expected = decode(content)
    assert (answer["height"], answer["width"]) == expected.shape[:2]
    return np.abs(pixels.reshape(*expected.shape[:2], 4)[..., :3].astype(int) - expected).max()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_is_turned_upright(page, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    assert difference(page, saved(Image.fromarray(SMOOTH), "jpeg", exif=exif, quality=90), "jpeg") <= 1


@pytest.mark.parametrize("options", [{"subsampling": 0}, {"subsampling": 2}, {"progressive": True}])
def test_jpegs_of_every_kind(page, options):
    assert difference(page, saved(Image.fromarray(SMOOTH), "jpeg", **options), "jpeg") <= 1
    assert difference(page, saved(Image.fromarray(SMOOTH[..., 0]), "jpeg", **options), "jpeg") <= 1


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "LA"])
def test_pngs_keep_the_colours_of_transparent_pixels(page, mode):
    image = Image.fromarray(np.dstack([NOISE[..., :3], OPACITY]))
    assert difference(page, saved(image.convert(mode), "png"), "png") == 0


def test_webp(page):
    image = Image.fromarray(np.dstack([NOISE[..., :3], OPACITY]))
    assert difference(page, saved(image, "webp", lossless=True, exact=True), "webp") == 0


def test_a_file_that_is_no_image_is_refused(page):
    with pytest.raises(Exception, match="This browser cannot decode the file"):
        difference(page, b"no image", "jpeg")
