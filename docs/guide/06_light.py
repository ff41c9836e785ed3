"""Chapter 6: other light, other cameras, and the mirror."""

from dataclasses import replace

import numpy as np
from figure import Figure, color_of, row
from photo import HEIGHT, NAMES, OBJECTS, PHOTO, WIDTH

from multibox.config import Augment, Distort, Expand
from multibox.data.record import Objects
from multibox.prepare.distort import adjust_color, adjust_light, distort, draw_colors
from multibox.prepare.mirror import mirror_boxes
from multibox.prepare.render import resize
from multibox.prepare.shot import draw_shot, take_shot
from multibox.prepare.window import look_through, whole

SMALL = resize(PHOTO, (240, 229), 3)
LIMITS = Distort()

degrees = f"{LIMITS.hue * 2:g}"
unchanged = f"{0.5**4:.0%}"
PIXEL = PHOTO[60:61, 440:441]
CHANGES = {
    "as it is": PIXEL,
    "brightness +32": adjust_light(PIXEL, 32, 1),
    "contrast × 1.5": adjust_light(PIXEL, 0, 1.5),
    "saturation × 1.5": adjust_color(PIXEL, 1.5, 0),
    "hue +18": adjust_color(PIXEL, 1, 18),
}
pixel = [("", "red", "green", "blue")] + [(name, *map(int, value[0, 0])) for name, value in CHANGES.items()]

OBJECTS_REL = look_through(OBJECTS, whole((HEIGHT, WIDTH))).boxes
mirrored = [("object", "x0", "x1", "mirrored: x0 = 1 - x1", "x1 = 1 - x0")]
mirrored += [
    (name, f"{box[0]:.3f}", f"{box[2]:.3f}", f"{back[0]:.3f}", f"{back[2]:.3f}")
    for name, box, back in zip(NAMES, OBJECTS_REL, mirror_boxes(OBJECTS_REL), strict=True)
]


def steps() -> Figure:
    """Each change at both ends of its range."""
    changed = {
        "brightness -32": adjust_light(SMALL, -32, 1),
        "contrast × 0.5": adjust_light(SMALL, 0, 0.5),
        "saturation × 0.5": adjust_color(SMALL, 0.5, 0),
        "hue -18": adjust_color(SMALL, 1, -18),
        "brightness +32": adjust_light(SMALL, 32, 1),
        "contrast × 1.5": adjust_light(SMALL, 0, 1.5),
        "saturation × 1.5": adjust_color(SMALL, 1.5, 0),
        "hue +18": adjust_color(SMALL, 1, 18),
    }
    figures = [Figure(240, 229).image(image) for image in changed.values()]
    return row(
        figures, list(changed), "The photo under the lower and the upper end of each change", columns=4, width=200
    )


def order() -> Figure:
    """Contrast before and after saturation and hue."""
    first = adjust_color(adjust_light(SMALL, 0, 1.5), 1.5, 18)
    last = adjust_light(adjust_color(SMALL, 1.5, 18), 0, 1.5)
    figures = [Figure(240, 229).image(image) for image in (SMALL, first, last)]
    return row(figures, ["as it is", "contrast first", "contrast last"], "The order matters", width=240)


def drawn() -> Figure:
    """Eight draws."""
    colors = [draw_colors(np.random.default_rng([6, n]), LIMITS) for n in range(8)]
    figures = [Figure(240, 229).image(distort(SMALL, each)) for each in colors]
    return row(figures, [""] * 8, "The photo in eight random lights", columns=4, width=200)


def boxed(image: np.ndarray, objects_rel: Objects) -> Figure:
    """An image with its boxes."""
    height, width = image.shape[:2]
    figure = Figure(width, height).image(image)
    for box, label in zip(objects_rel.boxes * (width, height, width, height), objects_rel.labels, strict=True):
        figure.box(box, color_of(label), width=2)
    return figure


def mirror() -> Figure:
    """The photo and its mirror image, with boxes."""
    objects_rel = look_through(OBJECTS, whole((HEIGHT, WIDTH)))
    turned = replace(objects_rel, boxes=mirror_boxes(objects_rel.boxes))
    figures = [boxed(SMALL, objects_rel), boxed(SMALL[:, ::-1], turned)]
    return row(figures, ["as it is", "mirrored"], "The photo and its mirror image, boxes in both", width=320)


def examples() -> Figure:
    """Everything together."""
    figures, config, size = [], Augment(expand=Expand(ratio=4)), (300, 300)
    for number in range(15):
        shot = draw_shot(np.random.default_rng([12, number]), config, OBJECTS, (HEIGHT, WIDTH), size)
        figures.append(boxed(*take_shot(PHOTO, OBJECTS, shot, size)))
    return row(figures, [""] * 15, "Fifteen training examples of one photo", columns=5, width=180)
