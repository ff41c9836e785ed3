"""The sections of an evaluation's page: each says what a figure means and what to do about it."""

import math

import numpy as np

from multibox.evaluation.bootstrap import DRAWS, Interval
from multibox.evaluation.compare import Comparison
from multibox.evaluation.confusion import most_confused
from multibox.evaluation.figures import Figures
from multibox.evaluation.thresholds import f1_at
from multibox.evaluation.voc import mean_of, precision_recall
from multibox.report.chart import Line, chart
from multibox.report.page import Cell, Html, Section, details, pictures, table

SHARES = np.linspace(0, 1, 101)
NO_BREAK = "\N{NO-BREAK SPACE}"

REMEDIES = {
    "classification": "The box is right, the class is not: look at the confused classes below and at their labels.",
    "localisation": "The class is right, the box is loose: longer training, another box loss, finer priors.",
    "both": "Class and box are wrong: often parts of objects; more varied training data.",
    "duplicate": "An object is found twice: a lower detect.nms_iou.",
    "background": "There is nothing: more images with such backgrounds, or objects that nobody has labelled.",
    "missed": "Nothing is near the object: multibox data check tells whether priors can reach it.",
    "false alarms": "All five kinds of false alarms together, taken away.",
    "not found": "All objects that are not found, no longer asked for.",
}
"""What to do about each error of TIDE."""

COCO_TEXTS = {
    "AP": "AP, IoU 0.5 to 0.95",
    "AP50": "AP, IoU 0.5",
    "AP75": "AP, IoU 0.75",
    "AP_small": "AP, small objects (below 32²)",
    "AP_medium": "AP, medium objects (32² to 96²)",
    "AP_large": "AP, large objects (above 96²)",
    "AR1": "recall, 1 detection an image and class",
    "AR10": "recall, 10 detections",
    "AR100": "recall, 100 detections",
    "AR_small": "recall, small objects",
    "AR_medium": "recall, medium objects",
    "AR_large": "recall, large objects",
}


def figure_sections(figures: Figures) -> list[Section]:
    """All sections that need no picture."""
    return [
        Section("Figures", _main_figures(figures)),
        Section("Errors", _errors(figures)),
        Section("Classes", _classes(figures)),
        Section("Precision and recall", [pictures(_precision_charts(figures))]),
        Section("F1 and thresholds", _f1(figures)),
        Section("Confusion", _confusion(figures)),
        Section("Sizes", _sizes(figures)),
        Section("Crowding", _crowding(figures)),
        Section("Scores", _calibration(figures)),
    ]


def comparison_section(figures: Figures, comparison: Comparison) -> Section:
    """How the model differs from another."""
    verdict = (
        "The interval leaves out 0: the difference is more than the choice of images explains."
        if comparison.is_clear
        else "The interval holds 0: on these images the difference may be chance."
    )
    summary = (
        f"mAP {_share(figures.voc.map)} against {_share(comparison.other.voc.map)} of {comparison.name}: a difference "
        f"of {comparison.difference:+.3f} (95%: {_range(comparison.interval, sign=True)}). In "
        f"{comparison.share_better:.0%} of {DRAWS} draws of the same images for both, this model is better. {verdict}"
    )
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
            summary,
            table(headings, lines, caption="Classes, from the most gained to the most lost"),
            details("COCO's figures side by side", [table(["figure", "this model", comparison.name], coco)]),
        ],
    )


def _main_figures(figures: Figures) -> list[str]:
    truth = figures.truth
    counts = (
        f"{len(truth.image_ids):,} images, {int(truth.counted.sum()):,} objects to find, "
        f"{len(figures.outcomes.found):,} detections that count."
    )
    rows: list[list[Cell]] = [
        ["mAP, IoU 0.5, area", _known(figures.voc.map), _range(figures.map_interval)],
        ["mAP, IoU 0.5, 11 points", _known(figures.voc.map_11point), ""],
        *([f"COCO {COCO_TEXTS[name]}", _known(value), ""] for name, value in figures.coco.figures.items()),
    ]
    explained = (
        f"The interval is what 95% of {DRAWS} draws of as many images, with replacement, give (bootstrap): two models "
        "within it may differ by the choice of images alone. For a class that few images hold it is too narrow."
    )
    return [counts, table(["figure", "value", "95% interval"], rows), explained]


def _errors(figures: Figures) -> list[str]:
    gains, counts = figures.errors.gains, figures.errors.counts
    order = [*sorted(counts, key=lambda name: -_or(gains[name], 0)), "false alarms", "not found"]
    rows: list[list[Cell]] = [[name, counts.get(name), _signed(gains[name]), REMEDIES[name]] for name in order]
    explained = (
        "Every false alarm is one of five errors, and objects that nothing is about are missed (TIDE, arXiv "
        "2008.08115, overlaps 0.5 and 0.1). The gain is by how much mAP at IoU 0.5 would rise if this error alone were "
        "set right: begin with the first. Many false alarms at low scores cost little."
    )
    return [explained, table(["error", "how often", "gain of mAP", "what to do"], rows)]


