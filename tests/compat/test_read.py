"""Files as annotation tools write them are read as what was annotated, or refused."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from compat.cells import CELLS, Cell
from compat.draw import HERE, TRUTH, draw_all
from multibox.annotations.problem import Problem
from multibox.data.source import open_source
from multibox.errors import BadInput

TOOLS = HERE / "tools"
IMAGES = TRUTH["images"]


def read(folder: Path, **options: object) -> tuple[dict[str, list], tuple[str, ...], dict[str, set[str]]]:
    """Objects by image name, classes in their order, and image names by split. The first problem is raised."""
    source = open_source([folder], **options)
    objects = {}
    for item in (item for items in source.splits.values() for item in items):
        if isinstance(item.annotation, Problem):
            raise BadInput(item.annotation.file, item.annotation.detail)
        pixels = cv2.imdecode(np.frombuffer(item.image.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        assert pixels.shape[1::-1] == size_of(item.image), f"{item.image} is not the image"
        boxes = item.annotation.boxes * (np.tile(size_of(item.image), 2) if item.annotation.relative else 1)
        objects[item.image.name] = list(zip(item.annotation.names, boxes.tolist(), strict=True))
    return objects, source.classes, {name: {item.image.name for item in items} for name, items in source.splits.items()}


def size_of(image: Path) -> tuple[int, int]:
    """Width and height of an image, around whose name a tool may have put something."""
    return next((known["width"], known["height"]) for known in IMAGES if known["name"][:4] in image.name)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    draw_all(f"{folder}/{{name}}")
    return folder


@pytest.fixture
def folder(cell: Cell, drawn: Path, tmp_path: Path) -> Path:
    """The tool's files with the images where the tool has them."""
    shutil.copytree(TOOLS / cell.folder, tmp_path / "in")
    for number, image in enumerate(IMAGES, 1):
        file = tmp_path / "in" / cell.image(image, number)
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(drawn / image["name"], file)
    return tmp_path / "in"


def expected(cell: Cell, image: dict) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Class, edges and the tolerance of each edge."""
    size = (image["width"], image["height"])
    return [(thing["name"], *cell.corners(np.array(thing["box"], float), size)) for thing in image["objects"]]


def assert_splits(cell: Cell, found: dict[str, set[str]]) -> None:
    """Where chance divides, any division is right that gives each image to one of the three usual splits."""
    read = set().union(*found.values())
    if cell.splits == "dealt":
        assert set(found) == {"train", "val", "test"}
        assert sum(map(len, found.values())) == len(read)
        return
    split_of = {Path(cell.image(image, number)).name: image["split"] for number, image in enumerate(IMAGES, 1)}
    truth = {split: {name for name in read if split_of[name] == split} for split in ("train", "val")}
    assert found == {"truth": truth, "train": {"train": read}, "twice": {"train": read, "val": read}}[cell.splits]


@pytest.mark.parametrize("cell", [cell for cell in CELLS if not cell.refused], ids=lambda cell: cell.folder)
def test_what_a_tool_wrote_is_what_was_annotated(cell, folder):
    objects, classes, splits = read(folder, **cell.options)
    names = {Path(cell.image(image, number)).name: image for number, image in enumerate(IMAGES, 1)}
    assert {name for name, image in names.items() if image["objects"]} <= set(objects) <= set(names)
    if cell.has_bare is not None:
        assert (len(objects) == len(names)) == cell.has_bare
    for name, listed in objects.items():
        known = expected(cell, names[name])
        found = [thing for number, thing in enumerate(listed) if not cell.repeats or thing not in listed[:number]]
        assert [label for label, _ in found] == [label for label, _, _ in known]
        for (_, box), (_, edges, tolerance) in zip(found, known, strict=True):
            assert (np.abs(np.array(box) - edges) <= tolerance).all(), f"{name}: {box} is not {edges}"
    assert classes == cell.classes
    assert_splits(cell, splits)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.refused], ids=lambda cell: cell.folder)
def test_what_cannot_be_told_is_refused(cell, folder):
    with pytest.raises(BadInput, match=cell.refused):
        read(folder, **cell.options)


def test_every_folder_has_a_cell():
    assert {folder.name for folder in TOOLS.iterdir()} == {cell.folder for cell in CELLS}
    assert len({cell.folder for cell in CELLS}) == len(CELLS)
