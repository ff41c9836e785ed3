"""Cut-outs: images of single objects whose alpha channel says where the object ends."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np

from multibox.annotations.files import is_image, walk
from multibox.data.check import BadImageError
from multibox.errors import BadInput
from multibox.image_file import image_format, is_whole

Alpha = Literal["auto", "straight", "premultiplied"]

DISTRACTORS: Final = "distractors"
"""Folder of the cut-outs that are pasted, but are objects of no class."""

MARGIN: Final = 0.05
"""Alpha below which a pixel belongs to no object."""

SPECK: Final = 0.001
"""Area of a separate part, as a share of the largest part, below which it is removed as dirt."""

SHORTEST: Final = 16
"""Smallest longer side of an object in a cut-out, pixels."""

_NUMBER: Final = re.compile(r"[\s_-]*(?:\(\d+\)|\d+)$")
"""The number at the end of a file's name: ``mug_01``, ``mug-2``, ``mug (3)``."""


@dataclass(frozen=True)
class CutoutFiles:
    """The files of a folder of cut-outs.

    Attributes:
        classes: Paths of each class, by its name. Names and paths are sorted.
        distractors: Paths of the cut-outs that belong to no class.
        by_folders: Whether folders name the classes. Otherwise the names of the files do.
    """

    classes: dict[str, tuple[Path, ...]]
    distractors: tuple[Path, ...]
    by_folders: bool


@dataclass(frozen=True)
class CutoutImage:
    """A cut-out as it was read.

    Attributes:
        pixels: ``(H, W, 4)`` uint8 RGB and straight alpha, cropped to the object.
        side: Longer side of the object in the file, pixels.
        premultiplied: Whether the file's colours were multiplied by their alpha, which has been undone.
    """

    pixels: np.ndarray
    side: int
    premultiplied: bool


def find_cutouts(folder: Path) -> CutoutFiles:
    """Find the cut-outs in a folder, and their classes.

    Each folder in it is a class. Without such folders, the beginnings of the file names are the classes
    (:func:`class_of_names`).

    Args:
        folder: Folder of the cut-outs.

    Raises:
        BadInput: The folder does not exist or holds no image, images lie both in folders of classes and outside, or a
            class has no name that can be written.
    """
    if not folder.is_dir():
        raise BadInput("cutouts", f"{folder}: no such folder")
    found = [path for path in walk(folder) if is_image(path)]
    inside, loose = defaultdict(list), []
    for path in found:
        parts = path.relative_to(folder).parts
        if len(parts) > 1:
            inside[parts[0].strip()].append(path)
        else:
            loose.append(path)
    distractors = [path for name in [*inside] if name.lower() == DISTRACTORS for path in inside.pop(name)]
    if inside and loose:
        raise BadInput(loose[0], "lies beside the folders of the classes; move it into the folder of its class")
    names = class_of_names([path.stem for path in loose])
    for path, name in zip(loose, names, strict=True):
        inside[name].append(path)
    if not inside:
        raise BadInput("cutouts", f"{folder}: holds no image of a class; give a folder with a folder for each class")
    unfit = [name for name in inside if not name or not name.isprintable()]
    if unfit:
        raise BadInput(inside[unfit[0]][0], f"{unfit[0]!r} cannot be the name of a class; give it another name")
    classes = {name: tuple(inside[name]) for name in sorted(inside)}
    return CutoutFiles(classes, tuple(distractors), by_folders=not loose)


def class_of_names(stems: Sequence[str]) -> list[str]:
    """Guess the class of each cut-out from the names of the files.

    A number at the end is dropped: ``mug_01`` and ``mug (2)`` are of the class ``mug``. Otherwise the part behind the
    last ``_`` or ``-`` is dropped if several files share what is before it: ``mug_front`` and ``mug_back``.

    Args:
        stems: Names of the files without suffix.

    Returns:
        Class of each file.
    """
    plain = [_NUMBER.sub("", stem).strip() or stem for stem in stems]
    siblings = defaultdict(set)
    for name in plain:
        siblings[_beginning(name)].add(name)
    return [
        _beginning(name) if name == stem and len(siblings[_beginning(name)]) > 1 else name
        for name, stem in zip(plain, stems, strict=True)
    ]


def _beginning(stem: str) -> str:
    """The part of a name before its last ``_`` or ``-``, or the whole name."""
    found = re.match(r"(.+)[_-][^_-]+$", stem)
    return found[1].strip() if found else stem


