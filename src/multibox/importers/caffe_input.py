"""Finds the input of a Caffe network: its size, its colour, and the mean and scale of its pixels."""

from pathlib import PurePath
from typing import Any, Final, NamedTuple

import numpy as np

from multibox.config import Resize
from multibox.importers.caffe_graph import Walk
from multibox.importers.caffe_net import Layer, Net, Params, Source
from multibox.importers.peer import Tensors, Unsupported
from multibox.layer_graph import IMAGE, BatchNorm, Colour, Conv, Scale
from multibox.prepare.render import MEAN_RGB

COLOURS: Final[dict[int, Colour]] = {1: "grey", 3: "bgr"}
"""Colour of the input by its number of channels. Caffe reads images with OpenCV, whose first channel is blue."""

UNIT_VARIANCE = 4.0
"""Variance in a batch normalisation below which pixels are assumed to be from 0 to 1. Pixels from 0 to 255 give more
than 1000."""


class Input(NamedTuple):
    """The input of a network.

    Attributes:
        size: Height and width, pixels.
        colour: Colour channels of the input, as in :class:`multibox.layer_graph.Graph`.
        fields: Fields ``mean`` and ``scale`` of :class:`multibox.config.Network`.
        resize: How images are resized to the input, as in :class:`multibox.models.schema.Schema`.
        notes: Sentences for the user about guesses and about differences from Caffe.
    """

    size: tuple[int, int]
    colour: Colour
    fields: dict[str, Any]
    resize: Resize
    notes: tuple[str, ...]


def find_input(net: Net, own: Net, visited: Walk, tensors: Tensors) -> Input:
    """Find the input of a network.

    Args:
        net: Caffe network to import, from the weights' file or from a ``.prototxt`` file.
        own: Caffe network in the weights' file. Mean and scale are taken from it if ``net`` does not give them.
        visited: Layers of ``net`` that were visited.
        tensors: Blobs of the weights' file, by the layer's name and the blob's number.

    Raises:
        Unsupported: The network does not give the size of its input, or the input has neither one nor three channels.
    """
    channels, size = _shape(net.image, visited, tensors)
    if channels not in COLOURS:
        raise Unsupported(f"its input has {channels} channels; images must have 3, or 1 if grayscale")
    fields, notes = _pixels(net, own, visited, tensors)
    resize, more = _resize(net, own, size)
    return Input(size, COLOURS[channels], fields, resize, (*notes, *more))


def _shape(image: Source | None, visited: Walk, tensors: Tensors) -> tuple[int, tuple[int, int]]:
    """Number of channels, height and width."""
    if image and image.shape:
        _, channels, height, width = image.shape
        return channels, (height, width)
    transform = _transform(image)
    resize = transform.section("resize_param")
    height, width = _crop(transform) or (resize.one("height", 0), resize.one("width", 0))
    if not height or not width:
        raise Unsupported("its layers do not give the size of its input; set net to the network's .prototxt file")
    if transform.one("force_gray", 0) or transform.one("force_color", 0):
        return 1 if transform.one("force_gray", 0) else 3, (height, width)
    return _first_channels(visited, tensors), (height, width)


def _transform(image: Source | None) -> Params:
    """What the layer of the images does to them."""
    return image.layer.section("transform_param") if image and image.layer else Params({})


def _crop(transform: Params) -> tuple[int, int] | None:
    """Height and width of the part of each image that the network is given. None for whole images."""
    side = transform.one("crop_size", 0)
    height, width = side or transform.one("crop_h", 0), side or transform.one("crop_w", 0)
    return (height, width) if height and width else None


def _first_channels(visited: Walk, tensors: Tensors) -> int:
    """Number of channels that the first layers with weights take. A dataset does not say it."""
    for name, node in visited.nodes.items():
        blob = tensors.get(f"{visited.sources[name].name}/0")
        if blob is None or IMAGE not in node.inputs:
            continue
        if isinstance(node, Conv) and blob.ndim == 4:
            return blob.shape[1] * node.groups
        if isinstance(node, BatchNorm | Scale):
            return blob.size
    return 3


