"""Photographs of 12 megapixels with small objects: trained whole, on slices that sahi writes, and on tiles.

    pip install --target SAHI sahi
    python -m benchmarks.large_images FOLDER --sahi SAHI [--steps N] [--only NAME]

Renders photographs of 4,000 x 3,000 pixels with objects of 16 to 60 pixels into FOLDER, cuts them with sahi, trains the
same network for the same number of steps in each way, and judges all on the whole photographs. ``sliced-all`` trains on
all slices, which is sahi's default, and ``sliced`` on those with objects. FOLDER/large_images.md is the table. Runs and
stores lie in FOLDER too, and what is there is not made again.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import exp, log, pi
from pathlib import Path

import cv2
import numpy as np

from multibox.data import sample
from multibox.data.backdrop import draw_backdrop
from multibox.data.build import build
from multibox.data.camera import draw_camera
from multibox.data.shapes import draw_thing, visible_colour
from multibox.evaluation.evaluate import evaluate
from multibox.training.run_log import read_log

HEIGHT, WIDTH = 3000, 4000
SIDES = (16, 60)
OBJECTS = (40, 60)
CLASSES = ("fish", "gear", "key", "star")
PHOTOS = {"train": 24, "val": 8}
TILE = 256
SLICED = "from sahi.slicing import slice_coco; import sys; slice_coco({arguments})"
NETWORK = ("network.size=[256,256]", "train.batch=8", "train.epochs=1", "train.log_every=10", "train.validate_every=0")
WAYS = {
    "whole": ("photos/train", "none", ()),
    "sliced-all": ("slices-all/train", TILE, ()),
    "sliced": ("slices/train", TILE, ()),
    "tiles": ("photos/train", TILE, (f"data.tiles={TILE}",)),
}
"""Store to train on, tiles to judge in, and further fields of each run."""


def draw_photo(rng: np.random.Generator) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Draw a photograph with small objects that do not overlap.

    Returns:
        The image ``(H, W, 3)`` uint8 RGB, and name and box ``(N, 4)`` of each object.
    """
    image = draw_backdrop(HEIGHT, WIDTH, rng)
    light = rng.uniform(-pi, pi)
    names: list[str] = []
    boxes = np.empty((0, 4))
    wanted = rng.integers(*OBJECTS, endpoint=True)
    while len(names) < wanted:
        name, side = CLASSES[rng.integers(len(CLASSES))], exp(rng.uniform(*map(log, SIDES)))
        center = rng.uniform((60, 60), (WIDTH - 60, HEIGHT - 60))
        cutout = draw_thing(name, side, visible_colour(image, center, rng), light, rng)
        x0, y0 = sample._corner(cutout.alpha, center)
        rows, columns = (np.flatnonzero((cutout.alpha > 0.5).any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            continue
        box = np.array([x0 + columns[0], y0 + rows[0], x0 + columns[-1] + 1, y0 + rows[-1] + 1])
        apart = (boxes[:, 2:] + 8 < box[:2]).any(axis=1) | (boxes[:, :2] - 8 > box[2:]).any(axis=1)
        if apart.all():
            sample._paste(image, cutout, center, light)
            names.append(name)
            boxes = np.concatenate([boxes, box[None]])
    return draw_camera(HEIGHT, WIDTH, light, rng).photograph(image, rng), names, boxes


def write_photo(folder: Path, number: int) -> tuple[list[str], np.ndarray]:
    """Write a photograph as JPEG, and return its objects."""
    image, names, boxes = draw_photo(np.random.default_rng([7, number]))
    cv2.imwrite(str(folder / f"{number:03}.jpg"), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    return names, boxes


def render(folder: Path) -> None:
    """Write all photographs with COCO's annotations, in which each split is a file."""
    first = 0
    (folder / "annotations").mkdir(parents=True)
    for split, count in PHOTOS.items():
        (folder / split).mkdir()
        numbers = range(first, first + count)
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(partial(write_photo, folder / split), numbers))
        images = [{"id": i, "file_name": f"{i:03}.jpg", "height": HEIGHT, "width": WIDTH} for i in numbers]
        rows = [(i, name, box) for i, own in zip(numbers, found, strict=True) for name, box in zip(*own, strict=True)]
        objects = [coco_object(number, *row) for number, row in enumerate(rows, 1)]
        categories = [{"id": place, "name": name} for place, name in enumerate(CLASSES, 1)]
        values = {"images": images, "annotations": objects, "categories": categories}
        (folder / "annotations" / f"instances_{split}.json").write_text(json.dumps(values))
        first += count


def coco_object(number: int, image: int, name: str, box: np.ndarray) -> dict[str, object]:
    """An object as COCO has it."""
    x0, y0, x1, y1 = box.tolist()
    size = [x0, y0, x1 - x0, y1 - y0]
    place = {"id": number, "image_id": image, "category_id": CLASSES.index(name) + 1}
    return {**place, "bbox": size, "area": size[2] * size[3], "iscrowd": 0, "segmentation": []}


def slice_photos(photos: Path, folder: Path, sahi: str, *, with_objects: bool) -> None:
    """Cut the training photographs with sahi: overlap a fifth, objects kept from a tenth of their area on."""
    (folder / "annotations").mkdir(parents=True)
    fields = {
        "coco_annotation_file_path": str(photos / "annotations" / "instances_train.json"),
        "image_dir": str(photos / "train"),
        "output_coco_annotation_file_name": "instances_train",
        "output_dir": str(folder / "train"),
        "ignore_negative_samples": with_objects,
        "slice_height": TILE,
        "slice_width": TILE,
        "overlap_height_ratio": 0.2,
        "overlap_width_ratio": 0.2,
        "min_area_ratio": 0.1,
    }
    code = SLICED.format(arguments=", ".join(f"{name}={value!r}" for name, value in fields.items()))
    subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": sahi}, check=True)
    (written,) = (folder / "train").glob("*.json")
    written.rename(folder / "annotations" / "instances_train.json")


def make_data(folder: Path, sahi: str) -> None:
    """Render, slice, and build the stores, as far as they are not there."""
    photos = folder / "photos"
    if not photos.is_dir():
        render(photos)
    for name, with_objects in (("slices", True), ("slices-all", False)):
        if not (folder / name).is_dir():
            slice_photos(photos, folder / name, sahi, with_objects=with_objects)
    for name in ("photos", "slices", "slices-all"):
        if not (folder / "stores" / name).is_dir():
            build([folder / name], name)


def train(name: str, store: str, steps: int, fields: tuple[str, ...]) -> Path:
    """Train in one way, and return the folder of the run."""
    run = Path("experiments") / f"{name}-{steps}"
    if not (run / "best.keras").is_file():
        length = (f"data.train=[{store}]", f"train.steps_per_epoch={steps}", *NETWORK, *fields)
        subprocess.run([sys.executable, "-m", "multibox", "train", "--name", run.name, *length], check=True)
    return run


def bytes_in(folder: Path) -> int:
    """Size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def step_ms(run: Path) -> float:
    """Median milliseconds of a step, without the first steps, which compile."""
    table = read_log(run / "log.csv")
    return float(np.median(8000 / table["images_per_second"][3:]))


def measure(name: str, steps: int) -> str:
    """Train and judge in one way: a row of the table."""
    store, tiles, fields = WAYS[name]
    run = train(name, store, steps, fields)
    found = evaluate(run / "best.keras", "photos/val", tiles=tiles)
    data = store.split("/")[0]
    files = 0 if data == "photos" else bytes_in(Path(data))
    more = 0 if data == "photos" else bytes_in(Path("stores") / data)
    return f"| {name} | {found.map:.3f} | {step_ms(run):.0f} | {files / 1e6:.0f} | {more / 1e6:.0f} |"


def main() -> None:
    """Make the data, train in each way, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sahi", required=True, help="folder that sahi is installed in")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--only", choices=WAYS, action="append", help="ways to measure; all by default")
    parser.add_argument("--data-only", action="store_true", help="render, slice and build, and train nothing")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    os.environ["MULTIBOX_DATA"] = str(given.folder.resolve() / "stores")
    sahi = str(Path(given.sahi).resolve())
    os.chdir(given.folder)
    make_data(Path(), sahi)
    if given.data_only:
        return
    head = ["| trained on | mAP | ms a step | MB of slices | MB of their store |", "|---|---|---|---|---|"]
    rows = [measure(name, given.steps) for name in given.only or WAYS]
    table = "\n".join([*head, *rows])
    Path("large_images.md").write_text(table + "\n")
    print(table)


if __name__ == "__main__":
    main()