def read_cutout(path: Path, largest: int, alpha: Alpha = "auto") -> CutoutImage:
    """Read a cut-out.

    Args:
        path: PNG or WebP with an alpha channel. 16-bit images, grey images with alpha, and palettes with
            transparency are read too.
        largest: Longer side in pixels to which a larger object is reduced.
        alpha: Whether the file's colours are multiplied by their alpha. ``auto`` recognises it.

    Raises:
        BadImageError: The file is damaged, has no alpha channel, or its alpha cuts nothing out.
    """
    pixels = _rgba(_decoded(path))
    _require_outline(pixels[..., 3])
    opacity = _without_specks(pixels[..., 3])
    rows, columns = (np.flatnonzero((opacity > 255 * MARGIN).any(axis=axis)) for axis in (1, 0))
    crop = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    pixels = np.dstack([pixels[..., :3], opacity])[crop]
    if max(pixels.shape[:2]) < SHORTEST:
        size = f"{pixels.shape[1]}x{pixels.shape[0]}"
        raise BadImageError(f"shows an object of only {size} pixels; give a larger image of it, or remove the file")
    is_multiplied = alpha == "premultiplied" or (alpha == "auto" and looks_premultiplied(pixels))
    if is_multiplied:
        share = np.maximum(pixels[..., 3:], 1) / np.float32(255)
        pixels = np.dstack([np.minimum(pixels[..., :3] / share, 255).round().astype(np.uint8), pixels[..., 3]])
    return CutoutImage(_reduced(pixels, largest), max(pixels.shape[:2]), is_multiplied)


def looks_premultiplied(pixels: np.ndarray) -> bool:
    """Whether the colours of a bright object darken with its alpha, as if they had been multiplied by it.

    PNG and WebP hold straight colours. Some tools write multiplied ones all the same, which would leave a dark fringe.
    Only pixels whose alpha is well below the brightness of the opaque ones tell: straight colours are brighter there.

    Args:
        pixels: ``(H, W, 4)`` uint8 RGB and alpha.
    """
    opacity, brightest = pixels[..., 3].astype(int), pixels[..., :3].max(axis=2).astype(int)
    full = opacity >= 250
    if full.sum() < 30 or brightest[full].mean() < 100:
        return False
    level = brightest[full].mean()
    soft = (opacity > 25) & (opacity < 0.9 * level)
    if soft.sum() < 30:
        return False
    share = brightest[soft] / opacity[soft]
    return bool((brightest[soft] <= opacity[soft] + 2).mean() > 0.99 and share.mean() > 0.6 * level / 255)


def _decoded(path: Path) -> np.ndarray:
    """Pixels of a file in OpenCV's order, as they are stored."""
    data = path.read_bytes()
    if image_format(data) not in ("PNG", "WEBP"):
        raise BadImageError("is no PNG or WebP, so it has no alpha channel; cut the object out and save it as PNG")
    if not is_whole(data):
        raise BadImageError("is cut off or damaged; save it again")
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise BadImageError("does not decode as an image; save it again")
    return pixels


def _rgba(pixels: np.ndarray) -> np.ndarray:
    """RGB and alpha in 8 bits of pixels that OpenCV has decoded."""
    if pixels.ndim < 3 or pixels.shape[2] != 4:
        raise BadImageError("has no alpha channel; cut the object out and save it as PNG with transparency")
    if pixels.dtype == np.uint16:
        pixels = (pixels / np.float32(257)).round().astype(np.uint8)
    return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA)


def _require_outline(alpha: np.ndarray) -> None:
    if alpha.max() < 25:
        raise BadImageError("is transparent everywhere; cut the object out again, or remove the file")
    if alpha.min() > 0.5 * alpha.max():
        raise BadImageError(
            "has no transparent background, so its whole rectangle would be pasted; cut the object out, or give a "
            "rectangular object a transparent border"
        )


def _without_specks(alpha: np.ndarray) -> np.ndarray:
    """Remove tiny separate parts of an object, which tools leave behind and which would enlarge its box."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats((alpha > 255 * MARGIN).astype(np.uint8))
    areas = stats[:, cv2.CC_STAT_AREA]
    is_dirt = areas < SPECK * areas[1:].max(initial=0)
    is_dirt[0] = False
    return np.where(is_dirt[parts], 0, alpha).astype(np.uint8)


def _reduced(pixels: np.ndarray, largest: int) -> np.ndarray:
    """Reduce an image whose longer side is larger. Colours of transparent pixels do not leak into others."""
    scale = largest / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    height, width = (max(1, round(length * scale)) for length in pixels.shape[:2])
    small = cv2.resize(multiplied(pixels), (width, height), interpolation=cv2.INTER_AREA)
    colour = small[..., :3] / np.maximum(small[..., 3:], 1e-3)
    return np.dstack([colour, 255 * small[..., 3]]).clip(0, 255).round().astype(np.uint8)


def multiplied(pixels: np.ndarray) -> np.ndarray:
    """Colours times alpha, and alpha, of ``(H, W, 4)`` uint8: ``(H, W, 4)`` float32, colours 0 to 255, alpha 0 to 1."""
    opacity = pixels[..., 3:] / np.float32(255)
    return np.dstack([pixels[..., :3] * opacity, opacity])
