"""The objects of the rendered sample: drawn from polygons, lit, and cut out.

Two pairs are easily confused. A mug and a bucket differ in the place of the handle, a gear and a flower in the shape of
the teeth and the middle. Colour carries no information, because every kind comes in all colours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import cos, pi, radians, sin

import cv2
import numpy as np

Generator = np.random.Generator
Contour = np.ndarray  # (K, 2) x right, y down; a shape spans about -1 to 1

SHADE = 0.45
"""Share of the light that the darkest part of an object's shadow lacks."""


@dataclass(frozen=True)
class Layer:
    """A part of an object that is painted in one tone.

    Attributes:
        paint: Tone of the layer: ``body``, ``dark``, ``light`` or ``accent``. ``hole`` makes the layer transparent.
        contours: Outlines of the layer, filled with the even-odd rule, so that an outline within another one cuts a
            hole into the layer.
    """

    paint: str
    contours: tuple[Contour, ...]


@dataclass(frozen=True)
class Cutout:
    """A drawn object, cut out from its background.

    Attributes:
        colour: ``(H, W, 3)`` float32 RGB, 0 to 255.
        alpha: ``(H, W)`` float32 opacity in [0, 1]: 1 where the object hides the background.
    """

    colour: np.ndarray
    alpha: np.ndarray


def draw_thing(kind: str, side: float, colour: np.ndarray, light: float, rng: Generator) -> Cutout:
    """Draw an object in a random pose.

    Args:
        kind: Name of the kind of object, a key of :data:`KINDS`.
        side: Longer side of the object's box, pixels.
        colour: RGB colour of the object's body, 0 to 255.
        light: Direction of the light, radians.
        rng: Random generator of the object's pose, shape and shading.

    Returns:
        The drawn object, cropped to its bounding box.
    """
    shape, turn = KINDS[kind]
    layers = _pose(shape(rng), radians(rng.uniform(-turn, turn)), rng)
    finer = 4 if side < 64 else 2  # Drawn larger and averaged down, so that edges are smooth.
    corners = np.concatenate([contour for layer in layers for contour in layer.contours])
    low, extent = corners.min(axis=0), np.ptp(corners, axis=0)
    scale = side / extent.max()
    width, height = (max(2, int(np.ceil(length * scale))) for length in extent)
    canvas = np.zeros((height * finer, width * finer, 3), np.float32)
    mask = np.zeros(canvas.shape[:2], np.uint8)
    paints = _paints(colour, rng)
    for layer in layers:
        points = [np.round((contour - low) * scale * finer).astype(np.int32) for contour in layer.contours]
        cv2.fillPoly(mask, points, 0 if layer.paint == "hole" else 1)
        if layer.paint != "hole":
            cv2.fillPoly(canvas, points, paints[layer.paint])
    canvas *= _shading(mask, light, rng)[..., None]
    solid = mask.astype(np.float32)
    alpha = cv2.resize(solid, (width, height), interpolation=cv2.INTER_AREA)
    lit = cv2.resize(canvas * solid[..., None], (width, height), interpolation=cv2.INTER_AREA)
    return Cutout(lit / np.maximum(alpha, 1e-3)[..., None], alpha)


