#!/usr/bin/env bash
# pylabel 0.1.55: an image without objects makes the COCO export write an object of another image twice.
#
# Expected: one annotation for each object, and none for the image without objects.
# Seen: an earlier image's last object stands in the file a second time, with an id of its own.
# Why it matters: datasets with background images are trained on doubled objects, and counts of objects are wrong. A
# reader cannot tell the copy from a second object at the same place.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check pylabel==0.1.55 'pandas<3' 2>&1 | grep -v '^WARNING' || true
cat >"$work/show.py" <<'PYTHON'
import json
import sys
from pathlib import Path

from pylabel import importer

folder = Path(sys.argv[1])
sizes = {"width": 100, "height": 80}
images = [{"id": i, "file_name": f"{i}.jpg", **sizes} for i in (1, 2, 3)]
boxes = {1: [[10, 10, 20, 20], [50, 30, 25, 15]], 3: [[5, 5, 9, 9]]}  # image 2 has no object
annotations = [
    {"id": 10 * i + k, "image_id": i, "category_id": 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
    for i, listed in boxes.items()
    for k, box in enumerate(listed)
]
truth = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cat"}]}
(folder / "truth.json").write_text(json.dumps(truth))
dataset = importer.ImportCoco(str(folder / "truth.json"), path_to_images=".", name="pets")
dataset.export.ExportToCoco(str(folder / "out.json"))
written = json.loads((folder / "out.json").read_text())["annotations"]
rows = [(int(each["image_id"]), [float(v) for v in each["bbox"]]) for each in written]
print(f"{len(annotations)} objects in, {len(rows)} out")
for row in rows:
    print(row)
raise SystemExit(0 if len(rows) > len(annotations) else 1)
PYTHON
"$work/venv/bin/python" "$work/show.py" "$work" 2>/dev/null
# Output seen:
#   3 objects in, 4 out
#   (1, [10.0, 10.0, 20.0, 20.0])
#   (1, [50.0, 30.0, 25.0, 15.0])
#   (1, [50.0, 30.0, 25.0, 15.0])
#   (3, [5.0, 5.0, 9.0, 9.0])
