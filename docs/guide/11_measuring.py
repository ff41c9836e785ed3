"""Chapter 11: how good the detector is, and where it errs."""

import numpy as np
from figure import GREEN, ORANGE, RED, Figure, beside, row
from trained import detector, split

from multibox.evaluation.columns import found_in, truth_of
from multibox.evaluation.evaluate import detect_all
from multibox.evaluation.voc import (
    area,
    best_objects,
    by_class,
    count_by_class,
    eleven_points,
    find_hits,
    precision_recall,
    voc,
)
from multibox.prepare.render import decode
from multibox.report.chart import Chart, Line

JUDGE, TEST = detector(), split("test")
CLASSES = TEST.meta.classes
DETECTED = list(detect_all(JUDGE, [TEST]))
TRUTH, FOUND = truth_of([TEST], CLASSES), found_in(DETECTED)
RESULT = voc(TRUTH, FOUND)
HITS, _ = find_hits(TRUTH, FOUND)
POSITIVES = count_by_class(TRUTH)
ROWS = by_class(FOUND, len(CLASSES))
CURVES = [precision_recall(HITS[rows], POSITIVES[i]) for i, rows in enumerate(ROWS)]

image_count, object_count, detection_count = str(len(TEST)), str(len(TRUTH)), f"{len(FOUND):,}"
map_area, map_11 = f"{RESULT.map:.3f}", f"{RESULT.map_11point:.3f}"

BEST, WORST = int(np.argmax(RESULT.ap)), int(np.argmin(RESULT.ap))
worst_name = CLASSES[WORST]
SHOWN = JUDGE.config.show
show = f"{SHOWN:g}"
by_name = [("class", "objects", "AP, area", "AP, 11 points")]
by_name += [
    (name, POSITIVES[i], f"{RESULT.ap[i]:.3f}", f"{RESULT.ap_11point[i]:.3f}") for i, name in enumerate(CLASSES)
]

TAKEN, OVERLAP = best_objects(TRUTH, FOUND)
RANKED = ROWS[WORST]
first_rows = [("rank", "score", f"best IoU with a {CLASSES[WORST]}", "", "precision", "recall")]
first_rows += [
    (
        rank + 1,
        f"{FOUND.scores[which]:.2f}",
        f"{max(OVERLAP[which], 0):.2f}",
        "hit" if HITS[which] else "taken already" if OVERLAP[which] >= 0.5 else "false",
        f"{HITS[RANKED[: rank + 1]].sum()}/{rank + 1} = {CURVES[WORST][0][rank]:.2f}",
        f"{HITS[RANKED[: rank + 1]].sum()}/{POSITIVES[WORST]} = {CURVES[WORST][1][rank]:.2f}",
    )
    for rank, which in enumerate(RANKED[:10])
]

at_iou = [("IoU that makes a hit", "mAP")]
at_iou += [(f"{limit:g}", f"{voc(TRUTH, FOUND, limit).map:.3f}") for limit in (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)]


def curves() -> str:
    """Precision over recall of the best and the worst class; the envelope whose area is AP."""
    figures = []
    for which in (BEST, WORST):
        precision, recall = CURVES[which]
        hits = HITS[ROWS[which]]
        bends = hits | np.append(hits[1:], True)  # between two hits precision only falls, at one recall
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        title = (
            f"{CLASSES[which]}: AP {area(precision, recall):.3f}, with 11 points {eleven_points(precision, recall):.3f}"
        )
        lines = [
            Line("made to fall", recall[bends], envelope[bends]),
            Line("as it is", recall[bends], precision[bends]),
        ]
        figures.append(Chart(title, lines, x="recall", y="precision", x_range=(0, 1), y_range=(0, 1)))
    return beside(figures)


def mistakes_of(which: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of a test image what is shown, hits and false alarms; and the objects that nothing shown hits."""
    rows = np.flatnonzero((FOUND.images == which) & (FOUND.scores > SHOWN))
    hits = rows[HITS[rows]]
    return hits, rows[~HITS[rows]], np.setdiff1d(np.flatnonzero(TRUTH.images == which), TAKEN[hits])


def look() -> Figure:
    """Six test images: hits in green, false alarms in red, what is missed in orange."""
    figures = []
    for which in range(2, 8):
        image = decode(TEST[which].image)
        height, width = image.shape[:2]
        figure = Figure(width, height, text=width / 21).image(image)
        hits, false, missed = mistakes_of(which)
        for i in missed:
            figure.box(TRUTH.boxes[i], ORANGE, CLASSES[TRUTH.labels[i]], width=2, dash="6 3")
        for rows, color in ((false, RED), (hits, GREEN)):
            for i in rows:
                figure.box(FOUND.boxes[i], color, f"{CLASSES[FOUND.labels[i]]} {FOUND.scores[i]:.2f}", width=2)
        figures.append(figure)
    return row(figures, [""] * len(figures), "Six test images with hits, false alarms and misses", columns=3, width=300)


COUNTS = [mistakes_of(i) for i in range(len(TEST))]
hit_count, false_count, missed_count = (str(sum(len(x[i]) for x in COUNTS)) for i in range(3))
