"""Reads priors from Caffe's ``PriorBox`` layers."""

from math import isfinite, sqrt
from typing import Any, NamedTuple

from multibox.importers.caffe_net import Layer

MOST = 256
"""Largest number of priors of a cell."""

DEFAULT_VARIANCE = 0.1


class CellPriors(NamedTuple):
    """The priors that a ``PriorBox`` layer describes.

    Attributes:
        shapes: Widths and heights of the priors of a cell, pixels of the network's input.
        step: Distances between rows and between columns of cells, pixels. None means the input's size divided by the
            map's.
        alike: Fields of :class:`multibox.config.Priors` that must be equal for all maps (offset, clip, variances).
    """

    shapes: tuple[tuple[float, float], ...]
    step: tuple[float, float] | None
    alike: dict[str, Any]


def cell_priors(layer: Layer, image_size: tuple[int, int]) -> CellPriors:
    """Read the parameters of a ``PriorBox`` layer.

    Args:
        layer: ``PriorBox`` layer to read.
        image_size: Height and width of the network's input, pixels.

    Raises:
        Unsupported: The layer's numbers do not describe valid priors.
    """
    params = layer.section("prior_box_param")
    variances = [round(value, 7) for value in params.all("variance")] or [DEFAULT_VARIANCE]
    if len(variances) not in (1, 4) or not all(0 < value < 1e6 for value in variances):
        raise layer.refuse(f"has {len(variances)} variances, or one that is not above 0")
    given = params.one("img_size", 0)
    size = (params.one("img_h", given or image_size[0]), params.one("img_w", given or image_size[1]))
    if size != tuple(image_size):
        raise layer.refuse(
            f"is for images of {size[1]} x {size[0]}, and the network's are {image_size[1]} x {image_size[0]}"
        )
    alike = {
        "offset": round(params.one("offset", 0.5), 6),
        "clip": bool(params.one("clip", 0)),
        "variances": tuple(variances * 4 if len(variances) == 1 else variances),
    }
    if not abs(alike["offset"]) < 1e6:
        raise layer.refuse("has an offset that is not a number")
    return CellPriors(_shapes(layer), _step(layer), alike)


def _shapes(layer: Layer) -> tuple[tuple[float, float], ...]:
    """Shapes in Caffe's order: of each size the square, the square up to the largest size, then the ratios."""
    params = layer.section("prior_box_param")
    sizes, ends = _sides(layer, "min_size"), _sides(layer, "max_size")
    if not sizes or (ends and len(ends) != len(sizes)):
        raise layer.refuse(f"has {len(sizes)} values of min_size and {len(ends)} of max_size")
    ratios = _ratios(layer, flip=bool(params.one("flip", 1)))
    shapes = []
    for i, side in enumerate(sizes):
        shapes.append((float(side), float(side)))
        if ends:
            between = sqrt(side * ends[i])
            shapes.append((between, between))
        shapes += [(side * sqrt(ratio), side / sqrt(ratio)) for ratio in ratios]
    if len(shapes) > MOST:
        raise layer.refuse(f"has {len(shapes)} priors in a cell")
    return tuple((round(width, 5), round(height, 5)) for width, height in shapes)


def _sides(layer: Layer, name: str) -> list[int]:
    """Sizes in whole pixels, as Caffe cuts them."""
    sides = layer.section("prior_box_param").all(name)
    if len(sides) > MOST or not all(1 <= side < 1e6 for side in sides):
        raise layer.refuse(f"has a {name} that is not from 1 to 1e6, or too many")
    return [int(side) for side in sides]


def _ratios(layer: Layer, *, flip: bool) -> list[float]:
    """Different ratios of width to height but 1, each followed by its inverse if it is flipped."""
    given = layer.section("prior_box_param").all("aspect_ratio")
    if len(given) > MOST or not all(1e-3 < ratio < 1e3 for ratio in given):
        raise layer.refuse("has an aspect_ratio that is not from 0.001 to 1000, or too many")
    known = [1.0]
    for ratio in given:
        if all(abs(ratio - other) >= 1e-6 for other in known):
            known += [ratio, 1 / ratio] if flip else [ratio]
    return [ratio for ratio in known if abs(ratio - 1) >= 1e-6]


def _step(layer: Layer) -> tuple[float, float] | None:
    params = layer.section("prior_box_param")
    single = params.one("step", 0.0)
    step = (params.one("step_h", single), params.one("step_w", single))
    if not all(isfinite(value) and 0 <= value <= 4096 for value in step):
        raise layer.refuse("has a step that is not from 0 to 4096")
    return step if all(step) else None
