"""Writes rendered and composed images, and their objects, in the layout of VOC."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from multibox.data.paste import Thing
from multibox.data.voc_xml import write_xml


def write_scene(
    folder: Path, number: int, image: np.ndarray, things: Sequence[Thing], rng: np.random.Generator
) -> None:
    """Write an image as JPEG, and its objects as XML.

    Args:
        folder: Folder of the dataset, with the folders ``JPEGImages`` and ``Annotations``.
        number: Number of the image, which names both files.
        image: ``(H, W, 3)`` uint8 RGB.
        things: Objects in the image.
        rng: Random generator of the JPEG's quality.
    """
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(82, 96))]
    _, data = cv2.imencode(".jpg", image[..., ::-1], quality)
    (folder / "JPEGImages" / f"{number:06}.jpg").write_bytes(data.tobytes())
    write_xml(
        folder / "Annotations" / f"{number:06}.xml",
        f"{number:06}.jpg",
        (image.shape[1], image.shape[0]),
        [thing.name for thing in things],
        np.array([thing.box for thing in things]),
        truncated=[thing.truncated for thing in things],
        occluded=[thing.occluded for thing in things],
    )
