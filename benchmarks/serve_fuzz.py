"""``multibox serve`` under hostile uploads: every answer has to be a 4xx with a JSON error, and the server to live on.

python benchmarks/serve_fuzz.py MODEL [--count 500] [--seed 0]

Pictures that break off, are damaged in the middle of their header, lie about their size, are bombs, are archives, pages
and documents as well, or move; files that are none; forms, JSON, base64 and tensors that are none; bodies that are
too long. Prints JSON; ends with 1 where an answer was another, with what was sent in ``wrong``.
"""

import argparse
import base64
import io
import json
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

MAX_BYTES = 1_000_000
"""What the server is started with, and so much a body may not have."""

DETECT, INFER = "/v1/detect", "/v2/models/{name}/infer"
HEADER = "Inference-Header-Content-Length"
KINDS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "JPEG2000", "AVIF")


@dataclass(frozen=True)
class Attack:
    """A request that is to be refused."""

    what: str
    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def attacks(seed: int) -> Iterator[Attack]:
    """Endless, and the same for the same seed."""
    rng = np.random.default_rng(seed)
    while True:
        for make in (*PICTURES, *REQUESTS):
            made = make(rng)
            yield made if isinstance(made, Attack) else wrap(rng, make.__name__, made)


def wrap(rng: np.random.Generator, what: str, encoded: bytes) -> Attack:
    """A file as an upload in one of the ways there are."""
    way = rng.integers(5)
    if way == 0:
        return as_json(what, {"images": [{"data": base64.b64encode(encoded).decode()}]})
    if way == 1:
        return as_infer(what, {"shape": [1], "datatype": "BYTES"}, len(encoded).to_bytes(4, "little") + encoded)
    if way == 2:
        return as_form(what, encoded, "/v1/explain/detections", "image")
    return as_form(what, encoded)


def as_form(what: str, encoded: bytes, path: str = DETECT, name: str = "images") -> Attack:
    part = b'--b\r\nContent-Disposition: form-data; name="%b"; filename="../../etc/x.jpg"\r\n\r\n' % name.encode()
    return raw_form(what, part + encoded + b"\r\n--b--\r\n", path)


def raw_form(what: str, body: bytes, path: str = DETECT) -> Attack:
    return Attack(what, path, body, {"Content-Type": "multipart/form-data; boundary=b"})


def as_json(what: str, value: object) -> Attack:
    return Attack(what, DETECT, json.dumps(value).encode(), {"Content-Type": "application/json"})


def as_infer(what: str, given: dict, content: bytes) -> Attack:
    given = {"name": "image", "parameters": {"binary_data_size": len(content)}} | given
    head = json.dumps({"inputs": [given]}).encode()
    return Attack(what, INFER, head + content, {HEADER: str(len(head))})


def save(rng: np.random.Generator, kind: str, **options: object) -> bytes:
    pixels = rng.integers(0, 255, (*rng.integers(8, 60, 2), 3), dtype=np.uint8)
    into = io.BytesIO()
    Image.fromarray(pixels).save(into, kind, **options)
    return into.getvalue()


def a_kind(rng: np.random.Generator) -> str:
    return KINDS[rng.integers(len(KINDS))]


def broken_off(rng: np.random.Generator) -> bytes:
    whole = save(rng, a_kind(rng))
    return whole[: rng.integers(0, len(whole))]


def damaged_header(rng: np.random.Generator) -> bytes:
    """The first bytes are others, so that no reader knows it, or its numbers are absurd."""
    encoded = bytearray(save(rng, a_kind(rng)))
    encoded[:4] = rng.bytes(4)
    encoded[8:24] = rng.bytes(16)
    return bytes(encoded)


def zip_behind(rng: np.random.Generator) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run.js", rng.bytes(50))
    return save(rng, a_kind(rng)) + into.getvalue()


def page_behind(rng: np.random.Generator) -> bytes:
    kind = ("JPEG", "PNG", "GIF", "WEBP", "BMP")[rng.integers(5)]
    return save(rng, kind) + b"<html><script>alert(document.domain)</script></html>"


def zeros_behind(rng: np.random.Generator) -> bytes:
    """Who looks for what may follow a photo must not begin anew at each byte."""
    return save(rng, "JPEG") + bytes(int(rng.integers(300_000, 800_000))) + b"x"


def document_inside(rng: np.random.Generator) -> bytes:
    comments = (b"%PDF-1.7\n1 0 obj", b"<?php system($_GET[0]); ?>", b"<script>alert(1)</script>")
    return save(rng, ("JPEG", "GIF")[rng.integers(2)], comment=comments[rng.integers(3)])


