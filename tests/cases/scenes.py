"""Small annotated images as other people have them. Boxes are edges x0, y0, x1, y1 in pixels from 0."""

import json
from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT = 200, 150

Thing = tuple[str, int, int, int, int]


def things(number: int, names: tuple[str, ...] = ("cat", "dog"), count: int = 2) -> list[Thing]:
    """The objects of the scene with a number, none at the border of the image."""
    rng = np.random.default_rng(number)
    corners = rng.integers((2, 2), (120, 90), (count, 2))
    sizes = rng.integers((40, 30), (66, 50), (count, 2))
    low, high = corners.tolist(), (corners + sizes).tolist()
    return [(names[(number + k) % len(names)], *low[k], *high[k]) for k in range(count)]


def draw(path: Path, number: int) -> None:
    """Write the image of a scene: noise, so that no two look alike."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(number).integers(0, 255, (HEIGHT // 10, WIDTH // 10, 3)).astype(np.uint8)
    cv2.imwrite(str(path), cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))


def write(path: Path, text: str) -> None:
    """Write a text file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def xml(path: Path, image: str, found: list[tuple], *, add: int = 1, head: str = "") -> None:
    """Write VOC's XML with ``add`` added to the minima."""
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{x0 + add}</xmin><ymin>{y0 + add}</ymin>"
        f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for name, x0, y0, x1, y1 in found
    )
    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>"
    write(path, f"<annotation>{head}<filename>{image}</filename>{size}{objects}</annotation>")


def coco(root: Path, file: str, folder: str, numbers: range, names: tuple[str, ...] = ("cat", "dog")) -> dict:
    """Draw images and write their COCO file. Categories are numbered from 1."""
    images, annotations = [], []
    for number in numbers:
        draw(root / folder / f"p{number:03}.jpg", number)
        images.append({"id": number + 1, "file_name": f"p{number:03}.jpg", "width": WIDTH, "height": HEIGHT})
        for name, x0, y0, x1, y1 in things(number, names):
            box = [x0, y0, x1 - x0, y1 - y0]
            annotation = {"id": len(annotations) + 1, "image_id": number + 1, "category_id": names.index(name) + 1}
            annotations.append(annotation | {"bbox": box, "area": box[2] * box[3], "iscrowd": 0})
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(names)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    write(root / file, json.dumps(content))
    return content


def yolo_row(thing: Thing, names: tuple[str, ...]) -> str:
    """The row of an object in YOLO's text."""
    name, x0, y0, x1, y1 = thing
    center = f"{(x0 + x1) / 2 / WIDTH:.6f} {(y0 + y1) / 2 / HEIGHT:.6f}"
    return f"{names.index(name)} {center} {(x1 - x0) / WIDTH:.6f} {(y1 - y0) / HEIGHT:.6f}"


def yolo(root: Path, numbers: range, names: tuple[str, ...], *, folder: str = "") -> None:
    """Draw images and write their label files."""
    for number in numbers:
        draw(root / "images" / folder / f"p{number:03}.jpg", number)
        rows = "\n".join(yolo_row(thing, names) for thing in things(number, names))
        write(root / "labels" / folder / f"p{number:03}.txt", rows + "\n")
