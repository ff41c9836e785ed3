"""Writers of the three hundred images in files that hold the images too."""

import json
from pathlib import Path

from annotations.records import detection, label_map, write_records
from annotations.scenes300 import CLASSES, Scene, parts, writes


@writes("tfrecord")
def tfrecord(root: Path, all_scenes: list[Scene]) -> None:
    for split in ("train", "val"):
        own = [scene for scene in all_scenes if scene.split == split]
        records = [
            detection(
                scene.name,
                [(name, CLASSES.index(name) + 1, *parts(scene, box)) for name, box in scene.objects],
                image__width=[scene.width],
                image__height=[scene.height],
            )
            for scene in own
        ]
        for piece in range(2):
            write_records(root / f"set_{split}.record-{piece:05}-of-00002", records[piece::2])
    label_map(root / "map.pbtxt", *CLASSES)


@writes("parquet")
def parquet(root: Path, all_scenes: list[Scene]) -> None:
    import pyarrow as pa
    from pyarrow.parquet import write_table

    label = {"_type": "ClassLabel", "names": CLASSES}
    features = {"image": {"_type": "Image"}, "objects": {"category": {"feature": label, "_type": "List"}}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    (root / "data").mkdir(parents=True)
    for split, called in (("train", "train"), ("val", "validation")):
        rows = [
            {
                "image": {"bytes": b"image", "path": scene.name},
                "width": scene.width,
                "height": scene.height,
                "objects": {
                    "bbox": [[x0, y0, x1 - x0, y1 - y0] for _, (x0, y0, x1, y1) in scene.objects],
                    "category": [CLASSES.index(name) for name, _ in scene.objects],
                },
            }
            for scene in all_scenes
            if scene.split == split
        ]
        table = pa.Table.from_pylist(rows).replace_schema_metadata(metadata)
        write_table(table, root / f"data/{called}-00000-of-00001.parquet", row_group_size=50)
