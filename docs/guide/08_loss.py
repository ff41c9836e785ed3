"""Chapter 8: how wrong the network is."""

import numpy as np
from figure import BLUE, RED, Figure, beside, row
from photo import HEIGHT, OBJECTS, PHOTO, WIDTH
from trained import config, detector, fresh_outputs, outputs

from multibox.boxes import iou
from multibox.config import Loss
from multibox.explain.loss import hardest_negatives
from multibox.losses.multibox import multibox_loss, smooth_l1, softmax_loss
from multibox.losses.numpy_ops import log_softmax
from multibox.prepare.targets import make_targets
from multibox.prepare.window import look_through, whole
from multibox.report.chart import Chart, Line

JUDGE, CONFIG = detector(), config()
PRIORS, CLASSES = JUDGE.priors_rel, JUDGE.classes
SIDE = CONFIG.network.size[0]
INPUT = JUDGE.prepare(PHOTO).inputs[0]
SEEN = look_through(OBJECTS, whole((HEIGHT, WIDTH)))
LABELS, TARGETS = make_targets(SEEN, PRIORS, config=CONFIG.match)
STAGES = {"before training": fresh_outputs(), "after training": outputs()}

positive_count = str((LABELS > 0).sum())
negative_count = f"{(LABELS == 0).sum():,}"
quota = f"{CONFIG.loss.negatives * (LABELS > 0).sum():g}"
columns = str(len(CLASSES) + 1)
ignorance = f"{np.log(len(CLASSES) + 1):.2f}"


def background_loss(logits: np.ndarray) -> np.ndarray:
    """Cross entropy ``(P,)`` of each prior if it is background."""
    return -log_softmax(logits)[:, 0]


def mined(logits: np.ndarray) -> np.ndarray:
    """The mined priors, the hardest first."""
    return hardest_negatives(background_loss(logits), LABELS, CONFIG.loss)


def parts(logits: np.ndarray, deltas: np.ndarray, loss: Loss) -> tuple[float, float, float]:
    """Classification, localisation, and their sum, all over the positives."""
    found = multibox_loss(LABELS[None], TARGETS[None], logits[None], deltas[None], loss)
    classification, localisation, positives = (float(part) for part in found)
    return classification / positives, localisation / positives, (classification + localisation) / positives


PARTS = {name: parts(*said, CONFIG.loss) for name, said in STAGES.items()}
table = [("", *STAGES)]
table += [
    (title, *(f"{PARTS[name][i]:.2f}" for name in STAGES))
    for i, title in enumerate(("classification / N", "localisation / N", "**loss**"))
]

EVERY = CONFIG.loss.model_copy(update={"negatives": 1e6})
UNMINED = {name: softmax_loss(LABELS[None], logits[None], EVERY)[0] for name, (logits, _) in STAGES.items()}
shares = [("", *STAGES)]
shares += [
    (
        "share of the negatives in the loss, all counted",
        *(f"{x[LABELS == 0].sum() / x.sum():.0%}" for x in UNMINED.values()),
    )
]
MINED = {name: softmax_loss(LABELS[None], logits[None], CONFIG.loss)[0] for name, (logits, _) in STAGES.items()}
shares += [("the same, only mined ones counted", *(f"{x[LABELS == 0].sum() / x.sum():.0%}" for x in MINED.values()))]

TRAINED = outputs()[0]
hardest = [("prior", "its loss as background", "looks most like", "best IoU with an object")]
hardest += [
    (
        f"no. {prior:,}",
        f"{background_loss(TRAINED)[prior]:.2f}",
        CLASSES[TRAINED[prior, 1:].argmax()],
        f"{iou(PRIORS[prior][None], SEEN.boxes).max():.2f}",
    )
    for prior in mined(TRAINED)[:6]
]


def negatives() -> Figure:
    """The mined negatives before and after training."""
    figures = []
    for logits, _ in STAGES.values():
        figure = Figure(SIDE, SIDE).image(INPUT)
        losses = background_loss(logits)
        chosen = mined(logits)
        for prior in chosen:
            figure.box(PRIORS[prior] * SIDE, RED, width=1.2, opacity=losses[prior] / losses[chosen[0]])
        for box in SEEN.boxes * SIDE:
            figure.box(box, "rgb(255, 255, 255)", width=2)
        figures.append(figure)
    return row(figures, list(STAGES), "The mined negatives in red, objects in white", width=330)


def positives() -> Figure:
    """The positives of this network."""
    figure = Figure(SIDE, SIDE, "The positives in blue, objects in white").image(INPUT)
    for prior in np.flatnonzero(LABELS > 0):
        figure.box(PRIORS[prior] * SIDE, BLUE, width=1.2, opacity=0.8)
    for box in SEEN.boxes * SIDE:
        figure.box(box, "rgb(255, 255, 255)", width=2)
    return figure


def curves() -> str:
    """Both halves of the loss as curves."""
    x = np.linspace(-3, 3, 121)
    boxes = [
        Line("smooth L1", x, smooth_l1(x)),
        Line("half the square", x, np.where(x * x / 2 <= 3, x * x / 2, np.nan)),
        Line("absolute", x, abs(x)),
    ]
    p = np.linspace(0.01, 1, 100)
    deltas = Chart("Localisation", boxes, x="said - target", y="loss", y_range=(0, 3))
    classes = Chart("Classification", [Line("", p, -np.log(p))], x="probability of the right class", y="loss")
    return beside([classes, deltas])
