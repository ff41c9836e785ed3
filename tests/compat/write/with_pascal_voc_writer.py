"""pascal-voc-writer: writes the corners that it is given. Here a caller gives edges."""

import os

from common import fresh, images
from pascal_voc_writer import Writer

folder = fresh("pascal-voc-writer", "voc")
os.chdir(folder)  # its <path> is absolute
(folder / "photos").mkdir()
for image in images():
    writer = Writer(f"photos/{image['name']}", image["width"], image["height"])
    for thing in image["objects"]:
        writer.addObject(thing["name"], *thing["box"], difficult=int(thing.get("difficult", False)))
    writer.save(f"photos/{image['name'].replace('.jpg', '.xml')}")
