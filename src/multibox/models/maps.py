"""The feature maps of each network (names, numbers of cells and steps), computed without Keras.

So priors can be computed where Keras is not installed. A test compares the maps with those of the built networks.
"""

from collections.abc import Callable

import numpy as np

from multibox.config import Network, Priors
from multibox.errors import BadInput
from multibox.models.graph_shapes import graph_maps
from multibox.priors import FeatureMap, make_priors

Size = tuple[int, int]


def halve(size: Size) -> Size:
    """Number of rows and columns after a padded layer of stride 2: half, rounded up."""
    return (size[0] + 1) // 2, (size[1] + 1) // 2


def trim(size: Size) -> Size:
    """Number of rows and columns after an unpadded 3x3 convolution.

    An axis of fewer than 3 cells is padded, to keep them.
    """
    return tuple(n - 2 if n >= 3 else n for n in size)  # type: ignore[return-value]


def close(size: Size) -> Size:
    """Number of rows and columns after SSD512's last 4x4 convolution with padding 1. An axis of one cell keeps it."""
    return tuple(max(1, n - 1) for n in size)  # type: ignore[return-value]


def collapse(size: Size) -> Size:
    """Number of rows and columns after global pooling: one of each."""
    return 1, 1


STRIDED, ENDING = True, False
Stage = tuple[str, Callable[[Size], Size], bool]
"""A feature map: its name, a function from the size of the previous map in cells to its size, and whether its step is
the product of all strides (True) or the input's size divided by the map's (False)."""

_MOBILENET: tuple[str, list[Stage]] = (
    "c4",
    [
        ("c5", halve, STRIDED),
        ("extra6", halve, STRIDED),
        ("extra7", halve, ENDING),
        ("extra8", halve, ENDING),
        ("extra9", halve, ENDING),
    ],
)
_EFFICIENTNET: tuple[str, list[Stage]] = (
    "c3",
    [
        ("c4", halve, STRIDED),
        ("c5", halve, STRIDED),
        ("extra6", halve, STRIDED),
        ("extra7", halve, ENDING),
        ("extra8", trim, ENDING),
    ],
)
_LAYOUTS: dict[tuple[str, str], tuple[str, list[Stage]]] = {
    ("vgg16", "ssd300"): (
        "conv4_3",
        [
            ("fc7", halve, STRIDED),
            ("conv6_2", halve, STRIDED),
            ("conv7_2", halve, STRIDED),
            ("conv8_2", trim, ENDING),
            ("conv9_2", trim, ENDING),
        ],
    ),
    ("vgg16", "ssd512"): (
        "conv4_3",
        [
            ("fc7", halve, STRIDED),
            ("conv6_2", halve, STRIDED),
            ("conv7_2", halve, STRIDED),
            ("conv8_2", halve, STRIDED),
            ("conv9_2", halve, STRIDED),
            ("conv10_2", close, ENDING),
        ],
    ),
    ("resnet50", "ssd300"): (
        "res3d",
        [
            ("res5c", halve, STRIDED),
            ("res6a", halve, STRIDED),
            ("res7a", halve, STRIDED),
            ("res8a", halve, ENDING),
            ("pool8", collapse, ENDING),
        ],
    ),
    ("resnet50", "ssd512"): (
        "res3d",
        [
            ("res5c", halve, STRIDED),
            ("res6a", halve, STRIDED),
            ("res7a", halve, STRIDED),
            ("res8a", halve, STRIDED),
            ("res9a", halve, STRIDED),
            ("pool9", collapse, ENDING),
        ],
    ),
    **{(f"efficientnet_lite{name}", "ssdlite"): _EFFICIENTNET for name in ("0", "0_short", "1", "2")},
    ("mobilenet_v2", "ssdlite"): _MOBILENET,
    ("mobilenet_v3_large", "ssdlite"): _MOBILENET,
}

_FIRST_HALVINGS = {"c4": 4}


def feature_maps(network: Network) -> tuple[FeatureMap, ...]:
    """List the feature maps that feed the heads of a network, from the finest to the coarsest.

    Args:
        network: Configuration of the network.

    Returns:
        The maps, with the steps between their cells in pixels. A step is the product of the strides before the map. For
        a globally pooled or unpadded map it is the size of the input divided by that of the map.

    Raises:
        BadInput: If the layout does not exist for this trunk, or the graph does not fit the input.
    """
    if network.graph:
        return graph_maps(network.graph, network.size)
    first, stages = layout(network)
    cells, stride = network.size, 1
    for _ in range(_FIRST_HALVINGS.get(first, 3)):
        cells, stride = halve(cells), stride * 2
    maps = [FeatureMap(first, *cells, stride, stride)]
    for name, shrink, strided in stages:
        cells, stride = shrink(cells), stride * 2
        step = (stride, stride) if strided else (network.size[0] / cells[0], network.size[1] / cells[1])
        maps.append(FeatureMap(name, *cells, *step))
    return tuple(maps)


def network_priors(network: Network, priors: Priors) -> np.ndarray:
    """Priors of a network, in the order of its outputs.

    Args:
        network: Configuration of the network.
        priors: Configuration of the network's priors.

    Returns:
        ``(P, 4)`` float32 corners x0, y0, x1, y1, relative to the network's input, as
        :func:`multibox.priors.make_priors` gives them.

    Raises:
        BadInput: The trunk has no such layout, or the priors do not fit its maps.
    """
    return make_priors(feature_maps(network), priors, network.size, network.peer.prior_order)


def layout(network: Network) -> tuple[str, list[Stage]]:
    """Name of the first feature map of a network, and the stages that compute the other maps from it."""
    try:
        return _LAYOUTS[network.trunk, network.layout]
    except KeyError:
        known = ", ".join(name for trunk, name in _LAYOUTS if trunk == network.trunk)
        raise BadInput(
            "network.layout", f"{network.trunk} has no layout {network.layout}; its layouts are {known}"
        ) from None