def cast_shadow(cutout: Cutout) -> tuple[np.ndarray, int]:
    """The soft shadow that an object casts on what lies behind.

    Args:
        cutout: The object.

    Returns:
        ``(H, W)`` float32 darkness in [0, 1], larger than the object and around the same centre. The second value is
        the distance in pixels by which the shadow moves away from the light.
    """
    reach = max(2, max(cutout.alpha.shape) // 14)
    padded = cv2.copyMakeBorder(cutout.alpha, *(3 * reach,) * 4, cv2.BORDER_CONSTANT)
    return cv2.GaussianBlur(padded, (0, 0), reach), reach


def visible_colour(image: np.ndarray, center: np.ndarray, rng: Generator) -> np.ndarray:
    """Draw the colour of an object that stands out from the surface.

    Args:
        image: ``(H, W, 3)`` RGB of the surface, 0 to 255.
        center: Centre ``x, y`` of the object, pixels. A centre outside counts as the nearest pixel inside.
        rng: Random generator of the colour.

    Returns:
        ``(3,)`` RGB, 0 to 255.
    """
    height, width = image.shape[:2]
    x, y = (int(np.clip(value, 0, limit - 1)) for value, limit in zip(center, (width, height), strict=True))
    around = image[max(0, y - 20) : y + 20, max(0, x - 20) : x + 20].mean(axis=(0, 1))
    candidates = [random_colour(rng) for _ in range(3)]
    return max(candidates, key=lambda colour: min(float(np.abs(colour - around).sum()), 150.0))


def mug(rng: Generator) -> list[Layer]:
    """A cylinder with a handle at its side."""
    top, bottom = 0.62, 0.62 * rng.uniform(0.8, 1.0)
    rim = rng.uniform(0.10, 0.18)
    reach = rng.uniform(0.34, 0.46)
    return [
        Layer("dark", (_band((0.56, 0.02), reach, reach - 0.15, -100, 100),)),
        *_vessel(top, bottom, -0.65, 0.75, rim, rng),
    ]


def bucket(rng: Generator) -> list[Layer]:
    """A cylinder with a wire handle over its top."""
    top, bottom = 0.7, 0.7 * rng.uniform(0.65, 0.85)
    rim = rng.uniform(0.10, 0.18)
    rise = rng.uniform(0.62, 0.74)
    return [
        Layer("dark", (_band((0, -0.3), rise, rise - 0.09, -180, 0),)),
        Layer("accent", (_box(-0.17, -0.36 - rise, 0.17, -0.21 - rise),)),
        *_vessel(top, bottom, -0.3, 0.85, rim, rng),
    ]


def gear(rng: Generator) -> list[Layer]:
    """A wheel with square teeth and a hole."""
    teeth, root = int(rng.integers(7, 12)), rng.uniform(0.72, 0.8)
    profile = [(-0.30, root), (-0.20, 1.0), (0.20, 1.0), (0.30, root)]
    rim = [(2 * pi * (tooth + turn) / teeth, radius) for tooth in range(teeth) for turn, radius in profile]
    hole = rng.uniform(0.24, 0.36)
    return [
        Layer("body", (_polar(rim),)),
        Layer("dark", (_circle(0, 0, hole + 0.16), _circle(0, 0, hole))),
        Layer("hole", (_circle(0, 0, hole),)),
    ]


def flower(rng: Generator) -> list[Layer]:
    """Round petals around a disc."""
    petals, depth = int(rng.integers(5, 9)), rng.uniform(0.34, 0.44)
    angles = np.linspace(0, 2 * pi, 40 * petals, endpoint=False)
    radii = 1 - depth + depth * np.abs(np.cos(angles * petals / 2)) ** 0.7
    inner = [(angle, 0.62 * radius) for angle, radius in zip(angles, radii, strict=True)]
    return [
        Layer("body", (_polar(list(zip(angles, radii, strict=True))),)),
        Layer("light", (_polar(inner),)),
        Layer("accent", (_circle(0, 0, rng.uniform(0.24, 0.32)),)),
    ]


def fish(rng: Generator) -> list[Layer]:
    """A body with a tail, a fin and an eye, that swims to the right."""
    deep = rng.uniform(0.36, 0.5)
    stripes = [
        Layer("accent", (_box(x, -y, x + 0.09, y),))
        for x in rng.permutation([-0.25, -0.02, 0.2])[: rng.integers(0, 4)]
        for y in [0.8 * deep * np.sqrt(max(0.0, 1 - ((x + 0.05) / 0.72) ** 2))]
    ]
    return [
        Layer("dark", (np.array([(-0.5, 0), (-1, -0.42), (-0.86, 0), (-1, 0.42)]),)),
        Layer("dark", (np.array([(-0.3, -0.8 * deep), (-0.12, -deep - 0.24), (0.32, -0.7 * deep)]),)),
        Layer("body", (_ellipse(0.05, 0, 0.75, deep),)),
        *stripes,
        Layer("light", (_circle(0.52, -0.1, 0.11),)),
        Layer("ink", (_circle(0.54, -0.1, 0.06),)),
    ]


def leaf(rng: Generator) -> list[Layer]:
    """A pointed blade with veins and a stalk."""
    wide, belly = rng.uniform(0.34, 0.48), rng.uniform(0.75, 1.1)
    along = np.linspace(0, 1, 40)
    half = wide * np.sin(pi * along**belly)
    x = along * 1.6 - 0.6
    blade = np.concatenate([np.stack([x, -half], axis=1), np.stack([x, half], axis=1)[::-1]])
    veins = [
        _line((start, 0), (start + 0.2, side * 0.72 * np.interp(start + 0.2, x, half)), 0.035)
        for start in np.linspace(-0.35, 0.55, int(rng.integers(4, 6)))
        for side in (-1, 1)
    ]
    return [
        Layer("dark", (_line((-1, 0.04), (-0.55, 0), 0.08),)),
        Layer("body", (blade,)),
        *(Layer("light", (vein,)) for vein in [_line((-0.6, 0), (0.9, 0), 0.05), *veins]),
    ]


def star(rng: Generator) -> list[Layer]:
    """Five points, each with a lit and a shaded half."""
    notch = rng.uniform(0.40, 0.50)
    rim = _polar([(pi * k / 5, 1.0 if k % 2 == 0 else notch) for k in range(10)])
    shaded = [np.array([(0, 0), rim[k], rim[(k + 1) % 10]]) for k in range(0, 10, 2)]
    return [Layer("body", (rim,)), *(Layer("dark", (half,)) for half in shaded)]


def key(rng: Generator) -> list[Layer]:
    """A ring, a shaft and a bit."""
    teeth = [
        Layer("body", (_box(x, 0.05, x + 0.13, 0.05 + rng.uniform(0.24, 0.36)),))
        for x in [0.80, 0.58, 0.36][: rng.integers(2, 4)]
    ]
    return [
        Layer("body", (_box(-0.3, -0.09, 0.96, 0.09),)),
        *teeth,
        Layer("body", (_circle(-0.55, 0, 0.45),)),
        Layer("accent", (_circle(-0.55, 0, 0.36),)),
        Layer("hole", (_circle(-0.58, 0, rng.uniform(0.18, 0.24)),)),
    ]


KINDS: dict[str, tuple[Callable[[Generator], list[Layer]], float]] = {
    "bucket": (bucket, 25),
    "fish": (fish, 35),
    "flower": (flower, 180),
    "gear": (gear, 180),
    "key": (key, 180),
    "leaf": (leaf, 180),
    "mug": (mug, 25),
    "star": (star, 180),
}
"""Function that draws each kind of object, and its largest rotation in either direction, degrees."""


def _vessel(top: float, bottom: float, y0: float, y1: float, rim: float, rng: Generator) -> list[Layer]:
    """A tapered cylinder, seen a little from above."""

    def half_width(y: float) -> float:
        return top + (bottom - top) * (y - y0) / (y1 - y0)

    foot = rim * bottom / top
    wall = np.concatenate([_arc((0, y0), top, rim, 180, 360), _arc((0, y1 - foot), bottom, foot, 0, 180)])
    rings = []
    for y in rng.uniform(y0 + 0.4, y1 - 0.3, int(rng.integers(0, 3))):
        upper, lower = half_width(y), half_width(y + 0.14)
        ring = [_arc((0, y), upper, rim, 0, 180), _arc((0, y + 0.14), lower, rim, 0, 180)[::-1]]
        rings.append(Layer("accent", (np.concatenate(ring),)))
    return [
        Layer("body", (wall,)),
        *rings,
        Layer("light", (_ellipse(0, y0, top, rim),)),
        Layer("dark", (_ellipse(0, y0, top - 0.08, rim * 0.75),)),
    ]


def _pose(layers: Sequence[Layer], angle: float, rng: Generator) -> list[Layer]:
    """Mirror, stretch and turn all layers of an object in the same random way."""
    stretch = np.exp(rng.uniform(-0.16, 0.16))
    mirror = rng.choice([-1.0, 1.0])
    matrix = np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]]) @ np.diag([mirror * stretch, 1 / stretch])
    return [Layer(layer.paint, tuple(contour @ matrix.T for contour in layer.contours)) for layer in layers]


