"""Every format in every precision, run by its own runtime: the table in docs/export.md."""

import ast
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from export.written_files import write_files
from importers.caffe_nets import binary
from importers.test_caffe_graph import small
from multibox.detect.detector import Detector
from multibox.detect.load import load
from multibox.export import FORMATS
from multibox.export.check import check
from multibox.export.images import prepared
from multibox.export.write import Plan, write
from multibox.models.file import is_model, load_model, save_model
from multibox.runtimes.agreement import difference
from same_detections import without_counterpart

DOCS = Path(__file__).parents[2] / "docs" / "export.md"
PACKAGES = {
    "onnx": "onnx",
    "saved-model": "tensorflow",
    "litert": "ai_edge_litert",
    "openvino": "openvino",
    "ncnn": "ncnn",
}
"""Formats with a runtime of their own here. A site's runs in a browser: test_web_page.py."""

ROWS = [
    (kind, precision, nms)
    for kind in PACKAGES
    for precision in FORMATS[kind].precisions
    for nms in ((False, True) if FORMATS[kind].nms else (False,))
]
FAST = {("saved-model", "fp32", True), ("onnx", "fp32", True), ("ncnn", "fp32", False)}
"""Rows of SSDLite that are not slow."""

TELLING = {
    "ssdlite-efficientnet": {
        ("onnx", "fp16", True),
        ("onnx", "int8", False),
        ("litert", "fp32", True),
        ("litert", "int8", False),
        ("openvino", "fp16", False),
        ("openvino", "int8", True),
        ("ncnn", "fp16", False),
    },
    "ssd300-vgg16": {("onnx", "fp16", True), ("saved-model", "fp32", False), ("ncnn", "fp32", False)},
}
"""Rows that are slow and not long: each format, each precision, with and without NMS."""

OTHERS = {
    "fpn-efficientnet": ("onnx", "fp16", True),
    "ssdlite-mobilenet_v2": ("onnx", "int8", False),
    "ssdlite-mobilenet_v3": ("onnx", "fp16", False),
    "ssd300-resnet50": ("onnx", "fp32", True),
}
"""A row of a network of each other family."""

FOUND = {"fp32": 0.99, "fp16": 0.98, "int8": 0.8}
"""Of the Keras model's detections; numbers of random weights lie closer together than those of trained ones."""

FOUND_IN_BFLOAT16 = 0.95
"""Likewise, where a runtime computes files of half precision in bfloat16 on some processors: OpenVINO."""


def _cases():
    for name in ("ssdlite-efficientnet", "ssd300-vgg16"):
        for row in ROWS:
            kind, precision, nms = row
            label = f"{name}-{kind}-{precision}{'-nms' if nms else ''}"
            yield pytest.param(name, *row, id=label, marks=_marks(name, row))
    for name, row in OTHERS.items():
        yield pytest.param(name, *row, id=name, marks=pytest.mark.slow)


def _marks(name, row):
    if name == "ssdlite-efficientnet" and row in FAST:
        return []
    return [pytest.mark.slow] if row in TELLING[name] else [pytest.mark.slow, pytest.mark.long]


@pytest.mark.parametrize(("original", "kind", "precision", "nms"), _cases(), indirect=["original"], scope="session")
def test_parity(original, kind, precision, nms, tmp_path, monkeypatch, capsys):
    pytest.importorskip(PACKAGES[kind])
    images = prepared(original.schema, None, 16) if precision == "int8" else None
    path = tmp_path / f"model{'-nms' if nms else ''}{FORMATS[kind].suffix}"
    checked = write(original.network, original.schema, path, Plan(kind, nms, precision, images), original.images)
    enough = FOUND_IN_BFLOAT16 if (kind, precision) == ("openvino", "fp16") else FOUND[precision]
    assert checked.found >= enough
    beside = [path.with_suffix(".bin").name] if kind == "openvino" else []
    assert sorted(file.name for file in tmp_path.iterdir()) == [*beside, path.name]
    assert is_model(path), "by this it is known, with or without a marker"
    FORMATS[kind].refuse_taken(path)

    detector = load(path)
    assert detector.schema == original.schema.model_copy(update={"precision": precision})
    assert detector.runtime.has_nms == nms
    if precision == "fp32" and not nms:
        outputs = (runtime.run(original.images) for runtime in (original.runtime, detector.runtime))
        assert difference(*outputs, original.schema).is_small
    if find_spec("torch"):
        assert check(_in_torch(original), detector.runtime, original.images, precision).found >= enough
    if precision == "fp32":
        _assert_same_detections(Detector(original.runtime), detector, list(original.images))
    if nms or not FORMATS[kind].nms:
        monkeypatch.chdir(tmp_path)
        capsys.readouterr()
        exec(_documented(kind), {"image": original.images[:1]})
        count = _count(detector, original.images[:1])
        names = ast.literal_eval(capsys.readouterr().out)
        assert abs(len(names) - count) <= 0.01 * count  # of equal scores either box may stay
        assert set(names) <= set(original.schema.classes)


def _in_torch(original):
    """The network as PyTorch computes it."""
    from in_torch import TorchRuntime

    return TorchRuntime(original.network, original.schema)


@pytest.mark.slow
@pytest.mark.parametrize("original", ["ssdlite-efficientnet"], indirect=True, scope="session")
def test_on_pytorch_the_same_files_are_written(original, tmp_path):
    """Also where it has imported the network itself, from Caffe."""
    pytest.importorskip("torch")
    models, ours, theirs = (tmp_path / name for name in ("models", "ours", "theirs"))
    for folder in (models, ours, theirs):
        folder.mkdir()
    save_model(original.network, original.schema, models / "ssdlite.keras")
    (models / "net.caffemodel").write_bytes(binary(small().detect()))
    write_files(models, ours)
    script = Path(__file__).with_name("written_files.py")
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    subprocess.run([sys.executable, script, models, theirs], env=environment, check=True)
    for name in ("ssdlite.onnx", "net.onnx"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name
    weights = [load_model(folder / "net.keras")[0].get_weights() for folder in (ours, theirs)]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def _count(detector, image):
    """Number of detections that the example in docs/export.md has to name."""
    if detector.runtime.has_nms:
        return detector.runtime.run(image)["count"][0]
    return len(detector(image[0], score=detector.schema.detect.show))


def _documented(kind):
    """How docs/export.md loads a file with the plain runtime."""
    return dict(zip(PACKAGES, re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL), strict=True))[kind]


def _assert_same_detections(expected, given, images):
    """Of each detection the other side has its like; a hundredth may differ, where scores are equal to seven digits."""
    lost = total = 0
    for wanted, got in zip(expected(images, score=0.02), given(images, score=0.02), strict=True):
        assert len(wanted) > 10
        lost += without_counterpart(wanted, got)
        total += len(wanted) + len(got)
    assert lost <= 0.01 * total


def test_every_row_is_in_the_documentation():
    pattern = r"^\| `([a-z-]+)` \| (fp32|fp16|int8) \| (plain|`--nms`) \|"
    rows = re.findall(pattern, DOCS.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted((kind, precision, "`--nms`" if nms else "plain") for kind, precision, nms in ROWS)
