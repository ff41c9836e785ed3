"""Make the pictures of the README and of these pages from a finished demo.

make demo && .venv/bin/python docs/pictures.py demo docs/images
"""

import sys
from pathlib import Path

import cv2

from multibox.draw import grid
from multibox.prepare.render import decode

SHOWN = 12


def main(demo: Path, out: Path) -> None:
    """Lay detections and training examples out as grids, small enough for a page."""
    pictures = sorted((demo / "pictures").glob("*.png"))[:SHOWN]
    save(out / "detections.jpg", grid([decode(path.read_bytes(), str(path)) for path in pictures], 4))
    examples = demo / "examples.png"
    save(out / "examples.jpg", decode(examples.read_bytes(), str(examples)))


def save(path: Path, image) -> None:
    """Write a JPEG at most 1400 pixels wide."""
    scale = min(1, 1400 / image.shape[1])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 86])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