def animated(rng: np.random.Generator) -> bytes:
    frames = [Image.fromarray(rng.integers(0, 255, (9, 9, 3), dtype=np.uint8)) for _ in range(rng.integers(1, 5))]
    kind = ("GIF", "WEBP", "PNG", "TIFF", "AVIF")[rng.integers(5)]
    into = io.BytesIO()
    Image.new("RGB", (9, 9)).save(into, kind, save_all=True, append_images=frames)
    return into.getvalue()


def huge_png(rng: np.random.Generator) -> bytes:
    """A header that declares many pixels, and little behind it."""
    side = int(rng.choice([20_000, 60_000, 2**31 - 1]))
    return png([(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(bytes(9999)))])


def bomb_png(rng: np.random.Generator) -> bytes:
    """Real pixels, a thousand to a byte."""
    pixels = zlib.compress(bytes(20_001) * 100, 9)
    return png([(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)), (b"IDAT", pixels)])


def bomb_in_text(rng: np.random.Generator) -> bytes:
    """A text that unpacks to much more than a picture, before pixels that are too few."""
    text = b"a\0\0" + zlib.compress(bytes(100_000_000), 9)
    head = (b"IHDR", struct.pack(">IIBBBBB", 100, 100, 8, 0, 0, 0, 0))
    return png([head, (b"zTXt", text), (b"IDAT", zlib.compress(bytes(10)))])


def png(chunks: list[tuple[bytes, bytes]]) -> bytes:
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, content in [*chunks, (b"IEND", b"")]:
        parts.append(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content)))
    return b"".join(parts)


def huge_jpeg(rng: np.random.Generator) -> bytes:
    encoded = save(rng, "JPEG")
    frame = encoded.index(b"\xff\xc0") + 5
    return encoded[:frame] + b"\xff\xff\xff\xff" + encoded[frame + 4 :]


def huge_gif(rng: np.random.Generator) -> bytes:
    return b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + save(rng, "GIF")[10:]


def huge_bmp(rng: np.random.Generator) -> bytes:
    encoded = save(rng, "BMP")
    return encoded[:18] + struct.pack("<ii", 2**30, -(2**30)) + encoded[26:]


def random_bytes(rng: np.random.Generator) -> bytes:
    return rng.bytes(int(rng.integers(0, 5000)))


def magic_and_noise(rng: np.random.Generator) -> bytes:
    magics = (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\1\0WEBPVP8 ", b"BM", b"II*\0")
    return magics[rng.integers(len(magics))] + rng.bytes(int(rng.integers(0, 3000)))


def other_file(rng: np.random.Generator) -> bytes:
    others = (
        b"%!PS-Adobe-3.0 EPSF-3.0\n(%pipe%id) (w) file\n",
        b"push graphic-context\nimage over 0,0 0,0 'https://127.0.0.1/'\n",
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
        b"P6 99999 99999 255\n" + rng.bytes(100),
        b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 99999 +X 99999\n",
        b"\x59\xa6\x6a\x95" + struct.pack(">7I", 9999, 9999, 24, 0, 1, 0, 0),
        b"\x1f\x8b\x08" + rng.bytes(100),
        b"\x7fELF" + rng.bytes(100),
        b"file:///etc/passwd",
    )
    return others[rng.integers(len(others))]


def bad_form(rng: np.random.Generator) -> Attack:
    bodies = (
        rng.bytes(500),
        b"--b\r\n" * 100,
        b'--b\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\nx',
        b"--b\r\n" + b"A: b\r\n" * 5000 + b"\r\nx\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\n\r\n' * 500 + b"--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="score"\r\n\r\n0.5\r\n--b--\r\n',
    )
    return raw_form("bad form", bodies[rng.integers(len(bodies))])


def bad_json(rng: np.random.Generator) -> Attack:
    deep = int(rng.integers(1000, 100_000))
    bodies = (
        b"[" * deep,
        b'{"images":' * deep,
        rng.bytes(100),
        b'{"images": [{"data": "' + rng.bytes(50) + b'"}]}',
        b'{"images": ' + b"9" * 9000 + b"}",
        b'{"images": null, "images": [1]}',
        b'{"images": [{"data": "AAAA"}], "score": NaN}',
        b'{"images": [{"data": "AAA"}]}',
        b'{"images": [{"data": {"a": 1}}]}',
        b'{"images": [' + b'{"data": "AAAA"},' * 200 + b'{"data": ""}]}',
    )
    return Attack("bad json", DETECT, bodies[rng.integers(len(bodies))], {"Content-Type": "application/json"})


def long_string(rng: np.random.Generator) -> Attack:
    """An array of strings would give each as much memory as the longest: 8 GB."""
    given = {"name": "image", "shape": [1, 1, 1, 3], "datatype": "UINT8", "data": ["x" * 100_000, *["y"] * 20_000]}
    return Attack("long string", INFER, json.dumps({"inputs": [given]}).encode())


def bad_tensor(rng: np.random.Generator) -> Attack:
    content = rng.bytes(int(rng.integers(1, 500)))
    inputs = (
        {"shape": [1, 2, 2, 3], "datatype": "FP32"},
        {"shape": [2**31 - 1, 2**31 - 1, 2**31 - 1, 3], "datatype": "UINT8"},
        {"shape": [-1, -5], "datatype": "BYTES"},
        {"shape": [1], "datatype": "BYTES"},
        {"shape": [], "datatype": "UINT8"},
        {"shape": [1, len(content)], "datatype": "UINT8"},
        {"shape": [1, len(content), 1, 1], "datatype": "UINT8"},
        {"shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": 10**15}},
        {"shape": [1], "datatype": "BYTES", "parameters": 3},
        {"name": "../x", "shape": [1], "datatype": "BYTES"},
    )
    return as_infer("bad tensor", inputs[rng.integers(len(inputs))], content)


