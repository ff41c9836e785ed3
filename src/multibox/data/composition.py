"""Composes one image: cut-outs of a background's own tone lie on it, hide one another, and reach beyond its border."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp, log, pi
from pathlib import Path

import numpy as np

from multibox.data.cutout_looks import draw_edge, draw_tone, pose
from multibox.data.cutouts import CutoutImage
from multibox.data.paste import (
    NOTICED,
    Thing,
    around,
    draw_center,
    overlap,
    paste,
    paste_shadow,
    solid,
    visible_mask,
)
from multibox.data.shapes import SHADE, Cutout
from multibox.errors import BadInput

Generator = np.random.Generator

ENLARGED = 2.0
"""Largest factor by which a cut-out is enlarged."""

SMALLEST = 4
"""Smallest side of a box, pixels."""

TRIES = 6
"""Number of places that are tried for an object before it is left out."""

DISTRACTING = 2
"""Largest number of distractors in an image."""

SHADOWS = 0.5
"""Share of the objects that cast a shadow."""


@dataclass(frozen=True)
class Recipe:
    """How images are composed.

    Attributes:
        size: Longer side of an image, pixels.
        objects: Smallest and largest number of objects in an image, up to 200.
        scale: Smallest and largest longer side of an object, as a share of the shorter side of the image.
        rotation: Largest rotation of an object in either direction, degrees.
        mirror: Whether half of the objects and backgrounds are mirrored. Text and signs must not be.
        hidden: Largest share of an object that other objects and the border of the image may hide.

    Raises:
        BadInput: A number is out of range.
    """

    size: int = 640
    objects: tuple[int, int] = (1, 6)
    scale: tuple[float, float] = (0.1, 0.5)
    rotation: float = 15.0
    mirror: bool = True
    hidden: float = 0.4

    def __post_init__(self) -> None:
        if not 32 <= self.size <= 8192:
            raise BadInput("size", f"{self.size} is not between 32 and 8192 pixels")
        if not 0 <= self.objects[0] <= self.objects[1] <= 200 or self.objects[1] == 0:
            raise BadInput("objects", f"{_dashed(self.objects)} are not two numbers from 0 to 200, such as 1-6")
        if not 0.01 <= self.scale[0] <= self.scale[1] <= 1:
            raise BadInput("scale", f"{_dashed(self.scale)} are not two shares between 0.01 and 1, such as 0.1-0.5")
        if not 0 <= self.rotation <= 180:
            raise BadInput("rotation", f"{self.rotation:g} is not between 0 and 180 degrees")
        if not 0 <= self.hidden <= 0.9:
            raise BadInput("hidden", f"{self.hidden:g} is not between 0 and 0.9")


@dataclass(frozen=True)
class Stock:
    """The cut-outs from which images are composed.

    Attributes:
        classes: Paths of each class, by its name.
        distractors: Paths of the cut-outs that belong to no class.
        read: Function that reads a cut-out.
    """

    classes: Mapping[str, list[Path]]
    distractors: list[Path]
    read: Callable[[Path], CutoutImage]


def compose_image(
    view: np.ndarray, stock: Stock, recipe: Recipe, rng: Generator
) -> tuple[np.ndarray, list[Thing], int]:
    """Paste objects on a background.

    Args:
        view: ``(H, W, 3)`` float32 RGB of the background, 0 to 255. It is drawn into.
        stock: Cut-outs to choose from. Each class is as likely as any other.
        recipe: How the image is composed.
        rng: Random generator. Its state alone decides what is drawn.

    Returns:
        ``(H, W, 3)`` uint8 RGB, the objects in it, and the number of objects for which there was no place.
    """
    names = [*stock.classes]
    count = int(rng.integers(recipe.objects[0], recipe.objects[1] + 1))
    wanted = [names[rng.integers(len(names))] for _ in range(count)]
    if stock.distractors:
        wanted += [""] * int(rng.integers(DISTRACTING + 1))
        rng.shuffle(wanted)
    light = rng.uniform(-pi, pi)
    things: list[Thing] = []
    for name in wanted:
        files = stock.classes[name] if name else stock.distractors
        things = _add(view, things, name, stock.read(files[rng.integers(len(files))]), light, recipe, rng)
    seen = [thing for thing in things if thing.name]
    return view.clip(0, 255).round().astype(np.uint8), seen, count - len(seen)


def _add(
    view: np.ndarray,
    things: list[Thing],
    name: str,
    image: CutoutImage,
    light: float,
    recipe: Recipe,
    rng: Generator,
) -> list[Thing]:
    """Paste an object where it hides no more of another than is allowed, if there is room.

    Returns:
        All objects, each with its part that is still visible.
    """
    height, width = view.shape[:2]
    side = exp(rng.uniform(log(recipe.scale[0]), log(recipe.scale[1]))) * min(height, width)
    turn, mirrored = rng.uniform(-recipe.rotation, recipe.rotation), recipe.mirror and rng.random() < 0.5
    cutout = draw_edge(pose(image.pixels, min(side, ENLARGED * image.side), turn, mirrored=mirrored), rng)
    whole = int(solid(cutout.alpha).sum())
    for _ in range(TRIES):
        center = draw_center(things, width, height, rng)
        mask = visible_mask(view, cutout, center)
        is_cut = bool(mask.sum() < (1 - NOTICED) * whole)
        placed = [*(thing.behind(mask) for thing in things), Thing(name, whole, mask, truncated=is_cut)]
        if all(_is_seen(thing, recipe) for thing in placed):
            _draw(view, cutout, center, light, rng)
            return placed
    return things


def _is_seen(thing: Thing, recipe: Recipe) -> bool:
    """Whether enough of an object is visible."""
    x0, y0, x1, y1 = thing.box
    return min(x1 - x0, y1 - y0) >= SMALLEST and thing.mask.sum() >= (1 - recipe.hidden) * thing.whole


def _draw(view: np.ndarray, cutout: Cutout, center: np.ndarray, light: float, rng: Generator) -> None:
    there, _ = overlap(view, cutout.alpha, around(center, cutout.alpha))
    toned = draw_tone(cutout, view[there], rng)
    if rng.random() < SHADOWS:
        paste_shadow(view, toned, center, light, rng.uniform(0.1, SHADE))
    paste(view, toned, center)


def _dashed(numbers: tuple[float, float]) -> str:
    return f"{numbers[0]:g}-{numbers[1]:g}"
