"""Images of a run's progress: detections beside the labelled objects, in a few validation images."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from multibox.data.record import Record
from multibox.data.store import Store
from multibox.detect.detections import Detections
from multibox.detect.detector import Detector
from multibox.draw import GREY, draw_boxes, grid, with_title
from multibox.prepare.render import decode

COUNT = 8
SIDE = 480
"""Length in pixels of the longer side of each drawn image: large enough for captions, small enough to keep many
images."""


def draw_findings(detector: Detector, stores: Sequence[Store], count: int = COUNT) -> dict[str, np.ndarray]:
    """Draw detections beside labelled objects, in images spread evenly over stores.

    The same images are chosen every time.

    Args:
        detector: Detector to run. Detections above its display thresholds are drawn.
        stores: Stores that the images come from.
        count: Largest number of images to draw.

    Returns:
        Images ``(H, W, 3)`` uint8 RGB by ``NAME/SPLIT/ID``, with the objects on the left and the detections on the
        right.

    Raises:
        BadInput: If an image cannot be decoded.
    """
    places = [(store, i) for store in stores for i in range(len(store))]
    chosen = [places[i] for i in np.linspace(0, len(places) - 1, min(count, len(places))).astype(int)]
    records = [store[i] for store, i in chosen]
    images = [decode(record.image, record.source or record.id) for record in records]
    return {
        f"{store.meta.name}/{store.meta.split}/{record.id}": _side_by_side(image, record, store.meta.classes, found)
        for (store, _), image, record, found in zip(chosen, images, records, detector(images), strict=True)
    }


def _side_by_side(image: np.ndarray, record: Record, names: Sequence[str], found: Detections) -> np.ndarray:
    image, scale = _shown(image)
    objects = record.objects
    captions = [
        f"{'crowd ' * bool(crowd)}{names[label]}{' (difficult)' * bool(difficult)}"
        for label, crowd, difficult in zip(objects.labels, objects.crowd, objects.difficult, strict=True)
    ]
    colors = {name: i for i, name in enumerate(found.classes)}
    color_ids = [colors.get(names[label], GREY) for label in objects.labels]
    truth = draw_boxes(image, objects.boxes * scale, captions, color_ids)
    findings = replace(found, boxes=found.boxes * scale, image=image).draw()
    titles = f"objects: {len(objects)}", f"detections: {len(found)}"
    return grid([with_title(*side) for side in zip((truth, findings), titles, strict=True)], columns=2)


def _shown(image: np.ndarray) -> tuple[np.ndarray, float]:
    """An image at the size at which it is drawn, and its magnification."""
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC), scale