def _pixels(net: Net, own: Net, visited: Walk, tensors: Tensors) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Mean and scale, and sentences for the user about them."""
    transform = next(filter(_says_pixels, (_transform(net.image), _transform(own.image))), None)
    if transform is None:
        return _guessed(visited, tensors)
    mean = [float(value) for value in transform.all("mean_value")] or [0.0]
    if len(mean) not in (1, 3) or not np.isfinite(mean).all():
        raise Unsupported(f"its input has {len(mean)} values of mean_value, or one that is not a number")
    scale = float(transform.one("scale", 1.0))
    if not 0 < scale < 1e6:
        raise Unsupported("its input has a scale that is not above 0")
    bgr = mean * 3 if len(mean) == 1 else mean
    fields = {"mean": tuple(bgr[::-1]), "scale": (scale,) * 3}
    file = transform.one("mean_file", "")
    if not file or transform.all("mean_value"):
        return fields, ()
    name = PurePath(file).name[:80]
    return fields, (
        f"its mean is in the file {name}, which is not read, so the mean is taken to be 0; set network.mean=[R,G,B]",
    )


def _says_pixels(transform: Params) -> bool:
    return any(transform.all(name) for name in ("mean_value", "mean_file", "scale"))


def _resize(net: Net, own: Net, size: tuple[int, int]) -> tuple[Resize, tuple[str, ...]]:
    """How images get the size of the input, and sentences about what Caffe does in another way."""
    transform = next(filter(_says_resize, (_transform(net.image), _transform(own.image))), Params({}))
    params, crop = transform.section("resize_param"), _crop(transform)
    mode = params.one("resize_mode", "WARP")
    here, notes = f"{size[1]} x {size[0]}", []
    if crop:
        whole = f" of images of {params.one('width', 0)} x {params.one('height', 0)}" if params.message else ""
        notes.append(
            f"Caffe crops the central {crop[1]} x {crop[0]} pixels{whole}; Multibox resizes whole images to {here}"
        )
    if mode == "FIT_SMALL_SIZE":
        notes.append(
            f"Caffe keeps the aspect ratio of images, so the input's size varies; Multibox stretches them to {here}, "
            "and network.size=[HEIGHT,WIDTH] sets another size"
        )
    if mode != "FIT_LARGE_SIZE_AND_PAD":
        return "warp", tuple(notes)
    border = _border(params)
    if border != MEAN_RGB:
        what = _rgb(border) if border else "parts of the image"
        notes.append(f"Caffe fills the borders of the letterbox with {what}; Multibox fills them with {_rgb(MEAN_RGB)}")
    return "letterbox", tuple(notes)


def _says_resize(transform: Params) -> bool:
    return bool(transform.section("resize_param").message or _crop(transform))


def _border(params: Params) -> tuple[float, ...] | None:
    """Colour beside an image that keeps its shape, RGB. None if it is no single colour."""
    if params.one("pad_mode", "CONSTANT") != "CONSTANT":
        return None
    bgr = params.all("pad_value") or [0.0]
    return tuple((bgr * 3 if len(bgr) == 1 else bgr)[::-1])


def _rgb(colour: tuple[float, ...]) -> str:
    return f"RGB {', '.join(f'{value:g}' for value in colour)}"


def _guessed(visited: Walk, tensors: Tensors) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Mean and scale of a file that does not say them: pixels from 0 to 255, or from 0 to 1 where statistics say so."""
    first = [node for node in visited.nodes.values() if IMAGE in node.inputs]
    unit = bool(first) and all(
        isinstance(node, BatchNorm) and _variance(visited.sources[node.name], tensors) <= UNIT_VARIANCE
        for node in first
    )
    how = "to be from 0 to 1, as the statistics of its first batch normalisation suggest" if unit else "from 0 to 255"
    note = (
        f"the file does not give its mean and scale, so its pixels are taken {how}; if that is wrong, set "
        "network.mean=[R,G,B] and network.scale=[R,G,B]"
    )
    return {"mean": (0.0,) * 3, "scale": (1 / 255 if unit else 1.0,) * 3}, (note,)


def _variance(layer: Layer, tensors: Tensors) -> float:
    """Largest variance that a batch normalisation has seen."""
    variance, factor = tensors.get(f"{layer.name}/1"), tensors.get(f"{layer.name}/2")
    if variance is None or factor is None or not variance.size or not factor.size or not factor.ravel()[0]:
        return float("inf")
    return float(variance.max() / factor.ravel()[0])
