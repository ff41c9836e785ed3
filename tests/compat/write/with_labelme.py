"""labelme: the class that its window calls to save, with the shapes that its canvas hands it."""

from common import IMAGES, fresh, images
from labelme._label_file import LabelFile


def shape(thing: dict) -> dict:
    """A rectangle: two opposite corners, in the order in which they were drawn. Here from the lower right corner."""
    x0, y0, x1, y1 = thing["box"]
    points = [[x1, y1], [x0, y0]] if thing.get("difficult") else [[x0, y0], [x1, y1]]
    fields = {"group_id": None, "description": "", "shape_type": "rectangle", "flags": {}, "mask": None}
    return {"label": thing["name"], "points": points, **fields}


for layout, embedded in (("json", False), ("json-embedded", True)):
    folder = fresh("labelme", layout)
    for image in images():
        LabelFile().save(
            filename=str(folder / image["name"].replace(".jpg", ".json")),
            shapes=[shape(thing) for thing in image["objects"]],
            image_path=image["name"],
            image_height=image["height"],
            image_width=image["width"],
            image_data=(IMAGES / image["name"]).read_bytes() if embedded else None,
        )
