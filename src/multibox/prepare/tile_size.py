"""Chooses the size of tiles by the sizes of the objects: ``data.tiles=auto``."""

import logging
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from multibox import boxes as box
from multibox.config import Config
from multibox.config_values import SMALLEST_TILE
from multibox.prepare.joined import JoinedStores
from multibox.prepare.plan import choose_objects
from multibox.priors import cell_shapes

log = logging.getLogger(__name__)

SMALLER: Final = 0.25
"""Share of the objects that may be smaller in the network's input than the smallest prior."""

ALMOST_WHOLE: Final = 0.75
"""Side of a tile, as a share of the images' longer side, from which on images are not cut at all."""

STEP: Final = 32
"""Chosen sides are multiples of this number of pixels."""


def settle_tiles(records: JoinedStores, config: Config, say: Callable[[str], object] = log.info) -> Config:
    """Choose the size of tiles if the configuration leaves that to Multibox, and say which.

    Args:
        records: Images of the run and their objects.
        config: Configuration of the run.
        say: Function that gets the line about the choice. By default it is logged.

    Returns:
        The configuration, in which ``data.tiles`` is a size or ``none``.
    """
    if config.data.tiles != "auto":
        return config
    size = choose_tile_size(records, config)
    if isinstance(size, int):
        why = "so that three of four objects are as large as the smallest prior; set data.tiles to another side or none"
        say(f"data.tiles=auto: tiles of {size} pixels, {why}")
    else:
        say("data.tiles=auto: no tiles, as they would help few objects; set data.tiles to a side to cut images")
    return config.model_copy(update={"data": config.data.model_copy(update={"tiles": size})})


def choose_tile_size(records: JoinedStores, config: Config) -> str | int:
    """Choose a size for tiles, so that three of four objects are at least as large as the smallest prior.

    Args:
        records: Images of the run and their objects.
        config: Configuration of the run, with the network's input and its priors.

    Returns:
        Side of a tile in pixels. ``none`` if there is no object, or tiles would be almost as large as the images.
    """
    sides, lengths = [np.empty(0, np.float32)], []
    for index in range(len(records)):
        record = records.without_image(index)
        objects = choose_objects(record.objects, config.data.difficult)
        sides.append(np.sqrt(box.areas(objects.boxes[~objects.crowd])))
        lengths.append(max(record.height, record.width))
    every = np.concatenate(sides)
    if not len(every):
        return "none"
    side = float(np.quantile(every, SMALLER)) * min(config.network.size) / smallest_prior(config)
    chosen = max(SMALLEST_TILE, STEP * round(side / STEP))
    return "none" if chosen >= ALMOST_WHOLE * np.median(lengths) else chosen


def smallest_prior(config: Config) -> float:
    """Side of a square with the area of the smallest prior, in pixels of the network's input."""
    shapes: Any = cell_shapes(config.priors, config.network.size, config.network.peer.prior_order)
    return float(min(np.sqrt(cell.prod(axis=1)).min() for cell in shapes))
