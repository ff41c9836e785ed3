"""The sections of an evaluation's page. Each explains its figures and what to do about them."""

import math

import numpy as np

from multibox.annotations.counting import some
from multibox.data.rarity import FEW_IMAGES
from multibox.evaluation.bootstrap import DRAWS, Interval
from multibox.evaluation.compare import Comparison
from multibox.evaluation.confusion import most_confused
from multibox.evaluation.figures import Figures
from multibox.evaluation.thresholds import f1_at
from multibox.evaluation.voc import mean_of, precision_recall
from multibox.report.chart import Chart, Line
from multibox.report.page import Cell, Details, Gallery, Section, Shaded, Table
from multibox.report.part import Part

SHARES = np.linspace(0, 1, 101)
UNIT = (0.0, 1.0)
NO_BREAK = "\N{NO-BREAK SPACE}"

REMEDIES = {
    "classification": "The box is right, the class is wrong. Check the confused classes below and their labels.",
    "localisation": "The class is right, the box is loose. Try longer training, another box loss or finer priors.",
    "both": "Class and box are wrong, often on parts of objects. Train with more varied data.",
    "duplicate": "An object is detected twice. Lower detect.nms_iou.",
    "background": "There is no object at the detection. Add images with such backgrounds, and check for objects "
    "without labels.",
    "missed": "No detection is near the object. multibox data check shows whether priors can reach it.",
    "false alarms": "The gain if all false alarms, of all five kinds, were removed.",
    "not found": "The gain if objects that are not found did not count.",
}
"""What to do about each of TIDE's kinds of errors."""

COCO_TEXTS = {
    "AP": "AP, IoU 0.5 to 0.95",
    "AP50": "AP, IoU 0.5",
    "AP75": "AP, IoU 0.75",
    "AP_small": "AP, small objects (below 32²)",
    "AP_medium": "AP, medium objects (32² to 96²)",
    "AP_large": "AP, large objects (above 96²)",
    "AR1": "recall, 1 detection per image and class",
    "AR10": "recall, 10 detections",
    "AR100": "recall, 100 detections",
    "AR_small": "recall, small objects",
    "AR_medium": "recall, medium objects",
    "AR_large": "recall, large objects",
}


def figure_sections(figures: Figures) -> list[Section]:
    """All sections of an evaluation's page that consist of metrics and charts, without images."""
    return [
        Section("Figures", _main_figures(figures)),
        Section("Errors", _errors(figures)),
        Section("Classes", _classes(figures)),
        *([Section("Rare and frequent classes", _rarity(figures))] if figures.rarity else []),
        Section("Precision and recall", [Gallery(_precision_charts(figures))]),
        Section("F1 and thresholds", _f1(figures)),
        Section("Confusion", _confusion(figures)),
        Section("Sizes", _sizes(figures)),
        Section("Crowding", _crowding(figures)),
        Section("Scores", _calibration(figures)),
    ]


def comparison_section(figures: Figures, comparison: Comparison) -> Section:
    """The section that compares the model with another one."""
    verdict = (
        "The interval excludes 0, so the choice of images does not explain the difference."
        if comparison.is_clear
        else "The interval includes 0, so the choice of images may explain the difference."
    )
    measured = (
        f"The mAP is {_share(figures.voc.map)}, against {_share(comparison.other.voc.map)} of {comparison.name}: a "
        f"difference of {comparison.difference:+.3f} (95%: {_range(comparison.interval, sign=True)}). This model is "
        f"better in {comparison.share_better:.0%} of {DRAWS} draws of the same images for both. {verdict}"
    )
    nothing = "These images have no object to find, so there is neither an mAP nor a difference."
    rows = sorted(comparison.classes.items(), key=lambda row: -_or(row[1][0], 0))
    lines: list[list[Cell]] = [
        [name, _signed(difference), _range(drawn, sign=True), _direction(drawn, few=name in comparison.few)]
        for name, (difference, drawn) in rows
    ]
    headings = ["class", "difference of AP", "95%", "verdict"]
    coco = [
        [text, _known(mine), _known(theirs)]
        for text, mine, theirs in zip(
            COCO_TEXTS.values(),
            figures.coco.figures.values(),
            comparison.other.coco.figures.values(),
            strict=True,
        )
    ]
    return Section(
        "Comparison",
        [
            nothing if math.isnan(comparison.difference) else measured,
            Table(headings, lines, caption="Classes, from the largest gain to the largest loss"),
            Details("COCO's figures side by side", [Table(["figure", "this model", comparison.name], coco)]),
        ],
    )


