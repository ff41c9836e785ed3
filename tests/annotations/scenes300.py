"""Three hundred annotated images as plain numbers, and writers of them in every layout that can be read."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CLASSES = ("zebra", "ant", "moth")
"""The classes in an order that is not the alphabet's."""


@dataclass(frozen=True)
class Scene:
    """An image: its name, split, size in pixels, and objects as class and edges from 0."""

    name: str
    split: str
    width: int
    height: int
    objects: tuple[tuple[str, tuple[float, float, float, float]], ...]

    @property
    def stem(self) -> str:
        return self.name.removesuffix(".jpg")


def scenes(count: int = 300) -> list[Scene]:
    """Scenes with 0 to 5 objects whose edges have quarters of pixels; every tenth is in val."""
    rng = np.random.default_rng(7)
    found = []
    for number in range(count):
        width, height = (int(side) for side in rng.integers(200, 1000, 2))
        low = rng.integers(0, 4 * 100, (number % 6, 2)) / 4
        high = low + rng.integers(8, 4 * 90, (number % 6, 2)) / 4
        objects = tuple(
            (CLASSES[rng.integers(3)], (*map(float, a), *map(float, b))) for a, b in zip(low, high, strict=True)
        )
        found.append(Scene(f"img_{number:04}.jpg", "val" if number % 10 == 9 else "train", width, height, objects))
    return found


Writer = Callable[[Path, list[Scene]], None]
WRITERS: dict[str, Writer] = {}
"""A writer for each layout, by a name that begins with that of the format."""


