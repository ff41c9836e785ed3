"""Chapter 3: which prior is matched to which object."""

import numpy as np
from figure import BLUE, RED, Figure, color_of, row
from photo import HEIGHT, NAMES, OBJECTS, PHOTO, WIDTH

from multibox.boxes import iou
from multibox.config_file import load_config
from multibox.models.maps import network_priors
from multibox.overlaps import overlapping
from multibox.prepare.match import match, match_exclusively
from multibox.prepare.render import resize
from multibox.report.chart import Chart, Line

CONFIG = load_config("ssd300-vgg16-voc0712")
PRIORS = network_priors(CONFIG.network, CONFIG.priors)
SIDE = CONFIG.network.size[0]
INPUT = resize(PHOTO, (SIDE, SIDE), 1)
BOXES = OBJECTS.boxes / (WIDTH, HEIGHT, WIDTH, HEIGHT)
OVERLAPS = iou(BOXES, PRIORS)
MATCHES = match(BOXES, PRIORS, 0.5)
OWNERS, OWN = match_exclusively(list(overlapping(BOXES, PRIORS)))

positive_count = str((MATCHES >= 0).sum())
negative_count = f"{(MATCHES < 0).sum():,}"
negatives_each = f"{(MATCHES < 0).sum() / (MATCHES >= 0).sum():,.0f}"

TINY = np.array([[0.552, 0.7, 0.572, 0.72]])  # an object that no prior fits
tiny_side = f"{0.02 * SIDE:.0f}"
tiny_iou = f"{iou(TINY, PRIORS).max():.2f}"
tiny_matched = str((match(TINY, PRIORS, 0.5) >= 0).sum())

pairs = [("made", "object", "its own prior", "IoU", "priors in all")]
pairs += [
    (i + 1, NAMES[thing], f"no. {prior:,}", f"{OVERLAPS[thing, prior]:.2f}", (thing == MATCHES).sum())
    for i, (thing, prior) in enumerate(zip(OWNERS, OWN, strict=True))
]

TWINS = np.array([[0.40, 0.40, 0.60, 0.60], [0.41, 0.40, 0.61, 0.60]])
TWINS_WANT = iou(TWINS, PRIORS).argmax(axis=1)
twins_first = f"no. {TWINS_WANT[0]:,}"
twins = [("object", "its best prior", "IoU", "the prior it gets", "IoU")]
twins += [
    (
        "first, blue" if thing == 0 else "second, red",
        f"no. {TWINS_WANT[thing]:,}",
        f"{iou(TWINS, PRIORS)[thing].max():.2f}",
        f"no. {prior:,}",
        f"{iou(TWINS, PRIORS)[thing, prior]:.2f}",
    )
    for thing, prior in sorted(zip(*match_exclusively(list(overlapping(TWINS, PRIORS))), strict=True))
]


def positives() -> Figure:
    """The positives of each object, drawn over it."""
    figures, titles = [], []
    for i, name in enumerate(NAMES):
        figure = Figure(SIDE, SIDE).image(INPUT)
        for prior in np.flatnonzero(i == MATCHES):
            figure.box(PRIORS[prior] * SIDE, color_of(OBJECTS.labels[i]), width=1.2, opacity=0.8)
        figures.append(figure.box(BOXES[i] * SIDE, "rgb(255, 255, 255)", width=2.5))
        titles.append(f"{name}: {(i == MATCHES).sum()}")
    return row(figures, titles, "Each object in white, the priors that answer for it in colour", columns=4, width=190)


def twin_boxes() -> Figure:
    """Two objects with the same best prior."""
    figure = Figure(120, 110, "Two boxes almost in one place, and a prior each", left=90, top=95, text=6).image(INPUT)
    for thing, prior in zip(*match_exclusively(list(overlapping(TWINS, PRIORS))), strict=True):
        color = (BLUE, RED)[thing]
        figure.box(TWINS[thing] * SIDE, color, width=2.5).box(PRIORS[prior] * SIDE, color, width=2, dash="5 3")
    return figure


def thresholds() -> str:
    """The number of priors matched to each object, by the threshold."""
    limits = np.linspace(0.3, 0.8, 51)
    counts = np.array([[(match(BOXES, PRIORS, limit) == i).sum() for i in range(len(BOXES))] for limit in limits])
    sizes = [f"{name}, {box[2] - box[0]:.0f} px wide" for name, box in zip(NAMES, OBJECTS.boxes, strict=True)]
    lines = [Line(name, limits, counts[:, i]) for i, name in enumerate(sizes)]
    title, x = "Priors that answer for each object", "IoU from which a prior answers"
    return Chart(title, lines, x=x, y="priors", y_log=True).html()
