"""What is refused of an upload, and what is not."""

import base64
import io
import os
import sys
import tempfile
import threading
import time
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from multibox.prepare.render import decode
from multibox.serve.images import read_image
from multibox.serve.refused import Refused
from multibox.serve.settings import Settings
from served import as_file, assert_refused, client_of

SETTINGS = Settings(max_pixels=200 * 100, max_bytes=100_000, max_images=3)
FILE = b'--x\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\n'
"""The beginning of a form whose boundary is x: a file follows."""
PIXELS = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
KINDS = ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "JPEG2000", "AVIF"]


def save(kind, pixels=PIXELS, mode="RGB", **options):
    Image.init()
    if kind not in Image.SAVE:
        pytest.skip(f"this Pillow does not write {kind}")
    into = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(into, kind, **options)
    return into.getvalue()


def archive():
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as opened:
        opened.writestr("a.txt", "x" * 100)
    return into.getvalue()


def refusal_of(encoded):
    with pytest.raises(Refused) as refused:
        read_image(encoded, SETTINGS)
    assert 400 <= refused.value.status < 500
    return refused.value.code


@pytest.fixture(scope="module")
def client():
    with client_of(SETTINGS) as client:
        yield client


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_of_each_kind_are_decoded_as_everywhere(kind):
    encoded = save(kind)
    np.testing.assert_array_equal(read_image(encoded, SETTINGS), decode(encoded))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"mode": "CMYK"}),
        ("JPEG", {"mode": "L", "progressive": True}),
        ("JPEG", {"exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"}),
        ("PNG", {"mode": "I;16"}),
        ("PNG", {"mode": "P"}),
        ("PNG", {"mode": "RGBA"}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_rarer_pictures_too(kind, options):
    pixels = PIXELS[..., 0] if options.get("mode") == "I;16" else PIXELS
    encoded = save(kind, pixels, **options)
    image = read_image(encoded, SETTINGS)
    np.testing.assert_array_equal(image, decode(encoded))
    assert image.shape == ((60, 40, 3) if "exif" in options else (40, 60, 3))


def test_what_cameras_put_behind_a_photo_is_no_harm():
    photo = save("JPEG")
    film = b"\0\0\0\x18ftypmp42" + b"film" * 20
    for behind in (save("JPEG"), b"\0" * 50, film, b"\0" * 9 + film, b"notes" * 9 + b"SEFT\0\0"):
        assert read_image(photo + behind, SETTINGS).shape == (40, 60, 3)


@pytest.mark.parametrize("behind", [b"\0" * 2_000_000 + b"x", b"S" * 2_000_000, b"\0S" * 1_000_000])
def test_what_is_behind_a_photo_is_looked_at_once(behind):
    photo, start = save("JPEG"), time.perf_counter()
    assert refusal_of(photo + behind) == "polyglot"
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_that_breaks_off(kind):
    encoded = save(kind)
    for length in (12, len(encoded) // 3, len(encoded) - 1):
        assert refusal_of(encoded[:length]) in {"truncated", "damaged", "not-an-image"}
    assert refusal_of(b"") == "not-an-image"


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_that_is_an_archive_as_well(kind):
    assert refusal_of(save(kind) + archive()) == "polyglot"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF"])
def test_a_picture_with_a_page_behind_it(kind):
    assert refusal_of(save(kind) + b"<html><script>alert(1)</script>") == "polyglot"


def test_a_document_in_a_comment():
    assert refusal_of(save("JPEG", comment=b"%PDF-1.7 1 0 obj")) == "polyglot"
    assert refusal_of(save("GIF", comment=b"<script>alert(1)</script>")) == "polyglot"


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_animated_pictures(kind):
    frames = [Image.fromarray(PIXELS[..., i]) for i in range(3)]
    assert refusal_of(save(kind, save_all=True, append_images=frames)) == "animated"


@pytest.mark.parametrize("kind", KINDS)
def test_bombs_are_refused_by_their_header(kind, monkeypatch):
    encoded = save(kind, np.zeros((1000, 1000), np.uint8))
    monkeypatch.setattr("multibox.serve.images.decode", lambda *_: pytest.fail("it was decoded"))
    assert refusal_of(encoded) == "too-many-pixels"


def test_a_size_that_the_header_lies_about():
    def with_side(side):
        small = bytearray(save("PNG"))
        small[16:24] = side.to_bytes(4, "big") * 2
        small[29:33] = zlib.crc32(small[12:29]).to_bytes(4, "big")
        return bytes(small)

    assert refusal_of(with_side(2**31 - 1)) == "too-many-pixels"
    assert refusal_of(with_side(120)) == "damaged"
    assert refusal_of(with_side(0)) in {"damaged", "not-an-image"}


@pytest.mark.parametrize(
    "encoded", [b"%!PS-Adobe-3.0 EPSF-3.0\n", b"P6 2 2 255 " + b"x" * 12, b"<svg/>", archive(), b"\x00" * 100, b"x"]
)
def test_other_files(encoded):
    assert refusal_of(encoded) == "not-an-image"


def test_the_answer_says_which_picture(client):
    good = save("PNG")
    answer = client.post("/v1/detect", files=[as_file(good), as_file(good[:-20])])
    assert_refused(answer, 422, "truncated", image=1)
    images = [{"data": base64.b64encode(good).decode()}, {"data": "=?="}]
    assert_refused(client.post("/v1/detect", json={"images": images}), 422, "bad-field", image=1)


def test_too_many_pictures(client):
    one = save("GIF")
    assert client.post("/v1/detect", files=[as_file(one)] * 3).status_code == 200
    assert_refused(client.post("/v1/detect", files=[as_file(one)] * 4), 413, "too-many-images")
    assert_refused(client.post("/v1/detect", files=[as_file(b"")] * 100), 413, "too-many-parts")
    data = base64.b64encode(one).decode()
    assert_refused(client.post("/v1/detect", json={"images": [{"data": data}] * 4}), 413, "too-many-images")


def test_bodies_that_are_too_long(client):
    def in_chunks():
        yield FILE
        for _ in range(60):
            yield b"x" * 2000

    form = {"Content-Type": "multipart/form-data; boundary=x"}
    assert_refused(client.post("/v1/detect", files=[as_file(b"x" * 100_000)]), 413, "too-many-bytes")
    assert_refused(client.post("/v1/detect", content=in_chunks(), headers=form), 413, "too-many-bytes")
    assert_refused(
        client.post("/v1/detect", content=in_chunks(), headers={"Content-Type": "application/json"}),
        413,
        "too-many-bytes",
    )


def test_all_bodies_together_are_limited(monkeypatch):
    monkeypatch.setattr("multibox.serve.security.BODIES", 1)
    sent, may_end = threading.Event(), threading.Event()

    def slowly():
        yield FILE + b"x" * 600
        sent.set()
        may_end.wait(10)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    with client_of(Settings(max_bytes=1000)) as client, ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, "/v1/detect", content=slowly(), headers=headers)
        assert sent.wait(10)
        time.sleep(0.3)  # it has arrived
        refused = client.post("/v1/detect", content=b"x" * 700, headers=headers)
        assert_refused(refused, 503, "busy")
        assert refused.headers["retry-after"] == "1"
        may_end.set()
        assert_refused(first.result(), 400, "bad-form")
        assert_refused(client.post("/v1/detect", content=b"x" * 700, headers=headers), 400, "bad-form")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0" * 500,
        b"--x\r\n",
        b"--x--\r\n",
        b"--x\r\nbad\r\n\r\nx\r\n--x--\r\n",
        b"--x\r\n\r\nx\r\n--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\nx',
        b"--x\r\nA: " + b"y" * 9000 + b"\r\n\r\nx\r\n--x--\r\n",
    ],
)
def test_forms_that_are_none(client, body):
    answer = client.post("/v1/detect", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status_code in {400, 422}
    assert answer.json()["error"]["code"] in {"bad-form", "no-images"}


def test_a_charset_that_cannot_decode(client):
    kind = {"Content-Type": "multipart/form-data; boundary=x; charset=undefined"}
    assert_refused(client.post("/v1/detect", content=FILE + b"a\r\n--x--\r\n", headers=kind), 400, "bad-form")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b"9" * 9000,
        b"[" * 50_000,
        b'{"images": ' * 5000,
        b'{"images": {}}',
        b'{"images": [3]}',
        b'{"images": [{}]}',
        b'{"images": [{"data": 7}]}',
        b'{"images": [{"data": "\\ud800"}]}',
    ],
)
def test_json_that_is_none(client, body):
    answer = client.post("/v1/detect", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}, answer.text
    assert answer.json()["error"]["message"]


