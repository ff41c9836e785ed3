"""Writers of the three hundred images in the JSON of annotation tools."""

import json
from pathlib import Path

from annotations.scenes300 import CLASSES, Scene, image, parts, text, writes


@writes("labelme")
def labelme(root: Path, all_scenes: list[Scene]) -> None:
    for scene in all_scenes:
        shapes = [
            {"label": name, "points": [[x1, y0], [x0, y1]], "shape_type": "rectangle"}
            for name, (x0, y0, x1, y1) in scene.objects
        ]
        size = {"imageWidth": scene.width, "imageHeight": scene.height}
        content = {"version": "5.5.0", "shapes": shapes, "imagePath": scene.name, "imageData": None} | size
        text(root / scene.split / f"{scene.stem}.json", json.dumps(content))
        image(root / scene.split / scene.name)


def of_split(all_scenes: list[Scene], split: str) -> list[Scene]:
    return [scene for scene in all_scenes if scene.split == split]


@writes("via")
def via(root: Path, all_scenes: list[Scene]) -> None:
    options = {"type": "radio", "options": dict.fromkeys(CLASSES, "")}
    for split in ("train", "val"):
        entries = {}
        for scene in of_split(all_scenes, split):
            regions = [
                {
                    "shape_attributes": {"name": "rect", "x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0},
                    "region_attributes": {"kind": name},
                }
                for name, (x0, y0, x1, y1) in scene.objects
            ]
            entries[f"{scene.name}77"] = {"filename": scene.name, "size": 77, "regions": regions}
            image(root / "images" / scene.name)
        content = {"_via_img_metadata": entries, "_via_attributes": {"region": {"kind": options}}}
        text(root / f"via_{split}.json", json.dumps(content))


@writes("label-studio")
def label_studio(root: Path, all_scenes: list[Scene]) -> None:
    for split in ("train", "val"):
        tasks = []
        for scene in of_split(all_scenes, split):
            results = [
                {
                    "type": "rectanglelabels",
                    "original_width": scene.width,
                    "original_height": scene.height,
                    "value": {
                        "x": 100 * x0,
                        "y": 100 * y0,
                        "width": 100 * (x1 - x0),
                        "height": 100 * (y1 - y0),
                        "rotation": 0,
                        "rectanglelabels": [name],
                    },
                }
                for name, box in scene.objects
                for x0, y0, x1, y1 in [parts(scene, box)]
            ]
            data = {"image": f"/data/upload/4/0123abcd-{scene.name}"}
            tasks.append({"data": data, "annotations": [{"result": results}], "predictions": []})
            image(root / split / scene.name)
        text(root / split / "result.json", json.dumps(tasks))


@writes("createml")
def createml(root: Path, all_scenes: list[Scene]) -> None:
    for split in ("train", "val"):
        listed = []
        for scene in of_split(all_scenes, split):
            annotations = [
                {
                    "label": name,
                    "coordinates": {"x": (x0 + x1) / 2, "y": (y0 + y1) / 2, "width": x1 - x0, "height": y1 - y0},
                }
                for name, (x0, y0, x1, y1) in scene.objects
            ]
            listed.append({"image": scene.name, "annotations": annotations})
            image(root / split / scene.name)
        text(root / split / "_annotations.createml.json", json.dumps(listed))


@writes("datumaro")
def datumaro(root: Path, all_scenes: list[Scene]) -> None:
    for split in ("train", "val"):
        items = []
        for scene in of_split(all_scenes, split):
            annotations = [
                {"type": "bbox", "label_id": CLASSES.index(name), "group": 0, "bbox": [x0, y0, x1 - x0, y1 - y0]}
                for name, (x0, y0, x1, y1) in scene.objects
            ]
            media = {"path": scene.name, "size": [scene.height, scene.width]}
            items.append({"id": scene.stem, "annotations": annotations, "image": media})
            image(root / "images" / split / scene.name)
        labels = {"labels": [{"name": name} for name in CLASSES]}
        text(root / f"annotations/{split}.json", json.dumps({"categories": {"label": labels}, "items": items}))
