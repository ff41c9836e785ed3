"""Read pre-labels with Label Studio's SDK: ``python read_label_studio.py FOLDER OUT`` prints JSON.

The predictions are held against the labelling interface. Submitted as they are, the SDK's converter then writes them as
COCO and as JSON_MIN, the forms in which a project is exported.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

from label_studio_sdk.converter import Converter
from label_studio_sdk.label_interface import LabelInterface

folder, out = map(Path, sys.argv[1:])
config = (folder / "labelling.xml").read_text("utf-8")
tasks = json.loads((folder / "tasks.json").read_text("utf-8"))
interface = LabelInterface(config)
interface.validate()
errors = [error for task in tasks for one in task["predictions"] for error in interface.validate_prediction(one, True)]

for number, task in enumerate(tasks, start=1):
    result = task["predictions"][0]["result"]
    task |= {"id": number, "annotations": [{"id": number, "was_cancelled": False, "result": result}]}
out.mkdir()
export = out / "export.json"
export.write_text(json.dumps(tasks), "utf-8")
converter = Converter(config, project_dir=str(folder), download_resources=False)
converter.convert_to_coco(str(export), str(out / "coco"), is_dir=False)
converter.convert_to_json_min(str(export), str(out / "json_min"), is_dir=False)

coco = json.loads((out / "coco/result.json").read_text("utf-8"))
classes = {one["id"]: one["name"] for one in coco["categories"]}
images = {one["id"]: Path(one["file_name"]).stem for one in coco["images"]}
found: dict[str, list[dict]] = {name: [] for name in images.values()}
for one in coco["annotations"]:
    x, y, width, height = one["bbox"]
    found[images[one["image_id"]]].append({"class": classes[one["category_id"]], "box": [x, y, x + width, y + height]})
print(json.dumps({"version": version("label-studio-sdk"), "errors": errors, "images": found}))