def _main_figures(figures: Figures) -> list[str | Part]:
    truth = figures.truth
    counts = (
        f"{len(truth.image_ids):,} images, {int(truth.counted.sum()):,} objects to find, "
        f"{len(figures.outcomes.found):,} detections that count."
    )
    coco: list[list[Cell]] = [
        [f"COCO {COCO_TEXTS[name]}", _known(value), ""] for name, value in figures.coco.figures.items()
    ]
    rows: list[list[Cell]] = [
        ["mAP, IoU 0.5, area", _known(figures.voc.map), _range(figures.map_interval)],
        ["mAP, IoU 0.5, 11 points", _known(figures.voc.map_11point), ""],
        *coco,
    ]
    explained = (
        f"The interval contains 95% of {DRAWS} bootstrap draws of as many images, with replacement. Two models whose "
        "mAPs both lie in it may differ by the choice of images alone. For a class with few images the interval is "
        "too narrow."
    )
    return [counts, Table(["figure", "value", "95% interval"], rows), explained]


def _errors(figures: Figures) -> list[str | Part]:
    gains, counts = figures.errors.gains, figures.errors.counts
    order = [*sorted(counts, key=lambda name: -_or(gains[name], 0)), "false alarms", "not found"]
    rows: list[list[Cell]] = [[name, counts.get(name), _signed(gains[name]), REMEDIES[name]] for name in order]
    explained = (
        "Every false alarm is one of five errors, and objects without any detection near them are missed (TIDE, arXiv "
        "2008.08115, IoU 0.5 and 0.1). The gain is the rise of mAP at IoU 0.5 if this error alone were fixed, so begin "
        "with the first. Many false alarms at low scores cost little."
    )
    return [explained, Table(["error", "count", "gain of mAP", "what to do"], rows)]


def _classes(figures: Figures) -> list[str | Part]:
    columns = zip(
        figures.truth.classes,
        figures.outcomes.positives.tolist(),
        figures.voc.ap,
        figures.ap_intervals,
        figures.voc.ap_11point,
        [mean_of(column) for column in figures.coco.ap[0].T],
        figures.best,
        strict=True,
    )
    rows: list[list[Cell]] = [
        [
            name,
            objects,
            _known(ap),
            _range(drawn),
            _known(ap_11),
            _known(ap_coco),
            *([None] * 4 if best is None else [best.threshold, best.f1, best.precision, best.recall]),
        ]
        for name, objects, ap, drawn, ap_11, ap_coco, best in sorted(columns, key=lambda row: _or(row[2], 2))
    ]
    headings = ["class", "objects", "AP", "95%", "11 points", "AP, COCO"]
    headings += ["best threshold", "F1 there", "precision", "recall"]
    return [Table(headings, rows, caption="Weakest classes first. A class without objects is left out of the mean.")]


def _rarity(figures: Figures) -> list[str | Part]:
    counted_in = "training images" if figures.trained_images else "test images"
    rows: list[list[Cell]] = [
        [
            group.name,
            some([f"{name} ({images:,})" for name, images in group.images.items()], 20),
            _known(group.ap50),
            _known(group.ap),
        ]
        for group in figures.rarity
    ]
    explained = (
        f"Frequent classes are in at least a third as many {counted_in} as the most frequent class, rare ones in at "
        f"most a twentieth or in at most {FEW_IMAGES}. "
    )
    unknown = "The model file does not say how many training images show each class, so test images are counted. "
    remedy = (
        "Is AP low where a class is rare? data.balance shows its images more often in training. With data.tiles, "
        "loss.class_weights lets its objects count more."
    )
    headings = ["group", f"classes, with their {counted_in}", "AP, IoU 0.5", "AP, IoU 0.5 to 0.95"]
    return [explained + ("" if figures.trained_images else unknown) + remedy, Table(headings, rows)]


def _precision_charts(figures: Figures) -> list[Chart]:
    charts = []
    for label, (name, rows) in enumerate(zip(figures.truth.classes, figures.outcomes.ranking, strict=True)):
        total = int(figures.outcomes.positives[label])
        if total:
            precision, recall = precision_recall(figures.outcomes.hits[rows], total)
            envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
            best = envelope[np.searchsorted(recall, SHARES, "left")]
            title = f"{name}: AP {_share(figures.voc.ap[label])}"
            line = Line("precision", SHARES, best)
            charts.append(Chart(title, [line], x="recall", y="precision", x_range=UNIT, y_range=UNIT))
    return charts


