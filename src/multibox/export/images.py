"""Images for calibration and verification, prepared as in detection."""

from collections.abc import Iterable

import numpy as np

from multibox.data.sample import draw_scene
from multibox.data.store import Store
from multibox.detect.prepare_image import prepare_image
from multibox.errors import BadInput
from multibox.models.schema import Schema
from multibox.prepare.render import decode
from multibox.prepare.tiles import tiles_of


def prepared(schema: Schema, store: Store | None, count: int) -> np.ndarray:
    """Prepare images as inputs of a network, from a store or from rendered scenes.

    If the model searches in tiles, one region of each image is taken: in turn the whole image, the first tile, the
    second tile, and so on.

    Args:
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        store: Store from which images are taken at regular intervals. None renders scenes instead.
        count: Number of images. A store with fewer images gives all of them.

    Returns:
        ``(N, H, W, 3)`` uint8 RGB images of the network's input size.

    Raises:
        BadInput: If the store holds no images, or an image cannot be decoded.
    """
    if store is not None and not len(store):
        raise BadInput(f"{store.meta.name}/{store.meta.split}", "holds no images; name another split")
    pictures = _scenes(count) if store is None else _pictures(store, count)
    regions = (_region(picture, schema, number) for number, picture in enumerate(pictures))
    return np.concatenate([prepare_image(region, schema).inputs for region in regions])


def _region(picture: np.ndarray, schema: Schema, number: int) -> np.ndarray:
    tiles = tiles_of(schema.tiles)
    if tiles is None:
        return picture
    regions = tiles.regions((picture.shape[0], picture.shape[1]))
    region = regions[number % len(regions)]
    return picture[int(region.y0) : int(region.y1), int(region.x0) : int(region.x1)]


def _pictures(store: Store, count: int) -> Iterable[np.ndarray]:
    for place in np.linspace(0, len(store) - 1, min(count, len(store))).astype(int).tolist():
        record = store[place]
        yield decode(record.image, record.source or record.id)


def _scenes(count: int) -> Iterable[np.ndarray]:
    return (draw_scene(np.random.default_rng(seed))[0] for seed in range(count))
