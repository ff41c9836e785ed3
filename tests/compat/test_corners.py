"""What `CORNERS.md` says of the tools is what their files hold. Multibox's readers have no part in it."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from compat.cells import CELLS, Cell
from compat.draw import HERE, TRUTH

TOOLS = HERE / "tools"
VOC = [cell for cell in CELLS if any(kind in cell.folder for kind in ("-voc", "-imagenet"))]
ADDED = {
    "supervision-0.26.1-voc": (1, 1, 1, 1),
    "supervision-0.31.2-voc": (1, 1, 0, 0),
    "layout-of-roboflow-voc": (1, 1, 1, 1),
}
"""What a tool adds to edges, where it adds anything."""


def truth_of(file: Path) -> dict:
    return next(image for image in TRUTH["images"] if image["name"][:4] in file.stem)


def corners(node: ElementTree.Element) -> list[float]:
    return [float(node.findtext(f"bndbox/{name}")) for name in ("xmin", "ymin", "xmax", "ymax")]


@pytest.mark.parametrize("cell", VOC, ids=lambda cell: cell.folder)
def test_the_corners_in_xml(cell: Cell):
    files = sorted((TOOLS / cell.folder).rglob("*.xml"))
    assert len(files) >= 3
    for file in files:
        image = truth_of(file)
        size = (image["width"], image["height"])
        edges = [cell.corners(np.array(thing["box"], float), size)[0] for thing in image["objects"]]
        written = np.array(edges).reshape(-1, 4) + ADDED.get(cell.folder, 0)
        if cell.folder.startswith("labelImg"):
            written[:, :2] = written[:, :2].round().clip(min=1)
        found = np.array([corners(node) for node in ElementTree.parse(file).iter("object")]).reshape(-1, 4)
        np.testing.assert_allclose(found, written, atol=1e-5)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if "cvat" in cell.folder], ids=lambda cell: cell.folder)
def test_the_corners_in_the_xml_of_cvat(cell: Cell):
    things = {image["name"]: image for image in TRUTH["images"]}
    nodes = [node for file in (TOOLS / cell.folder).glob("*.xml") for node in ElementTree.parse(file).iter("image")]
    assert {node.get("name") for node in nodes} == set(things)
    for node in nodes:
        image = things[node.get("name")]
        size = (image["width"], image["height"])
        written = [[float(box.get(key)) for key in ("xtl", "ytl", "xbr", "ybr")] for box in node.iter("box")]
        known = [cell.corners(np.array(thing["box"], float), size) for thing in image["objects"]]
        assert len(written) == len(known)
        for found, (edges, tolerance) in zip(written, known, strict=True):
            assert (np.abs(found - edges) <= tolerance).all()


def test_labelimg_calls_truncated_what_touches_a_border():
    for file in (TOOLS / "labelImg-1.8.6-voc").rglob("*.xml"):
        image = truth_of(file)
        for node in ElementTree.parse(file).iter("object"):
            x0, y0, x1, y1 = corners(node)
            touches = 1 in (x0, y0) or x1 == image["width"] or y1 == image["height"]
            assert node.findtext("truncated") == str(int(touches))


@pytest.mark.parametrize(
    ("folder", "numbers"),
    [
        ("label-studio-sdk-2.1.2-coco", {"cart": 0, "tram": 1}),
        ("supervision-0.26.1-coco", {"tram": 0, "cart": 1}),
        ("supervision-0.31.2-coco", {"tram": 1, "cart": 2}),
        ("globox-2.9.0-coco-auto-ids", {"cart": 0, "tram": 1}),
        ("fiftyone-1.22.1-coco", {"tram": 1, "cart": 2}),
        ("labelme2coco-0.2.6-coco", {"cart": 0, "tram": 1}),
    ],
)
def test_the_numbers_of_classes_in_coco(folder, numbers):
    (file,) = (TOOLS / folder).glob("*.json")
    assert {each["name"]: each["id"] for each in json.loads(file.read_text())["categories"]} == numbers


@pytest.mark.parametrize("folder", ["pylabel-0.1.55-yolo", "sahi-0.12.8-yolo", "labelformat-0.1.17-yolo"])
def test_the_numbers_of_classes_in_yolo_that_begin_at_1(folder):
    rows = [line.split() for file in (TOOLS / folder).rglob("*.txt") for line in file.read_text().splitlines()]
    assert {row[0] for row in rows if row} == {"1", "2"}