def _f1(figures: Figures) -> list[str | Part]:
    charts = []
    for label, (name, best) in enumerate(zip(figures.truth.classes, figures.best, strict=True)):
        if best is not None:
            line = Line("F1", SHARES, f1_at(figures.outcomes, label, SHARES))
            title = f"{name}: best {best.f1:.3f} above {best.threshold:.3f}"
            charts.append(Chart(title, [line], x="threshold", y="F1", x_range=UNIT, y_range=UNIT))
    explained = (
        "F1 weighs precision and recall equally, if only detections above a threshold are shown. multibox eval can "
        "save the best thresholds in the model file. They suit these images best. So choose them on a validation "
        "split, not on the one whose figures you report."
    )
    return [explained, Gallery(charts)]


def _confusion(figures: Figures) -> list[str | Part]:
    names, matrix = figures.truth.classes, figures.confusion
    explained = (
        "Detections above the best thresholds. In order of descending score, each takes the free object of any class "
        "with the highest IoU, if the IoU is at least 0.5."
    )
    pairs: list[list[Cell]] = [
        [names[i], names[j], count, f"{count / max(1, matrix[i].sum()):.1%}"]
        for i, j, count in most_confused(matrix, 15)
    ]
    headings = ["class", "detected as", "count", "of its objects"]
    top = (
        Table(headings, pairs, caption="The most frequent confusions")
        if pairs
        else "No class is confused with another."
    )
    rows: list[list[Cell]] = [
        [name, *(Shaded(int(count), int(count) / max(1, int(of_row.sum()))) for count in of_row)]
        for name, of_row in zip((*names, "nothing"), matrix, strict=True)
    ]
    whole = Table(["class", *names, "not found"], rows, caption="Rows: objects. Columns: detections.")
    return [explained, top, Details("The whole matrix", [whole])]


def _sizes(figures: Figures) -> list[str | Part]:
    rows: list[list[Cell]] = [
        [name, count, _known(ap50), _known(ap)] for name, (count, ap50, ap) in figures.by_size.items()
    ]
    explained = (
        "COCO's areas: small is below 32 x 32 pixels of the original image, large is above 96 x 96. Often no prior "
        "reaches a size that is detected badly. multibox data check shows which sizes the priors reach."
    )
    return [explained, Table(["size", "objects", "AP, IoU 0.5", "AP, IoU 0.5 to 0.95"], rows)]


def _crowding(figures: Figures) -> list[str | Part]:
    rows: list[list[Cell]] = [
        [group.name, group.images, group.objects, _known(group.map), f"{group.false_alarms:.2f}"]
        for group in figures.groups
    ]
    headings = ["objects in an image", "images", "objects", "mAP, IoU 0.5", "false alarms per image"]
    explained = (
        "Images by their number of objects, each group evaluated alone. False alarms count above the best thresholds. "
        "If mAP falls with many objects, try a higher detect.nms_iou or smaller priors."
    )
    return [explained, Table(headings, rows)]


def _calibration(figures: Figures) -> list[str | Part]:
    result = figures.calibration
    there = result.detections > 0
    lines = [
        Line("share of hits", result.score[there], result.precision[there], marked=True),
        Line("ideal", [0, 1], [0, 1]),
    ]
    drawn = Chart("Share of hits by score", lines, x="score", y="hits", x_range=UNIT, y_range=UNIT)
    edges = np.linspace(0, 1, len(result.detections) + 1)
    rows: list[list[Cell]] = [
        [f"{low:.1f} to {high:.1f}", int(count), _known(score), _known(precision)]
        for low, high, count, score, precision in zip(
            edges, edges[1:], result.detections, result.score, result.precision, strict=False
        )
    ]
    explained = (
        f"The expected calibration error is {_share(result.ece)}, over all detections that count. Where the line is "
        "below the diagonal, the detector is overconfident. This does not change mAP, but it changes what a "
        "threshold means."
    )
    return [explained, drawn, Details("The bins", [Table(["score", "detections", "mean score", "hits"], rows)])]


def _direction(drawn: Interval, *, few: bool) -> str:
    if few:
        return "too few images"
    return "gained" if drawn.low > 0 else "lost" if drawn.high < 0 else "unclear"


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _signed(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:+.3f}"


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _range(drawn: Interval, *, sign: bool = False) -> str:
    if math.isnan(drawn.low):
        return "–"
    low, high = (f"{end:+.3f}" if sign else f"{end:.3f}" for end in (drawn.low, drawn.high))
    return f"{low}{NO_BREAK}to{NO_BREAK}{high}"


def _or(value: float, instead: float) -> float:
    return instead if math.isnan(value) else value
