"""Make the README's first picture: what the shipped detector finds in photographs.

.venv/bin/python docs/first_look.py docs/images/first-look.jpg PHOTO...
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from multibox import load

HEIGHT = 380


def main(out: Path, photos: list[Path]) -> None:
    """Lay them out in one row, all of one height."""
    detector = load()
    row = np.hstack([to_height(detector(photo).draw()) for photo in photos])
    cv2.imwrite(str(out), row[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 86])


def to_height(image: np.ndarray) -> np.ndarray:
    """Shrink to the row's height."""
    width = round(image.shape[1] * HEIGHT / image.shape[0])
    return cv2.resize(image, (width, HEIGHT), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