def bad_header_length(rng: np.random.Generator) -> Attack:
    lengths = ("-1", "9" * 30, "x", "1", "0")
    return Attack("bad header length", INFER, b'{"inputs": []}', {HEADER: lengths[rng.integers(len(lengths))]})


def too_long(rng: np.random.Generator) -> Attack:
    return as_form("too long", bytes(MAX_BYTES))


def wrong_type(rng: np.random.Generator) -> Attack:
    kinds = ("text/plain", "multipart/form-data", "multipart/form-data; boundary=", "application/json; q=1")
    return Attack("wrong type", DETECT, rng.bytes(100), {"Content-Type": kinds[rng.integers(len(kinds))]})


def bad_encoding(rng: np.random.Generator) -> Attack:
    bomb = zlib.compress(bytes(10_000_000))
    return Attack("compressed", DETECT, bomb, {"Content-Type": "application/json", "Content-Encoding": "deflate"})


PICTURES: tuple[Callable[[np.random.Generator], bytes], ...] = (
    broken_off,
    damaged_header,
    zip_behind,
    page_behind,
    zeros_behind,
    document_inside,
    animated,
    huge_png,
    bomb_png,
    bomb_in_text,
    huge_jpeg,
    huge_gif,
    huge_bmp,
    random_bytes,
    magic_and_noise,
    other_file,
)
REQUESTS: tuple[Callable[[np.random.Generator], Attack], ...] = (
    bad_form,
    bad_json,
    long_string,
    bad_tensor,
    bad_header_length,
    too_long,
    wrong_type,
    bad_encoding,
)


def refusal(client: httpx.Client, attack: Attack, name: str) -> tuple[int, str]:
    """The status of the answer, and what is wrong with it, if anything."""
    answer = client.post(attack.path.replace("{name}", name), content=attack.body, headers=attack.headers)
    try:
        error = answer.json()["error"]
        message = error if isinstance(error, str) else error["message"]
    except (ValueError, KeyError, TypeError):
        message = ""
    good = 400 <= answer.status_code < 500 and message and "\n" not in message
    return answer.status_code, "" if good else answer.text[:200]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    command = [sys.executable, "-m", "multibox", "serve", arguments.model, "--port", "0", "--max-bytes", str(MAX_BYTES)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = re.search(r"http://\S+", process.stdout.readline())[0]
    statuses: Counter[int] = Counter()
    wrong = []
    try:
        with httpx.Client(base_url=url, timeout=60) as client:
            for _, attack in zip(range(arguments.count), attacks(arguments.seed), strict=False):
                status, problem = refusal(client, attack, Path(arguments.model).stem)
                statuses[status] += 1
                if problem:
                    wrong.append({"what": attack.what, "path": attack.path, "status": status, "answer": problem})
            alive = client.get("/healthz").status_code == 200 and process.poll() is None
    finally:
        process.terminate()
        code = process.wait(60)
    figures = {"sent": sum(statuses.values()), "statuses": statuses, "alive": alive, "exit_code": code, "wrong": wrong}
    print(json.dumps(figures, indent=1))
    sys.exit(1 if wrong or not alive or code else 0)


if __name__ == "__main__":
    main()
