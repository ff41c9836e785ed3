"""Pre-labels, read by others: the same images, classes and boxes."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from multibox.data.build import build
from multibox.data.store import dataset_splits, open_store
from multibox.labelling.prelabelled import PreLabelled
from multibox.labelling.prelabels import write_prelabels

pytestmark = pytest.mark.outside

CLASSES = ("zebra", "Ölfaß", "雪豹", "ant hill")
"""In no alphabet's order, with a space, and letters beyond ASCII."""

SIZES = {"a": (48, 64), "wide-1.2": (30, 4001), "empty": (50, 50)}
ROWS = {
    "a": [("zebra", [0, 0, 64, 48]), ("雪豹", [1.25, 2.75, 30.4, 20.6])],
    "wide-1.2": [("Ölfaß", [3999.9, 1.1, 4001, 29.9]), ("ant hill", [33.33334, 0, 66.66667, 30])],
    "empty": [],
}
"""Height and width of images, and their objects."""

ROUNDED = 0.00501
"""Datumaro rounds all edges to hundredths of a pixel."""


@pytest.fixture
def images(tmp_path) -> list[PreLabelled]:
    (tmp_path / "photos").mkdir()
    listed = []
    for name, rows in ROWS.items():
        path = tmp_path / "photos" / f"{name}.jpg"
        cv2.imwrite(str(path), np.random.default_rng(1).integers(0, 255, (*SIZES[name], 3)).astype(np.uint8))
        boxes = np.array([box for _, box in rows], np.float32).reshape(-1, 4)
        labels = np.array([CLASSES.index(name) for name, _ in rows], np.int64)
        listed.append(PreLabelled(path, SIZES[name], boxes, labels, np.linspace(0.9, 0.3, len(rows))))
    return listed


def difference(found: dict[str, list[dict]]) -> float:
    """Largest difference of an edge, in pixels. Images and classes must be the same."""
    assert {name: [one["class"] for one in rows] for name, rows in found.items()} == {
        name: [label for label, _ in rows] for name, rows in ROWS.items()
    }
    pairs = [(one["box"], box) for name, rows in ROWS.items() for one, (_, box) in zip(found[name], rows, strict=True)]
    return max(float(np.abs(np.subtract(*pair)).max()) for pair in pairs)


@pytest.mark.parametrize("kind", ["cvat", "yolo"])
def test_datumaro_opens_prelabels(images, tmp_path, outside, note, kind):
    write_prelabels(tmp_path / "out", kind, images, CLASSES)
    told = outside("datumaro", "read_datumaro.py", kind, tmp_path / "out")
    found = {Path(name).name: rows for split in told["splits"].values() for name, rows in split.items()}
    off = difference(found)
    assert off <= ROUNDED
    assert [name for name in told["classes"] if name != "background"] == list(CLASSES)
    note("datumaro", told["version"], f"{kind.upper()} pre-labels", "3 images; 4 boxes; classes", f"{off:.2g} pixels")


def test_label_studios_sdk_opens_prelabels(images, tmp_path, outside, note, monkeypatch):
    write_prelabels(tmp_path / "out", "label-studio", images, CLASSES)
    told = outside("label-studio-sdk", "read_label_studio.py", tmp_path / "out", tmp_path / "told")
    assert told["errors"] == []
    off = difference(told["images"])
    assert off <= 1e-3
    note("label-studio-sdk", told["version"], "Label Studio", "3 images; 4 boxes; classes", f"{off:.2g} pixels")

    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    shutil.copytree(tmp_path / "out/images", tmp_path / "told/json_min/images")
    build([tmp_path / "told/json_min"], "back", classes=CLASSES)
    back = {
        record.id: [
            {"class": CLASSES[label], "box": box}
            for label, box in zip(record.objects.labels, record.objects.boxes, strict=True)
        ]
        for split in dataset_splits("back")
        for record in open_store(f"back/{split}")
    }
    assert difference(back) <= 1e-3
