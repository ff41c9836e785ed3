"""Writers of the three hundred images in the JSON of annotation tools."""

import json
from pathlib import Path

from annotations.scenes300 import Scene, image, text, writes


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
