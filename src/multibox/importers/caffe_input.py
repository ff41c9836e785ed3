"""The input of a network of Caffe: its size, its colour, and what is done to its pixels."""

from typing import Any, Final, NamedTuple

import numpy as np

from multibox.importers.caffe_graph import DATA, Walk
from multibox.importers.caffe_net import Layer, Net, Params
from multibox.importers.peer import Tensors, Unsupported
from multibox.layer_graph import IMAGE, BatchNorm, Colour

COLOURS: Final[dict[int, Colour]] = {1: "grey", 3: "bgr"}
"""Colour of the input by its number of channels. Caffe reads images with OpenCV, whose first channel is blue."""

UNIT_VARIANCE = 4.0
"""Largest variance of pixels from 0 to 1, with room to spare. Pixels from 0 to 255 have more than a thousand."""


class Input(NamedTuple):
    """The input of a network.

    Attributes:
        size: Height and width, pixels.
        colour: Channels, as :class:`multibox.layer_graph.Graph` has them.
        fields: Fields ``mean`` and ``scale`` of :class:`multibox.config.Network`.
        notes: Sentences for the user about what was guessed.
    """

    size: tuple[int, int]
    colour: Colour
    fields: dict[str, Any]
    notes: tuple[str, ...]


def find_input(net: Net, own: Net, visited: Walk, tensors: Tensors) -> Input:
    """Find the input of a network.

    Args:
        net: Network of the file, or of a published text.
        own: Network of the file.
        visited: Layers of ``net``.
        tensors: Blobs of the file.

    Raises:
        Unsupported: The network does not say its input's size, or has neither one nor three channels.
    """
    channels, size = _shape(net, visited.data)
    if channels not in COLOURS:
        raise Unsupported(f"its input has {channels} channels; images have 3, or 1 in grey")
    transform = next(filter(_says_pixels, map(_transform, (net, own))), None)
    if transform is None:
        return Input(size, COLOURS[channels], *_guessed(visited, tensors))
    mean = [float(value) for value in transform.all("mean_value")] or [0.0]
    if len(mean) not in (1, 3) or not np.isfinite(mean).all():
        raise Unsupported(f"its input has {len(mean)} values of mean_value, or one that is no number")
    scale = float(transform.one("scale", 1.0))
    if not 0 < scale < 1e6:
        raise Unsupported("its input has a scale that is not above 0")
    bgr = mean * 3 if len(mean) == 1 else mean
    return Input(size, COLOURS[channels], {"mean": tuple(bgr[::-1]), "scale": (scale,) * 3}, ())


def _transform(net: Net) -> Params:
    """What the first layer of data does to its images."""
    data = next((layer for layer in net.layers if layer.type in DATA), None)
    return data.section("transform_param") if data else Params({})


def _says_pixels(transform: Params) -> bool:
    return bool(transform.all("mean_value") or transform.all("scale"))


def _shape(net: Net, data: Layer | None) -> tuple[int, tuple[int, int]]:
    """Number of channels, height and width."""
    shapes = [shape for shape in net.inputs.values() if len(shape) == 4]
    if data is not None:
        given = data.section("input_param").section("shape").all("dim")
        shapes += [given] if len(given) == 4 else []
        transform = data.section("transform_param")
        resize, crop = transform.section("resize_param"), transform.one("crop_size", 0)
        height, width = resize.one("height", crop), resize.one("width", crop)
        if height and width:
            shapes.append([1, 1 if transform.one("force_gray", 0) else 3, height, width])
    if not shapes:
        raise Unsupported("its layers do not say the size of its input; give the network's text with net")
    _, channels, height, width = shapes[0]
    return channels, (height, width)


def _guessed(visited: Walk, tensors: Tensors) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Mean and scale of a file that does not say them: pixels from 0 to 255, or from 0 to 1 where statistics say so."""
    first = [node for node in visited.nodes.values() if IMAGE in node.inputs]
    unit = bool(first) and all(
        isinstance(node, BatchNorm) and _variance(visited.sources[node.name], tensors) <= UNIT_VARIANCE
        for node in first
    )
    how = "from 0 to 1, as its first statistics say" if unit else "from 0 to 255"
    note = (
        f"the file does not say its mean and scale, so its pixels are taken {how}; if they were others, give "
        "network.mean=[R,G,B] and network.scale=[R,G,B]"
    )
    return {"mean": (0.0,) * 3, "scale": (1 / 255 if unit else 1.0,) * 3}, (note,)


def _variance(layer: Layer, tensors: Tensors) -> float:
    """Largest variance that a batch normalisation has seen."""
    variance, factor = tensors.get(f"{layer.name}/1"), tensors.get(f"{layer.name}/2")
    if variance is None or factor is None or not variance.size or not factor.size or not factor.ravel()[0]:
        return float("inf")
    return float(variance.max() / factor.ravel()[0])
