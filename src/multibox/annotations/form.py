"""Refuses boxes that are stored as corners in a format that has position and size."""

from collections.abc import Iterator

import cv2
import numpy as np

from multibox.annotations.annotation import Annotation, ImageFile, Part
from multibox.annotations.bounds import number
from multibox.annotations.files import sample
from multibox.errors import BadInput

MANY = 0.1
"""Share of boxes beyond their image from which it is tested whether they are corners. In good data hardly any are
beyond."""

LOOKED_AT = 40
"""Number of image files whose sizes are read, if boxes are in pixels and the annotations do not give the sizes."""

MOST = 0.9
"""Share of boxes that must look like corners, by their numbers or areas, for the file to be refused."""

_ADVICE = "the file has x0, y0, x1, y1 where x, y, width, height are expected, so convert its boxes"

TOLERANCE = 0.02
"""Distance by which a box may exceed its image, as a share of the image's side."""


def refuse_corners(part: Part) -> None:
    """Refuse boxes that are stored as corners although the format has position and size.

    Args:
        part: Annotated images of one folder or file.

    Raises:
        BadInput: Many boxes reach beyond their images if read as position and size, and almost all fit if read as
            corners.
    """
    if _areas_are_of_corners(part):
        raise BadInput(part.root, f"the areas given for its boxes only fit if the boxes are corners; {_ADVICE}")
    boxes = np.concatenate([np.empty((0, 4)), *_in_parts(part)])
    boxes = boxes[np.isfinite(boxes).all(axis=1)]
    beyond = ((boxes < -TOLERANCE) | (boxes > 1 + TOLERANCE)).any(axis=1)
    if beyond.sum() <= MANY * len(boxes):
        return
    low, high = boxes[:, :2], boxes[:, 2:]
    sides = high - low
    for origin in (low, (low + high) / 2):  # of formats with a corner, and with the centre
        if ((origin >= -TOLERANCE) & (origin < sides) & (sides <= 1 + TOLERANCE)).all(axis=1).mean() > MOST:
            counted = f"{beyond.sum():,} of {len(boxes):,} boxes reach beyond their images"
            raise BadInput(part.root, f"{counted}; {_ADVICE}")


def _areas_are_of_corners(part: Part) -> bool:
    """Whether the areas in the files are those of the boxes as corners, and not as position and size."""
    items = (item.annotation for items in part.splits.values() for item in items)
    found = [each for each in items if isinstance(each, Annotation) and len(each.columns.get("area", ()))]
    if not found:
        return False
    areas = np.concatenate([np.array([number(area) for area in each.columns["area"]]) for each in found])
    boxes = np.concatenate([each.boxes for each in found])
    low, sides = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
    as_corners = np.isclose(np.prod(sides - low, axis=1), areas, rtol=0.01) & (sides > low).all(axis=1)
    return bool((as_corners & ~np.isclose(np.prod(sides, axis=1), areas, rtol=0.01)).mean() > MOST)


def _in_parts(part: Part) -> Iterator[np.ndarray]:
    """Boxes as parts of their image, of images whose size is known or can be read."""
    items = [item for items in part.splits.values() for item in items if isinstance(item.annotation, Annotation)]
    looked_at = {id(item) for item in sample([item for item in items if _needs_size(item.annotation)], LOOKED_AT)}
    for item in items:
        found = item.annotation
        if not isinstance(found, Annotation) or not len(found.boxes):
            continue
        size = (1, 1) if found.relative else found.size
        if size is None and id(item) in looked_at:
            size = _size_of(item.image)
        if size is not None:
            yield found.boxes / np.tile(size, 2)


def _needs_size(annotation: object) -> bool:
    if not isinstance(annotation, Annotation) or annotation.relative:
        return False
    return annotation.size is None and len(annotation.boxes) > 0


def _size_of(image: ImageFile) -> tuple[int, int] | None:
    """Width and height of an image in pixels, to the next 8. None if the image cannot be read."""
    try:
        pixels = cv2.imdecode(np.frombuffer(image.read_bytes(), np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)
    except (OSError, ValueError, cv2.error):
        return None
    return (8 * pixels.shape[1], 8 * pixels.shape[0]) if pixels is not None else None
