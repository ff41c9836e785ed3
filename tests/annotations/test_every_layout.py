"""The same three hundred images in every layout: the same boxes, classes and splits, as far as the layout can say."""

from pathlib import Path

import numpy as np
import pytest

import annotations.scenes300_json
import annotations.scenes300_records  # noqa: F401  They register their writers
from annotations.scenes300 import CLASSES, WRITERS, scenes
from multibox.annotations.annotation import Item
from multibox.annotations.names import NAMES
from multibox.data.source import open_source

SORTED = tuple(sorted(CLASSES))
WITHOUT_ORDER = {
    "voc",
    "voc, whole pixels from 1",
    "csv, Vertex AI",
    "csv, Kaggle",
    "kitti",
    "labelme-xml",
    "labelme",
    "label-studio",
    "createml",
}
WITHOUT_SPLITS = {"csv, Kaggle"}
WITH_IMAGES = {"tfrecord", "parquet"}
"""Layouts whose files hold the images."""
WHOLE_PIXELS = {"voc, whole pixels from 1"}
SIZES = {scene.stem: (scene.width, scene.height) for scene in scenes()}


@pytest.mark.parametrize("layout", WRITERS)
def test_the_same_images_are_read_from_every_layout(layout, tmp_path):
    known = scenes()
    WRITERS[layout](tmp_path, known)
    source = open_source([tmp_path])
    found = {_stem(item): (split, item) for split, items in source.splits.items() for item in items}
    assert found.keys() == SIZES.keys()
    assert source.classes == (SORTED if layout in WITHOUT_ORDER else CLASSES)
    for scene in known:
        split, item = found[scene.stem]
        assert isinstance(item.image, Path) == (layout not in WITH_IMAGES)
        assert item.image.read_bytes() == (b"image" if layout in WITH_IMAGES else b"")
        assert item.annotation.names == tuple(name for name, _ in scene.objects)
        boxes = item.annotation.boxes * (np.tile(SIZES[scene.stem], 2) if item.annotation.relative else 1)
        truth = np.array([box for _, box in scene.objects]).reshape(-1, 4)
        np.testing.assert_allclose(boxes, truth.round() if layout in WHOLE_PIXELS else truth, atol=1e-3, rtol=0)
        assert split == scene.split or layout in WITHOUT_SPLITS
    if layout in WITHOUT_SPLITS:
        assert {split: len(items) for split, items in source.splits.items()} == {"train": 210, "val": 45, "test": 45}
        assert "divided at random" in source.understood[0].splits


def _stem(item: Item) -> str:
    return item.image.stem if isinstance(item.image, Path) else item.id


def test_every_format_has_a_writer():
    assert {layout.partition(",")[0] for layout in WRITERS} == set(NAMES)


@pytest.mark.parametrize(
    ("layout", "file"),
    [
        ("coco", "anywhere/instances_train2031.json"),
        ("cvat", "annotations.xml"),
        ("csv", "boxes.csv"),
        ("keras-text", "train/_annotations.txt"),
        ("voc", "ImageSets/Main/train.txt"),
        ("yolo, darknet", "train.txt"),
    ],
)
def test_a_name_that_is_too_long_for_a_file_is_a_missing_image(layout, file, tmp_path):
    known = scenes()[:10]
    WRITERS[layout](tmp_path, known)
    (tmp_path / file).write_text((tmp_path / file).read_text().replace("img_0001", "9" * 5000))
    source = open_source([tmp_path])
    assert sum(map(len, source.splits.values())) == len(known)
    assert len(source.understood[0].missing) == 1
