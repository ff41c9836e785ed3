"""Photos on which objects are pasted: found in a folder, read, and cropped."""

from pathlib import Path

import cv2
import numpy as np

from multibox.annotations.files import is_image, walk
from multibox.data.check import BadImageError
from multibox.errors import BadInput
from multibox.image_file import image_format, is_whole, jpeg_header

Generator = np.random.Generator

CLOSEST = 0.6
"""Smallest share of a photo's sides that a background shows."""

_REDUCED = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2}


def find_backgrounds(folder: Path, other: Path) -> list[Path]:
    """Find the photos in a folder and in the folders below.

    Args:
        folder: Folder of the photos.
        other: Folder whose images are left out, because they are the cut-outs.

    Raises:
        BadInput: The folder does not exist, or holds no image.
    """
    if not folder.is_dir():
        raise BadInput("backgrounds", f"{folder}: no such folder")
    inside = other.resolve()
    found = [path for path in walk(folder) if is_image(path) and not path.resolve().is_relative_to(inside)]
    if not found:
        raise BadInput("backgrounds", f"{folder}: holds no image; give a folder of photos without the objects")
    return found


def read_background(path: Path, size: int) -> np.ndarray:
    """Read a photo, ``(H, W, 3)`` uint8 RGB, upright.

    A large JPEG is decoded to a half, a quarter or an eighth, which is faster.

    Args:
        path: Path of the photo.
        size: Longer side of the background that will be drawn from the photo, pixels.

    Raises:
        BadImageError: The file is damaged or no image.
    """
    data = path.read_bytes()
    if not is_whole(data):
        raise BadImageError("is cut off or damaged; remove it")
    header = jpeg_header(data) if image_format(data) == "JPEG" else None
    spare = CLOSEST * max(header.width, header.height) / size if header else 1
    flag = next((flag for factor, flag in _REDUCED.items() if factor <= spare), cv2.IMREAD_COLOR)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag) if data else None
    except cv2.error:
        pixels = None
    if pixels is None:
        raise BadImageError("does not decode as an image; remove it")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def draw_view(photo: np.ndarray, size: int, rng: Generator, *, mirror: bool) -> np.ndarray:
    """Draw a part of a photo as a background.

    Args:
        photo: ``(H, W, 3)`` uint8 RGB.
        size: Longer side of the background, pixels.
        rng: Random generator of the part.
        mirror: Whether half of the backgrounds are mirrored.

    Returns:
        ``(H, W, 3)`` float32 RGB, 0 to 255, with the proportions of the photo.
    """
    height, width = photo.shape[:2]
    share = rng.uniform(CLOSEST, 1)
    rows, columns = max(1, round(height * share)), max(1, round(width * share))
    y, x = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
    part = photo[y : y + rows, x : x + columns]
    if mirror and rng.random() < 0.5:
        part = part[:, ::-1]
    scale = size / max(rows, columns)
    shape = max(1, round(columns * scale)), max(1, round(rows * scale))
    view = cv2.resize(part, shape, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return view.astype(np.float32)
