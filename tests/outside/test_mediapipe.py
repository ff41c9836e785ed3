"""What MediaPipe finds with our LiteRT files: the same as Multibox, on 50 images of the network's size.

``MULTIBOX_MODELS`` names ``.keras`` files to test beside ours. ``MULTIBOX_PHOTOS`` names a folder whose first 50 images
are taken instead of rendered ones.
"""

import os
import re
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from multibox.detect.detections import Detections
from multibox.detect.load import load
from multibox.detect.prepare_image import prepare_image
from multibox.export.images import prepared
from multibox.export.write import Plan, write
from multibox.models.file import load_model
from multibox.models.shipped import model_path
from multibox.prepare.render import decode
from small_ssd import make_network, make_schema

pytestmark = pytest.mark.outside

SHOWN, AROUND = 0.1, 0.05
"""Scores above which our detections are looked for, and those that MediaPipe gives: int8 may shift them."""

SCORES = {"fp32": 0.002, "int8": 0.05}
"""Largest difference of the scores, for all of them in fp32 and for 95% in int8."""


KEEP_LINES = """import json

lines, show = [], print
print = lambda *values: lines.append(values)
{}
show(json.dumps(lines))
"""
"""A program that prints all that another prints, as JSON."""


def voc20():
    return load_model(model_path("voc20", ".keras"))


def oblong():
    schema = make_schema((129, 163), 3)
    return make_network(schema), schema


MODELS = {"voc20": voc20, "oblong": oblong}
MODELS |= {path: partial(load_model, path) for path in os.environ.get("MULTIBOX_MODELS", "").split()}


def images_for(schema):
    folder = os.environ.get("MULTIBOX_PHOTOS")
    if not folder:
        return prepared(schema, None, 50)
    photos = islice(sorted(Path(folder).iterdir()), 50)
    return np.concatenate([prepare_image(decode(path.read_bytes(), path.name), schema).inputs for path in photos])


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("model", MODELS)
def test_mediapipe_finds_what_multibox_finds(model, precision, tmp_path, outside, note):
    network, schema = MODELS[model]()
    images, path = images_for(schema), tmp_path / "model.tflite"
    plan = Plan("litert", precision=precision, images=images if precision == "int8" else None, target="mediapipe")
    write(network, schema, path, plan, images[:8])
    told = outside("mediapipe", "read_mediapipe.py", path, SHOWN - AROUND, *save(images, tmp_path))
    ours = load(path)(list(images), score=SHOWN)
    assert sum(map(len, ours)) > 50
    score, pixels = (
        np.concatenate(values)
        for values in zip(
            *(differences(one, found) for one, found in zip(ours, told["images"], strict=True)), strict=True
        )
    )
    assert np.quantile(score, 0.95 if precision == "int8" else 1) <= SCORES[precision]
    assert pixels.max() <= 1, "MediaPipe cuts positions and sizes down to whole pixels"
    result = f"scores within {score.max():.2g}, positions and sizes within {pixels.max():.2g} pixels"
    compared = f"{Path(model).name}; {len(images)} images; {len(score)} detections"
    note("mediapipe", told["version"], f"LiteRT {precision}", compared, result)


def test_the_program_in_the_documentation_prints_what_multibox_finds(tmp_path, outside):
    text = (Path(__file__).parents[2] / "docs" / "from-mediapipe.md").read_text()
    network, schema = voc20()
    images, model = prepared(schema, None, 20), tmp_path / "voc20.tflite"
    write(network, schema, model, Plan("litert", target="mediapipe"), images[:4])
    ours, photo = max(
        ((found, i) for i, found in enumerate(load(model)(list(images), score=0.4))), key=lambda x: len(x[0])
    )
    program = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    program = program.replace("voc20.tflite", str(model)).replace("photo.png", str(save(images, tmp_path)[photo]))
    (tmp_path / "program.py").write_text(KEEP_LINES.format(program))
    printed = outside("mediapipe", tmp_path / "program.py")
    expected = sorted(
        (ours.classes[label], round(float(score), 2)) for label, score in zip(ours.labels, ours.scores, strict=True)
    )
    assert sorted((name, score) for name, score, *_ in printed) == expected
    assert expected


def save(images: np.ndarray, folder: Path) -> list[Path]:
    paths = [folder / f"{i}.png" for i in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        cv2.imwrite(str(path), image[..., ::-1])
    return paths


def differences(ours: Detections, found: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    """How far score and box of each of ours are from the nearest of the same class."""
    kinds = np.array([one["class"] for one in found])
    scores = np.array([one["score"] for one in found])
    boxes = np.array([one["box"] for one in found], float).reshape(-1, 4)
    rows = []
    for box, score, label in zip(ours.boxes, ours.scores, ours.labels, strict=True):
        pixels = np.abs(corner_and_size(boxes) - corner_and_size(box)).max(axis=1)
        at = np.where(kinds == ours.classes[label], pixels + abs(scores - score), np.inf).argmin()
        assert kinds[at] == ours.classes[label]
        rows.append((abs(scores[at] - score), pixels[at]))
    score, pixels = np.array(rows).reshape(-1, 2).T
    return score, pixels


def corner_and_size(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], axis=-1)
