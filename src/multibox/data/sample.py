"""Renders a small detection dataset, with which every part of Multibox can be tried without a download.

Objects of eight kinds lie on textured surfaces amid clutter, lit from one side. Some are partly hidden by others or
reach beyond the image. The files are ordinary JPEG and XML in VOC layout. The same seed renders the same scenes.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import exp, log, pi
from pathlib import Path

import numpy as np

from multibox.data.backdrop import draw_backdrop
from multibox.data.camera import draw_camera
from multibox.data.paste import Thing, draw_center, paste, paste_shadow, solid, visible_mask
from multibox.data.scene_files import write_scene
from multibox.data.shapes import KINDS, SHADE, draw_thing, visible_colour
from multibox.machine import cores
from multibox.writing import Kind, new_folder

Generator = np.random.Generator

CLASSES = tuple(sorted(KINDS))
"""Class names, in alphabetical order. Buckets and mugs are easily confused, and so are flowers and gears."""

SPLITS = {"train": 0.70, "val": 0.15, "test": 0.15}
"""Share of the images in each split."""

MOST_OBJECTS = 8
SMALLEST, LARGEST = 0.06, 0.80
"""Smallest side of a box as a share of the image's longer side, and largest side as a share of the image's shorter
side."""

VISIBLE = 0.60
"""Smallest share of an object that stays visible."""

SAMPLE = Kind("sample dataset")


def make_sample(
    folder: str | os.PathLike[str],
    *,
    seed: int = 0,
    images: int = 800,
    size: int = 320,
    long_tail: float = 1.0,
    replace: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Render a dataset in VOC layout.

    Args:
        folder: Folder to write. An earlier sample is replaced, unless its files were changed after rendering.
        seed: Random seed. The same seed gives the same scenes.
        images: Number of images in all splits together, at least 10.
        size: Longer side of an image, pixels.
        long_tail: How many times as often the first of :data:`CLASSES` is drawn in the split train as the last, at
            least 1. The classes between them get rarer by a constant factor. The splits val and test show all classes
            equally often, so that rare classes can be measured.
        replace: Whether to replace an earlier sample whose files were changed after rendering.
        progress: Function called with the number of finished images and of all images.

    Returns:
        Path of the folder, with ``JPEGImages``, ``Annotations``, and the splits train, val and test in
        ``ImageSets/Main``.

    Raises:
        BadInput: The folder holds files that are not an unchanged earlier sample.
    """
    with new_folder(folder, SAMPLE, replace=replace) as new:
        training = _write_splits(new, images)
        shares = [None if long_tail == 1 else long_tailed(long_tail)] * training + [None] * (images - training)
        for name in ("JPEGImages", "Annotations"):
            (new / name).mkdir()
        write = partial(_write_scene, new, seed, size)
        with ThreadPoolExecutor(cores()) as pool:
            for done, _ in enumerate(pool.map(write, range(images), shares), start=1):
                if progress:
                    progress(done, images)
    return Path(folder)


def long_tailed(ratio: float) -> np.ndarray:
    """Share of the objects that each of :data:`CLASSES` gets in a long-tailed dataset.

    Args:
        ratio: Share of the first class divided by the share of the last, at least 1.

    Returns:
        ``(C,)`` shares in falling order, each smaller than the one before by the same factor. They add up to 1.
    """
    shares = np.geomspace(ratio, 1, len(CLASSES))
    return shares / shares.sum()


def draw_scene(rng: Generator, size: int = 320, shares: np.ndarray | None = None) -> tuple[np.ndarray, list[Thing]]:
    """Draw the scene of one image.

    Args:
        rng: Random generator. Its state alone decides what is drawn.
        size: Longer side of the image, pixels.
        shares: ``(C,)`` probability that an object is of each of :data:`CLASSES`. None draws all classes equally often.

    Returns:
        ``(H, W, 3)`` uint8 RGB, and the objects in it. A later object lies on top of the earlier ones.
    """
    short = int(size * rng.uniform(0.72, 1.0))
    height, width = (short, size) if rng.random() < 0.75 else (size, short)
    image = draw_backdrop(height, width, rng)
    light = rng.uniform(-pi, pi)
    things = draw_things(image, light, rng, shares)
    return draw_camera(height, width, light, rng).photograph(image, rng), things


def draw_things(image: np.ndarray, light: float, rng: Generator, shares: np.ndarray | None = None) -> list[Thing]:
    """Draw objects on a background.

    Args:
        image: ``(H, W, 3)`` float32 RGB, 0 to 255. It is drawn into.
        light: Direction of the light, radians.
        rng: Random generator of the objects.
        shares: ``(C,)`` probability that an object is of each of :data:`CLASSES`. None draws all classes equally often.

    Returns:
        The objects, at least one. A later object lies on top of the earlier ones.
    """
    things: list[Thing] = []
    for _ in range(rng.integers(1, MOST_OBJECTS + 1)):
        things = _add_thing(image, things, light, shares, rng)
    while not things:
        things = _add_thing(image, things, light, shares, rng)
    return things


def _write_scene(folder: Path, seed: int, size: int, number: int, shares: np.ndarray | None) -> None:
    rng = np.random.default_rng([seed, number])
    image, things = draw_scene(rng, size, shares)
    write_scene(folder, number, image, things, rng)


def _write_splits(folder: Path, images: int) -> int:
    """Write the lists of the splits.

    Returns:
        Number of training images, which come first.
    """
    lists = folder / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    held_out = {name: round(images * share) for name, share in SPLITS.items() if name != "train"}
    counts = {"train": images - sum(held_out.values()), **held_out}
    first = 0
    for name, count in counts.items():
        members = "".join(f"{number:06}\n" for number in range(first, first + count))
        (lists / f"{name}.txt").write_text(members, "utf-8")
        first += count
    return counts["train"]


def _add_thing(
    image: np.ndarray, things: list[Thing], light: float, shares: np.ndarray | None, rng: Generator
) -> list[Thing]:
    """Draw one more object into ``image`` where it does not hide too much of another, if there is room.

    Returns:
        All objects, each with its part that is still visible.
    """
    height, width = image.shape[:2]
    name = CLASSES[rng.integers(len(CLASSES)) if shares is None else rng.choice(len(CLASSES), p=shares)]
    side = exp(rng.uniform(log(0.09), log(0.78))) * min(height, width) / (1 + 0.12 * len(things))
    side = max(side, 0.1 * max(height, width))
    for _ in range(6):
        center = draw_center(things, width, height, rng)
        cutout = draw_thing(name, side, visible_colour(image, center, rng), light, rng)
        mask = visible_mask(image, cutout, center)
        added = Thing(name, int(solid(cutout.alpha).sum()), mask)
        hidden = [thing.behind(mask) for thing in things]
        if all(_is_in_view(thing) for thing in [*hidden, added]):
            paste_shadow(image, cutout, center, light, SHADE)
            paste(image, cutout, center)
            is_cut = added.mask.sum() < 0.98 * added.whole
            return [*hidden, Thing(name, added.whole, mask, truncated=bool(is_cut))]
    return things


def _is_in_view(thing: Thing) -> bool:
    height, width = thing.mask.shape
    x0, y0, x1, y1 = thing.box
    sides = (x1 - x0, y1 - y0)
    fits = min(sides) >= SMALLEST * max(height, width) and max(sides) <= LARGEST * min(height, width)
    return fits and thing.mask.sum() >= VISIBLE * thing.whole
