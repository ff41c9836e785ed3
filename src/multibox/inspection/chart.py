"""The picture of prior coverage: every object by its width and height, and the shapes of the priors among them."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from multibox.config import Config, Network, Priors
from multibox.draw import BLACK, FONT, PALETTE, WHITE
from multibox.inspection.coverage import best_ious
from multibox.models.maps import feature_maps
from multibox.priors import shapes

SIDE: Final = 560
MARGIN: Final = 56
TICKS: Final = (4, 8, 16, 32, 64, 128, 256, 512, 1024)
MOST_POINTS: Final = 20_000

BANDS: Final = ((0.0, (215, 48, 60)), (0.5, (245, 170, 40)), (0.7, (70, 125, 190)))
"""The least best IoU of each colour: not reached, reached, well reached."""


def draw_coverage(boxes_rel: np.ndarray, config: Config, title: str) -> np.ndarray:
    """Draw objects as points, width against height in pixels of the network's input, both on a logarithmic scale.

    A point's colour says how well any prior overlaps the object; crosses are the shapes of the priors, a colour a map.

    Args:
        boxes_rel: ``(N, 4)`` objects, relative to the network's input.
        config: of the network and its priors.
        title: a line above.

    Returns:
        ``(H, W, 3)`` uint8 RGB.
    """
    height, width = config.network.size
    some = boxes_rel[:: max(1, len(boxes_rel) // MOST_POINTS)]
    sides = (some[:, 2:] - some[:, :2]) * (width, height)
    best = best_ious(some, config)
    image = np.full((SIDE + 2 * MARGIN, SIDE + 2 * MARGIN, 3), WHITE, np.uint8)
    limits = 3.0, 1.3 * max(height, width)
    _axes(image, limits)
    for least, color in BANDS:
        for x, y in _places(sides[best >= least], limits):
            cv2.circle(image, (x, y), 2, color, cv2.FILLED, cv2.LINE_AA)
    for i, per_map in enumerate(_prior_shapes(config.priors, config.network)):
        for x, y in _places(per_map, limits):
            cv2.drawMarker(image, (x, y), BLACK, cv2.MARKER_TILTED_CROSS, 13, 4)
            cv2.drawMarker(image, (x, y), PALETTE[_MAP_COLORS[i % len(_MAP_COLORS)]], cv2.MARKER_TILTED_CROSS, 11, 2)
    _write(image, title, (MARGIN, 22), 0.55)
    _legend(image, [fmap.name for fmap in feature_maps(config.network)])
    return image


_MAP_COLORS: Final = (2, 4, 5, 6, 7, 9, 19)
"""Of the palette, those that no band has."""


def _prior_shapes(priors: Priors, network: Network) -> list[np.ndarray]:
    """Widths and heights of each map's priors ``(A, 2)``, pixels of the network's input."""
    scale = min(network.size) / priors.at
    pairs = zip(priors.sizes, priors.sizes[1:], priors.ratios, strict=False)
    return [shapes(low * scale, high * scale, ratios, network.peer.prior_order) for low, high, ratios in pairs]


def _places(sides: np.ndarray, limits: tuple[float, float]) -> list[tuple[int, int]]:
    """Where widths and heights ``(N, 2)`` lie on the picture."""
    low, high = np.log(limits[0]), np.log(limits[1])
    parts = ((np.log(np.maximum(sides, limits[0])) - low) / (high - low)).clip(0, 1)
    xs, ys = MARGIN + parts[:, 0] * SIDE, MARGIN + (1 - parts[:, 1]) * SIDE
    return list(zip(xs.astype(int).tolist(), ys.astype(int).tolist(), strict=True))


def _axes(image: np.ndarray, limits: tuple[float, float]) -> None:
    end = MARGIN + SIDE
    for tick in TICKS:
        if not limits[0] <= tick <= limits[1]:
            continue
        ((x, y),) = _places(np.array([[tick, tick]], np.float64), limits)
        cv2.line(image, (x, MARGIN), (x, end), (225, 225, 225), 1)
        cv2.line(image, (MARGIN, y), (end, y), (225, 225, 225), 1)
        _write(image, str(tick), (x - 10, end + 18), 0.45)
        _write(image, str(tick), (MARGIN - 38, y + 5), 0.45)
    cv2.rectangle(image, (MARGIN, MARGIN), (end, end), BLACK, 1)
    _write(image, "width, pixels of the network's input", (MARGIN, end + 40), 0.45)
    _write(image, "height", (6, MARGIN - 10), 0.45)


def _legend(image: np.ndarray, maps: Sequence[str]) -> None:
    x, y = MARGIN + 10, MARGIN + 18
    names = ("no prior reaches IoU 0.5", "best IoU 0.5 to 0.7", "0.7 and more")
    rows = [(color, name) for (_, color), name in zip(BANDS, names, strict=True)]
    rows += [(PALETTE[_MAP_COLORS[i % len(_MAP_COLORS)]], f"priors of {name}") for i, name in enumerate(maps)]
    for i, (color, name) in enumerate(rows):
        if i < len(BANDS):
            cv2.circle(image, (x, y - 4), 5, color, cv2.FILLED, cv2.LINE_AA)
        else:
            cv2.drawMarker(image, (x, y - 4), BLACK, cv2.MARKER_TILTED_CROSS, 13, 4)
            cv2.drawMarker(image, (x, y - 4), color, cv2.MARKER_TILTED_CROSS, 11, 2)
        _write(image, name, (x + 14, y), 0.42)
        y += 17


def _write(image: np.ndarray, text: str, place: tuple[int, int], scale: float) -> None:
    cv2.putText(image, text, place, FONT, scale, WHITE, 3, cv2.LINE_AA)
    cv2.putText(image, text, place, FONT, scale, BLACK, 1, cv2.LINE_AA)