def _classes(figures: Figures) -> list[str]:
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
    return [table(headings, rows, caption="The weakest first; a class without objects is in no mean")]


def _precision_charts(figures: Figures) -> list[Html]:
    charts = []
    for label, (name, rows) in enumerate(zip(figures.truth.classes, figures.outcomes.ranking, strict=True)):
        total = int(figures.outcomes.positives[label])
        if total:
            precision, recall = precision_recall(figures.outcomes.hits[rows], total)
            envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
            best = envelope[np.searchsorted(recall, SHARES, "left")]
            title = f"{name}: AP {_share(figures.voc.ap[label])}"
            line = Line("precision", SHARES, best)
            charts.append(chart(title, [line], x="recall", y="precision", x_range=(0, 1), y_range=(0, 1)))
    return charts


def _f1(figures: Figures) -> list[str]:
    charts = []
    for label, (name, best) in enumerate(zip(figures.truth.classes, figures.best, strict=True)):
        if best is not None:
            line = Line("F1", SHARES, f1_at(figures.outcomes, label, SHARES))
            title = f"{name}: best {best.f1:.3f} above {best.threshold:.3f}"
            charts.append(chart(title, [line], x="threshold", y="F1", x_range=(0, 1), y_range=(0, 1)))
    explained = (
        "F1 weighs precision and recall alike, when only detections above a threshold are shown. --save-thresholds "
        "writes the best ones into the model file. They suit these images best, so choose them on a validation split "
        "and not on the one whose figures you report."
    )
    return [explained, pictures(charts)]


def _confusion(figures: Figures) -> list[str]:
    names, matrix = figures.truth.classes, figures.confusion
    explained = (
        "At the best thresholds, whatever the classes: each detection, the best score first, takes the object that it "
        "overlaps most of those left, by at least 0.5."
    )
    pairs: list[list[Cell]] = [
        [names[i], names[j], count, f"{count / max(1, matrix[i].sum()):.1%}"]
        for i, j, count in most_confused(matrix, 15)
    ]
    top = (
        table(["is", "is taken for", "how often", "of its objects"], pairs, caption="The most frequent confusions")
        if pairs
        else "No class is taken for another."
    )
    rows: list[list[Cell]] = [
        [name, *(_shaded(int(count), int(of_row.sum())) for count in of_row)]
        for name, of_row in zip((*names, "nothing"), matrix, strict=True)
    ]
    whole = table(["is", *names, "not found"], rows, caption="Rows: what is there. Columns: what was detected.")
    return [explained, top, details("The whole matrix", [whole])]


def _shaded(count: int, total: int) -> Html:
    share = count / max(1, total)
    shade = f' style="background:rgb(47 126 216 / {share:.2f});padding:0.2em 0.5em"' if count else ""
    return Html(f"<span{shade}>{count:,}</span>")


def _sizes(figures: Figures) -> list[str]:
    rows: list[list[Cell]] = [
        [name, count, _known(ap50), _known(ap)] for name, (count, ap50, ap) in figures.by_size.items()
    ]
    explained = (
        "By COCO's areas: small is below 32 x 32 pixels of the original image, large above 96 x 96. A size that does "
        "badly is often one that no prior reaches: multibox data check shows it."
    )
    return [explained, table(["objects", "how many", "AP, IoU 0.5", "AP, IoU 0.5 to 0.95"], rows)]


def _crowding(figures: Figures) -> list[str]:
    rows: list[list[Cell]] = [
        [group.name, group.images, group.objects, _known(group.map), f"{group.false_alarms:.2f}"]
        for group in figures.groups
    ]
    headings = ["objects in an image", "images", "objects", "mAP, IoU 0.5", "false alarms an image"]
    explained = (
        "Images by how many objects there are to find in them, each group judged alone; false alarms are counted above "
        "the best thresholds. If mAP falls with many objects, try a higher detect.nms_iou or smaller priors."
    )
    return [explained, table(headings, rows)]


def _calibration(figures: Figures) -> list[str]:
    result = figures.calibration
    there = result.detections > 0
    lines = [
        Line("share of hits", result.score[there], result.precision[there], marked=True),
        Line("as they should be", [0, 1], [0, 1]),
    ]
    drawn = chart("Do scores mean what they say?", lines, x="score", y="hits", x_range=(0, 1), y_range=(0, 1))
    edges = np.linspace(0, 1, len(result.detections) + 1)
    rows: list[list[Cell]] = [
        [f"{low:.1f} to {high:.1f}", int(count), _known(score), _known(precision)]
        for low, high, count, score, precision in zip(
            edges, edges[1:], result.detections, result.score, result.precision, strict=False
        )
    ]
    explained = (
        f"Expected calibration error {_share(result.ece)}, over all detections that count. Where the line is below the "
        "diagonal, the detector is surer than it is right. It does not change mAP, but what a threshold means."
    )
    return [explained, drawn, details("The bins", [table(["score", "detections", "mean score", "hits"], rows)])]


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
