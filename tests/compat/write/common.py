"""What every script of this folder shares: ``python with_NAME.py IMAGES OUT`` in the environment of the tool."""

import json
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

IMAGES, OUT = (Path(argument).resolve() for argument in sys.argv[1:3])
TRUTH: dict[str, Any] = json.loads((Path(__file__).parents[1] / "truth.json").read_text())
CLASSES: list[str] = TRUTH["classes"]
SPLITS = ("train", "val")


def fresh(tool: str, layout: str) -> Path:
    """An empty folder ``OUT/TOOL-VERSION-LAYOUT``."""
    return _empty(OUT / f"{tool}-{version(tool)}-{layout}")


def fresh_layout(layout: str) -> Path:
    """An empty folder for what no tool wrote."""
    return _empty(OUT / f"layout-of-{layout}")


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def images(split: str = "") -> list[dict[str, Any]]:
    """The images of the truth, or of one split of it."""
    return [image for image in TRUTH["images"] if split in {"", image["split"]}]


def write_coco(file: Path) -> None:
    """The truth as COCO, for tools that must read something before they can write."""
    things = [(number, thing) for number, image in enumerate(images(), 1) for thing in image["objects"]]
    document = {
        "images": [
            {"id": number, "file_name": image["name"], "width": image["width"], "height": image["height"]}
            for number, image in enumerate(images(), 1)
        ],
        "annotations": [
            {
                "id": number,
                "image_id": image,
                "category_id": CLASSES.index(thing["name"]) + 1,
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "area": (x1 - x0) * (y1 - y0),
                "iscrowd": 0,
            }
            for number, (image, thing) in enumerate(things, 1)
            for x0, y0, x1, y1 in [thing["box"]]
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(CLASSES, 1)],
    }
    file.write_text(json.dumps(document))
