"""Chapter 7: what the network predicts."""

import cv2
import numpy as np
from figure import BLUE, ORANGE, RED, Figure, row
from photo import PHOTO
from trained import config, detector, outputs

from multibox.boxes import decode
from multibox.config_file import load_config
from multibox.models.ssd import build
from multibox.postprocess.decode import scores_of
from multibox.priors import prior_grids

JUDGE, CONFIG = detector(), config()
NETWORK = JUDGE.runtime.network
MAPS = JUDGE.schema.maps
GRIDS = prior_grids(MAPS, CONFIG.priors)
CLASSES = JUDGE.classes
INPUT = JUDGE.prepare(PHOTO).inputs[0]
SIDE = CONFIG.network.size[0]
FIRST = np.cumsum([0, *(grid.height * grid.width * grid.per_cell for grid in GRIDS)])
LOGITS, DELTAS = outputs()
SCORES = scores_of(LOGITS)  # (P, C)

side, class_count = str(SIDE), str(len(CLASSES))
class_names = ", ".join(CLASSES)
prior_count = f"{len(LOGITS):,}"
logits_shape, deltas_shape = (f"{x.shape[0]:,} × {x.shape[1]}" for x in (LOGITS, DELTAS))
weights = f"{NETWORK.count_params() / 1e6:.1f} million"
VGG = load_config("ssd300-vgg16-voc0712", {"network.weights": "none"})
vgg_weights = f"{build(VGG.network, 20, VGG.priors).count_params() / 1e6:.1f} million"
head_weights = f"{sum(x.count_params() for x in NETWORK.layers if '_head_' in x.name) / 1e6:.2f} million"

table = [("map", "cells", "channels", "priors a cell", "class outputs a cell", "box outputs a cell", "priors")]
table += [
    (
        f"`{fmap.name}`",
        f"{grid.height} × {grid.width}",
        NETWORK.get_layer(f"{fmap.name}_head_classes_dwconv").output.shape[-1],
        grid.per_cell,
        f"{grid.per_cell} × {len(CLASSES) + 1} = {grid.per_cell * (len(CLASSES) + 1)}",
        f"{grid.per_cell} × 4 = {grid.per_cell * 4}",
        f"{grid.height * grid.width * grid.per_cell:,}",
    )
    for fmap, grid in zip(MAPS, GRIDS, strict=True)
]

SURE = int(SCORES.max(axis=1).argmax())
sure_number = f"{SURE:,}"
said = [("", "background", *CLASSES)]
said += [("logit", *(f"{n:.1f}" for n in LOGITS[SURE]))]
said += [("softmax", *(f"{n:.3f}" for n in (1 - SCORES[SURE].sum(), *SCORES[SURE])))]
moved = [("Δcx", "Δcy", "Δw", "Δh"), tuple(f"{n:+.2f}" for n in DELTAS[SURE])]


def maps() -> Figure:
    """From the input through the maps to the two outputs, as blocks whose sides follow the maps' sides."""
    figure = Figure(905, 305, "Input, trunk and extra maps, each with a head for classes and one for boxes", text=14)
    figure.image(INPUT, (0, 40, 150, 190)).text(75, 30, f"{SIDE} × {SIDE}", anchor="middle")
    x = 215
    figure.line(155, 115, x - 8, 115, width=2).text(
        (150 + x) / 2, 105, "trunk", anchor="middle", kind="soft", size=0.85
    )
    for i, (fmap, grid) in enumerate(zip(MAPS, GRIDS, strict=True)):
        size = 28 + grid.height * 4.6
        top = 115 - size / 2
        picture = cv2.resize(heat(i), (96, 96), interpolation=cv2.INTER_NEAREST)
        figure.image(picture, (x, top, x + size, top + size), sharp=True).grid(
            grid.height, grid.width, (x, top, x + size, top + size), "rgb(255, 255, 255)", opacity=0.5
        )
        middle = x + size / 2
        figure.text(middle, 30, fmap.name, anchor="middle").text(
            middle, 48, f"{grid.height} × {grid.width}", anchor="middle", kind="soft", size=0.8
        ) if size > 60 else figure.text(middle, 48, fmap.name, anchor="middle", size=0.8)
        figure.line(middle - 7, 115 + size / 2, middle - 7, 240, BLUE, width=2)
        figure.line(middle + 7, 115 + size / 2, middle + 7, 275, RED, width=2)
        x += size + 62
        if i + 1 < len(MAPS):
            figure.line(x - 56, 115, x - 8, 115, width=2)
    figure.box((215, 240, x - 50, 262), BLUE, fill=0.25).text(205, 256, f"classes: {logits_shape} logits", anchor="end")
    figure.box((215, 275, x - 50, 297), RED, fill=0.25).text(205, 291, f"boxes: {deltas_shape} deltas", anchor="end")
    return figure


def heat(which: int) -> np.ndarray:
    """The highest confidence of each cell's priors that they show an object, as an image. Dark is background."""
    grid = GRIDS[which]
    something = SCORES[FIRST[which] : FIRST[which + 1]].sum(axis=1).reshape(grid.height, grid.width, grid.per_cell)
    shade = (something.max(axis=-1) * 255).astype(np.uint8)
    return cv2.applyColorMap(shade, cv2.COLORMAP_VIRIDIS)[..., ::-1]


def answers() -> Figure:
    """Where each map predicts objects."""
    figures = []
    for i in range(len(MAPS)):
        cells = cv2.resize(heat(i), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
        figures.append(Figure(SIDE, SIDE).image(cv2.addWeighted(INPUT, 0.45, cells, 0.55, 0), sharp=True))
    titles = [f"{fmap.name}: {fmap.height} × {fmap.width}" for fmap in MAPS]
    return row(figures, titles, "The photo under each map's answer; bright cells see something", columns=3)


def surest() -> Figure:
    """The prior that is surest of all, and where its deltas move it."""
    prior = JUDGE.priors_rel[SURE]
    box = decode(DELTAS[SURE], prior, CONFIG.priors.variances)
    figure = Figure(SIDE, SIDE, "The surest prior, and the box that it says", text=7).image(INPUT)
    figure.box(prior * SIDE, ORANGE, "prior", width=2, dash="6 3")
    name = f"{CLASSES[SCORES[SURE].argmax()]} {SCORES[SURE].max():.2f}"
    return figure.box(box * SIDE, BLUE, width=2.5).label(box[0] * SIDE, box[3] * SIDE + 10, name, BLUE)
