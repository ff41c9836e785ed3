"""Read a folder with Ultralytics' loader: ``python read_ultralytics.py yolo FOLDER SPLIT...`` prints JSON."""

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["YOLO_CONFIG_DIR"] = tempfile.mkdtemp()
os.environ["YOLO_OFFLINE"] = "true"

with contextlib.redirect_stdout(sys.stderr):
    import ultralytics
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset

    _, folder, *splits = sys.argv[1:]
    data = check_det_dataset(str(Path(folder) / "data.yaml"), autodownload=False)
    found = {}
    for split in splits:
        dataset = YOLODataset(img_path=str(Path(data["path"]) / data[split]), data=data, augment=False)
        found[split] = {}
        for label in dataset.labels:
            height, width = label["shape"]
            found[split][Path(label["im_file"]).stem] = [
                {
                    "class": data["names"][int(number)],
                    "box": [
                        (x - w / 2) * width,
                        (y - h / 2) * height,
                        (x + w / 2) * width,
                        (y + h / 2) * height,
                    ],
                }
                for (number,), (x, y, w, h) in zip(label["cls"], label["bboxes"].astype(float), strict=True)
            ]
print(json.dumps({"version": ultralytics.__version__, "classes": list(data["names"].values()), "splits": found}))
