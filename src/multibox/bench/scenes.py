"""A store of rendered scenes with the size and JPEG quality of VOC's images, for measurements without a dataset."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from multibox.data.record import Record, make_objects
from multibox.data.sample import draw_scene
from multibox.data.store import Store
from multibox.data.store_writer import StoreWriter
from multibox.machine import cores

CLASSES = tuple(f"thing{number}" for number in range(20))
"""Class names of the scenes. There are 20 as in VOC, because the size of a network's heads depends on the number."""

LONGER_SIDE = 500


def make_scenes(path: Path, count: int = 32) -> Store:
    """Write a store of rendered scenes whose objects have random classes.

    Args:
        path: Path of the store's file.
        count: Number of images to render.

    Returns:
        Store with the rendered images.
    """
    with ThreadPoolExecutor(cores()) as pool:
        scenes = list(pool.map(_make_scene, range(count)))
    with StoreWriter(path, name="scenes", split="train", classes=CLASSES) as writer:
        for scene in scenes:
            writer.add(scene)
    return Store(path)


def _make_scene(number: int) -> Record:
    rng = np.random.default_rng(number)
    image, things = draw_scene(rng, LONGER_SIDE)
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    objects = make_objects([thing.box for thing in things], rng.integers(len(CLASSES), size=len(things)))
    return Record(f"{number:06}", data.tobytes(), image.shape[1], image.shape[0], objects)