def writes(name: str) -> Callable[[Writer], Writer]:
    def register(writer: Writer) -> Writer:
        WRITERS[name] = writer
        return writer

    return register


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def table(path: Path, rows: list[list]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def boxes(all_scenes: list[Scene]) -> Iterator[tuple[Scene, str, tuple[float, float, float, float]]]:
    return ((scene, name, box) for scene in all_scenes for name, box in scene.objects)


def parts(scene: Scene, box: tuple[float, float, float, float]) -> list[float]:
    x0, y0, x1, y1 = box
    return [x0 / scene.width, y0 / scene.height, x1 / scene.width, y1 / scene.height]


def cxcywh(scene: Scene, box: tuple[float, float, float, float]) -> str:
    x0, y0, x1, y1 = parts(scene, box)
    return f"{(x0 + x1) / 2:.9f} {(y0 + y1) / 2:.9f} {x1 - x0:.9f} {y1 - y0:.9f}"


@writes("voc")
def voc(root: Path, all_scenes: list[Scene]) -> None:
    for scene in all_scenes:
        objects = "".join(
            "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>".format(
                name, *box
            )
            for name, box in scene.objects
        )
        size = f"<size><width>{scene.width}</width><height>{scene.height}</height><depth>3</depth></size>"
        content = f"<annotation><filename>{scene.name}</filename>{size}{objects}</annotation>"
        text(root / "annots" / f"{scene.stem}.xml", content)
        image(root / "images" / scene.name)
    for split in ("train", "val"):
        listed = "".join(f"{scene.stem}\n" for scene in all_scenes if scene.split == split)
        text(root / f"ImageSets/Main/{split}.txt", listed)


@writes("voc, whole pixels from 1")
def voc_pixels(root: Path, all_scenes: list[Scene]) -> None:
    for scene in all_scenes:
        objects = "".join(
            f"<object><name>{name}</name><bndbox><xmin>{round(x0) + 1}</xmin><ymin>{round(y0) + 1}</ymin>"
            f"<xmax>{round(x1)}</xmax><ymax>{round(y1)}</ymax></bndbox></object>"
            for name, (x0, y0, x1, y1) in scene.objects
        )
        source = "<source><database>The VOC2007 Database</database></source>"
        text(root / scene.split / f"{scene.stem}.xml", f"<annotation>{source}{objects}</annotation>")
        image(root / scene.split / scene.name)


@writes("coco")
def coco(root: Path, all_scenes: list[Scene]) -> None:
    for split in ("train", "val"):
        own = [(number, scene) for number, scene in enumerate(all_scenes, 1) if scene.split == split]
        images = [{"id": n, "file_name": s.name, "width": s.width, "height": s.height} for n, s in own]
        annotations = [
            {
                "id": 1000 * number + k,
                "image_id": number,
                "category_id": 5 + CLASSES.index(name),
                "bbox": [x0, y0, x1 - x0, y1 - y0],
            }
            for number, scene in own
            for k, (name, (x0, y0, x1, y1)) in enumerate(scene.objects)
        ]
        categories = [{"id": 5 + i, "name": name} for i, name in enumerate(CLASSES)]
        content = {"images": images, "annotations": annotations, "categories": categories}
        text(root / f"anywhere/instances_{split}2031.json", json.dumps(content))
    for scene in all_scenes:
        image(root / f"pictures/{scene.split}" / scene.name)


@writes("yolo")
def yolo(root: Path, all_scenes: list[Scene]) -> None:
    for scene in all_scenes:
        rows = "".join(f"{CLASSES.index(name)} {cxcywh(scene, box)}\n" for name, box in scene.objects)
        text(root / "labels" / scene.split / f"{scene.stem}.txt", rows)
        image(root / "images" / scene.split / scene.name)
    text(root / "data.yaml", f"train: images/train\nval: images/val\nnames: [{', '.join(CLASSES)}]\n")


@writes("yolo, darknet")
def darknet(root: Path, all_scenes: list[Scene]) -> None:
    for scene in all_scenes:
        rows = "".join(f"{CLASSES.index(name)} {cxcywh(scene, box)}\n" for name, box in scene.objects)
        text(root / "obj" / f"{scene.stem}.txt", rows)
        image(root / "obj" / scene.name)
    for split, name in (("train", "train"), ("val", "valid")):
        listed = "".join(f"data/obj/{scene.name}\n" for scene in all_scenes if scene.split == split)
        text(root / f"{name}.txt", listed)
    text(root / "obj.names", "\n".join(CLASSES) + "\n")
    text(root / "obj.data", "classes=3\ntrain=data/train.txt\nvalid=data/valid.txt\nnames=data/obj.names\n")


@writes("csv")
def plain_csv(root: Path, all_scenes: list[Scene]) -> None:
    rows = [["filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax", "split"]]
    for scene in all_scenes:
        size = [scene.name, scene.width, scene.height]
        rows += [[*size, name, *box, scene.split] for name, box in scene.objects]
        rows += [[*size, "", "", "", "", "", scene.split]] * (not scene.objects)
        image(root / scene.name)
    table(root / "boxes.csv", rows)
    text(root / "classes.txt", "\n".join(CLASSES) + "\n")


@writes("csv, Open Images")
def open_images(root: Path, all_scenes: list[Scene]) -> None:
    codes = {name: f"/m/0{i}" for i, name in enumerate(CLASSES)}
    for split, called in (("train", "train"), ("val", "validation")):
        rows = [["ImageID", "Source", "LabelName", "Confidence", "XMin", "XMax", "YMin", "YMax", "IsOccluded"]]
        own = [scene for scene in all_scenes if scene.split == split]
        for scene, name, box in boxes(own):
            x0, y0, x1, y1 = parts(scene, box)
            rows.append([scene.stem, "xclick", codes[name], 1, x0, x1, y0, y1, 0])
        table(root / f"{called}-annotations-bbox.csv", rows)
        table(root / f"{called}-images.csv", [["ImageID", "OriginalURL"], *([scene.stem, "x"] for scene in own)])
    table(root / "class-descriptions.csv", [[code, name] for name, code in codes.items()])
    for scene in all_scenes:
        image(root / scene.split / scene.name)


@writes("csv, Vertex AI")
def vertex(root: Path, all_scenes: list[Scene]) -> None:
    sets = {"train": "TRAIN", "val": "VALIDATION"}
    rows = []
    for scene in all_scenes:
        head = [sets[scene.split], f"gs://bucket/{scene.name}"]
        for name, box in scene.objects:
            x0, y0, x1, y1 = parts(scene, box)
            rows.append([*head, name, x0, y0, "", "", x1, y1, "", ""])
        if not scene.objects:
            rows.append([*head, *[""] * 9])
        image(root / scene.name)
    table(root / "import.csv", rows)


@writes("csv, Kaggle")
def kaggle(root: Path, all_scenes: list[Scene]) -> None:
    rows = [["image_id", "width", "height", "bbox", "class"]]
    for scene in all_scenes:
        head = [scene.stem, scene.width, scene.height]
        rows += [[*head, f"[{x0}, {y0}, {x1 - x0}, {y1 - y0}]", name] for name, (x0, y0, x1, y1) in scene.objects]
        rows += [[*head, "", ""]] * (not scene.objects)
        image(root / "train" / scene.name)
    table(root / "boxes.csv", rows)


@writes("keras-text")
def keras_text(root: Path, all_scenes: list[Scene]) -> None:
    for split, folder in (("train", "train"), ("val", "valid")):
        own = [scene for scene in all_scenes if scene.split == split]
        lines = (
            " ".join([scene.name, *(",".join(map(str, (*box, CLASSES.index(name)))) for name, box in scene.objects)])
            for scene in own
        )
        text(root / folder / "_annotations.txt", "\n".join(lines) + "\n")
        text(root / folder / "_classes.txt", "\n".join(CLASSES) + "\n")
        for scene in own:
            image(root / folder / scene.name)


@writes("kitti")
def kitti(root: Path, all_scenes: list[Scene]) -> None:
    for scene in all_scenes:
        rows = "".join(
            f"{name} 0.00 0 0 {x0} {y0} {x1} {y1} -1 -1 -1 -1000 -1000 -1000 -10\n"
            for name, (x0, y0, x1, y1) in scene.objects
        )
        text(root / scene.split / "label_2" / f"{scene.stem}.txt", rows)
        image(root / scene.split / "image_2" / scene.name)


def cvat_box(name: str, box: tuple[float, float, float, float], fields: str = "") -> str:
    edges = " ".join(f'{key}="{value}"' for key, value in zip(("xtl", "ytl", "xbr", "ybr"), box, strict=True))
    return f'<box label="{name}" occluded="0" {edges} {fields}/>'


def cvat_labels() -> str:
    return f"<labels>{''.join(f'<label><name>{name}</name></label>' for name in CLASSES)}</labels>"


@writes("cvat")
def cvat(root: Path, all_scenes: list[Scene]) -> None:
    subsets = {"train": "Train", "val": "Validation"}
    images = (
        f'<image name="{scene.name}" subset="{subsets[scene.split]}" width="{scene.width}" height="{scene.height}">'
        f"{''.join(cvat_box(*each) for each in scene.objects)}</image>"
        for scene in all_scenes
    )
    meta = f"<meta><project>{cvat_labels()}</project></meta>"
    text(root / "annotations.xml", f"<annotations>{meta}{''.join(images)}</annotations>")
    for scene in all_scenes:
        image(root / "images" / subsets[scene.split] / scene.name)


@writes("cvat, tracks of two videos")
def cvat_tracks(root: Path, all_scenes: list[Scene]) -> None:
    for split in ("train", "val"):
        numbered = {int(scene.stem[-4:]): scene for scene in all_scenes if scene.split == split}
        limits = f"<start_frame>{min(numbered)}</start_frame><stop_frame>{max(numbered)}</stop_frame>"
        meta = f"<meta><task><subset>{split}</subset>{limits}{cvat_labels()}</task></meta>"
        frames = {number: f'frame="{number}" outside="0"' for number in numbered}
        tracks = (
            f'<track label="{name}">{cvat_box(name, box, frames[number])}</track>'
            for number, scene in numbered.items()
            for name, box in scene.objects
        )
        text(root / split / "annotations.xml", f"<annotations>{meta}{''.join(tracks)}</annotations>")
        for scene in numbered.values():
            image(root / split / "images" / scene.name)


@writes("labelme-xml")
def labelme_xml(root: Path, all_scenes: list[Scene]) -> None:
    for scene in all_scenes:
        objects = ""
        for name, (x0, y0, x1, y1) in scene.objects:
            points = "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1)))
            objects += f"<object><name>{name}</name><deleted>0</deleted><polygon>{points}</polygon></object>"
        size = f"<imagesize><nrows>{scene.height}</nrows><ncols>{scene.width}</ncols></imagesize>"
        content = f"<annotation><filename>{scene.name}</filename>{objects}{size}</annotation>"
        text(root / "Annotations" / scene.split / f"{scene.stem}.xml", content)
        image(root / "Images" / scene.split / scene.name)
