"""Writers of the three hundred images in files that hold the images too."""

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
