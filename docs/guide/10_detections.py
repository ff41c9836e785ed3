"""Chapter 10: from the network's numbers to boxes with names."""

import numpy as np
from figure import BLUE, ORANGE, Figure, color_of, row
from photo import HEIGHT, PHOTO, WIDTH
from trained import config, detector, outputs

from multibox.boxes import decode as decode_boxes
from multibox.boxes import iou, to_centers
from multibox.postprocess.decode import decode, scores_of
from multibox.postprocess.nms import select, suppress

JUDGE, CONFIG = detector(), config()
CLASSES, PRIORS = JUDGE.classes, JUDGE.priors_rel
LOGITS, DELTAS = outputs()
EXTENT = np.array([WIDTH, HEIGHT] * 2)
SETTINGS = JUDGE.config
SCORES, BOXES_REL = decode(LOGITS, DELTAS, PRIORS, above=SETTINGS.score)
BOXES = BOXES_REL * EXTENT
LEAST = np.full(len(CLASSES), 0.3)
SHOWN = float(LEAST[0])

prior_count = f"{len(LOGITS):,}"
candidate_count = f"{(SETTINGS.score < SCORES).sum():,}"
score, nms_iou = f"{SETTINGS.score:g}", f"{SETTINGS.nms_iou:g}"
per_class, per_image, show = str(SETTINGS.per_class), str(SETTINGS.per_image), f"{SETTINGS.show:g}"
shown = f"{SHOWN:g}"
ABOVE = np.argwhere(SCORES > SHOWN)
above_count = str(len(ABOVE))
LEFT = select(SCORES, BOXES, SETTINGS, LEAST)
left_count = str(len(LEFT.scores))

levels = [("score above", "boxes before suppression", "after")]
levels += [
    (
        f"{level:g}",
        f"{(level < SCORES).sum():,}",
        len(select(SCORES, BOXES, SETTINGS, np.full(len(CLASSES), level)).scores),
    )
    for level in (0.01, 0.05, 0.1, 0.3, 0.5)
]
OVERLAPS = (0.2, 0.45, 0.7, 0.95)
overlaps = [("overlap allowed", f"boxes left above {SHOWN:g}")]
overlaps += [
    (f"IoU {limit:g}", len(select(SCORES, BOXES, SETTINGS.model_copy(update={"nms_iou": limit}), LEAST).scores))
    for limit in OVERLAPS
]

TOP = int(scores_of(LOGITS).max(axis=1).argmax())
NAME = CLASSES[int(scores_of(LOGITS)[TOP].argmax())]
PRIOR_C, DELTA, VARIANCES = to_centers(PRIORS[TOP]), DELTAS[TOP], CONFIG.priors.variances
BOX = decode_boxes(DELTA, PRIORS[TOP], VARIANCES)
BOX_C = to_centers(BOX)
top_name, top_number = f"{NAME} {scores_of(LOGITS)[TOP].max():.2f}", f"{TOP:,}"
top_box = ", ".join(f"{edge:.0f}" for edge in BOX * EXTENT)
SIGNS = [f"- {-delta:.3f}" if delta < 0 else f"+ {delta:.3f}" for delta in DELTA]
arithmetic = [("", "prior", "delta", "decoded, in parts of the image", "in pixels of the photo")]
arithmetic += [
    (
        name,
        f"{PRIOR_C[i]:.4f}",
        f"{DELTA[i]:+.3f}",
        f"{PRIOR_C[i]:.4f} {SIGNS[i]} × {VARIANCES[i]:g} × {PRIOR_C[i + 2]:.4f} = {BOX_C[i]:.4f}"
        if i < 2
        else f"{PRIOR_C[i]:.4f} × exp({DELTA[i]:+.3f} × {VARIANCES[i]:g}) = {BOX_C[i]:.4f}",
        f"{BOX_C[i] * EXTENT[i]:.1f}",
    )
    for i, name in enumerate(("cx", "cy", "w", "h"))
]

OF_CLASS = SCORES[:, CLASSES.index(NAME)]
SAME = np.argsort(-OF_CLASS, kind="stable")[:8]
STAYS = suppress(BOXES[SAME], np.zeros(len(SAME), int), SETTINGS.nms_iou)
removed = [("score", f"IoU with the best {NAME}", "")]
removed += [
    (f"{OF_CLASS[i]:.2f}", f"{overlap:.2f}", "stays" if stays else "goes")
    for i, overlap, stays in zip(SAME, iou(BOXES[SAME], BOXES[SAME[:1]])[:, 0], STAYS, strict=True)
]


def before_and_after() -> Figure:
    """All boxes above the shown score, and those that suppression leaves."""
    before = Figure(WIDTH, HEIGHT, text=22).image(PHOTO)
    for i, label in ABOVE[np.argsort(SCORES[tuple(ABOVE.T)])]:
        before.box(BOXES[i], color_of(label), width=1.5, opacity=0.8)
    after = Figure(WIDTH, HEIGHT, text=22).image(PHOTO)
    for box, score_, label in reversed(list(zip(LEFT.boxes, LEFT.scores, LEFT.labels, strict=True))):
        after.box(box, color_of(label), f"{CLASSES[label]} {score_:.2f}", width=2.5)
    titles = [f"decoded: {above_count} boxes", f"after suppression: {left_count}"]
    return row([before, after], titles, "Many boxes around each object, then one", width=360)


def moved() -> Figure:
    """Priors and where they move, for all boxes above the shown score."""
    live = np.flatnonzero(scores_of(LOGITS).max(axis=1) > SHOWN)
    figure = Figure(WIDTH, HEIGHT, "Priors dashed, and lines to the centres of their boxes").image(PHOTO)
    for i in live:
        start, end = to_centers(PRIORS[i]) * EXTENT, to_centers(decode_boxes(DELTAS[i], PRIORS[i], VARIANCES)) * EXTENT
        figure.box(PRIORS[i] * EXTENT, ORANGE, width=1.2, dash="4 3")
        figure.line(*start[:2], *end[:2], "rgb(255, 255, 255)", width=2).dot(*start[:2], ORANGE, size=5)
        figure.dot(*end[:2], BLUE, size=5)
    return figure


def thresholds() -> Figure:
    """What is left for other overlaps."""
    figures = []
    for limit in OVERLAPS:
        found = select(SCORES, BOXES, SETTINGS.model_copy(update={"nms_iou": limit}), LEAST)
        figure = Figure(WIDTH, HEIGHT).image(PHOTO)
        for box, label in zip(found.boxes, found.labels, strict=True):
            figure.box(box, color_of(label), width=1.5)
        figures.append(figure)
    return row(figures, [f"IoU {limit:g}" for limit in OVERLAPS], "Boxes left, for four overlaps", columns=4, width=190)