def test_a_long_body_is_parsed_too():
    large = save("BMP", np.zeros((1000, 1000, 3), np.uint8))
    data = base64.b64encode(large).decode()
    given = {"name": "image", "shape": [1], "datatype": "BYTES", "data": [data]}
    with client_of() as client:
        answers = [
            client.post("/v1/detect", files=[as_file(large)]),
            client.post("/v1/detect", json={"images": [{"data": data}]}),
            client.post("/v2/models/colors/infer", json={"inputs": [given]}),
            client.post("/v1/detect", json={"images": [{"data": data + "?"}]}),
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 422]


def test_a_compressed_body(client):
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert_refused(client.post("/v1/detect", content=b"x", headers=headers), 415, "compressed")


@pytest.fixture(scope="session")
def opened_to_write():
    """Where a list is put, it receives every file that this process opens to write, named or not."""
    watch = {"paths": None}

    def hook(event, arguments):
        if watch["paths"] is not None and event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
            watch["paths"].append(arguments[0])

    sys.addaudithook(hook)  # it cannot be removed, so it is switched off
    yield watch
    watch["paths"] = None


def test_large_uploads_stay_off_the_disk(opened_to_write):
    large = save("BMP", np.zeros((1000, 1000, 3), np.uint8))
    assert len(large) > 2 << 20
    with client_of() as client:
        opened_to_write["paths"] = written = []
        with tempfile.TemporaryFile() as file:
            file.write(b"x")
        assert written, "the hook sees temporary files"
        written.clear()
        assert client.post("/v1/detect", files=[as_file(large)] * 2).status_code == 200
        opened_to_write["paths"] = None
    assert not written


def test_a_damaged_form_prints_nothing(client, capfd):
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    assert_refused(client.post("/v1/detect", content=b"--x\r\nA\0: b\r\n\r\nx", headers=kind), 400, "bad-form")
    assert capfd.readouterr().err == ""