def _paints(body: np.ndarray, rng: Generator) -> dict[str, tuple[float, ...]]:
    accent = random_colour(rng)
    paints = {
        "body": body,
        "dark": body * 0.62,
        "light": body * 0.45 + 0.55 * 245,
        "accent": accent,
        "ink": np.full(3, 20.0),
    }
    return {name: tuple(float(value) for value in paint) for name, paint in paints.items()}


def random_colour(rng: Generator) -> np.ndarray:
    """Draw the colour of an object: ``(3,)`` RGB, 0 to 255."""
    hsv = np.array([[[rng.uniform(0, 360), rng.uniform(0.35, 0.95), rng.uniform(0.45, 0.98)]]], np.float32)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0] * 255


def _shading(mask: np.ndarray, light: float, rng: Generator) -> np.ndarray:
    """Brightness of each pixel of an object: with rounded edges, a lit and a dark side, and a grain."""
    height, width = mask.shape
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    edge = np.sqrt(np.clip(depth / (0.5 * depth.max() + 1e-3), 0, 1))
    y, x = np.linspace(-1, 1, height, dtype=np.float32)[:, None], np.linspace(-1, 1, width, dtype=np.float32)
    side = x * cos(light) + y * sin(light)
    grain = cv2.resize(rng.normal(0, 1, (9, 9)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return (0.70 + 0.34 * edge) * (1 + 0.16 * side) * (1 + 0.05 * grain)


def _arc(center: tuple[float, float], rx: float, ry: float, start: float, end: float) -> Contour:
    angles = np.radians(np.linspace(start, end, 33))
    return np.stack([center[0] + rx * np.cos(angles), center[1] + ry * np.sin(angles)], axis=1)


def _band(center: tuple[float, float], outer: float, inner: float, start: float, end: float) -> Contour:
    return np.concatenate([_arc(center, outer, outer, start, end), _arc(center, inner, inner, end, start)])


def _ellipse(x: float, y: float, rx: float, ry: float) -> Contour:
    return _arc((x, y), rx, ry, 0, 360)


def _circle(x: float, y: float, radius: float) -> Contour:
    return _ellipse(x, y, radius, radius)


def _box(x0: float, y0: float, x1: float, y1: float) -> Contour:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


def _line(start: tuple[float, float], end: tuple[float, float], width: float) -> Contour:
    a, b = np.array(start), np.array(end)
    along = (b - a) / np.linalg.norm(b - a)
    across = np.array([-along[1], along[0]]) * width / 2
    return np.array([a + across, b + across, b - across, a - across])


def _polar(points: Sequence[tuple[float, float]]) -> Contour:
    return np.array([(radius * cos(angle), radius * sin(angle)) for angle, radius in points])
