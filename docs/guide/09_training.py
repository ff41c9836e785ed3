"""Chapter 9: training, and the photo while it goes on."""

import csv
import re

import numpy as np
from figure import Figure, beside, color_of, row
from photo import PHOTO
from trained import COMMANDS, EPOCHS, FOLDER, config, detector, run, split

from multibox.report.chart import Line, chart

RUN, CONFIG = run(), config()
commands = "\n".join(re.sub(r" (?=\S+=)", " \\\\\n    ", command, count=0) for command in COMMANDS)

image_count = str(len(split("train")))
epochs, batch = str(CONFIG.train.epochs), str(CONFIG.train.batch)
STEPS = CONFIG.train.epoch_steps(len(split("train"))) * CONFIG.train.epochs
step_count, seen_count = f"{STEPS:,}", f"{STEPS * CONFIG.train.batch:,}"
lr, trunk_lr, warmup = f"{CONFIG.train.lr:g}", f"{CONFIG.train.trunk_lr:g}", str(CONFIG.train.warmup_steps)

with (RUN / "log.csv").open() as file:
    LOG = [{name: float(value or "nan") for name, value in line.items()} for line in csv.DictReader(file)]
with (RUN / "validation.csv").open() as file:
    JUDGED = [{name: float(value or "nan") for name, value in line.items()} for line in csv.DictReader(file)]

first_loss, last_loss = f"{LOG[0]['loss']:.1f}", f"{LOG[-1]['loss']:.1f}"
validated = [("after epoch", "validation mAP, IoU 0.5")]
validated += [(f"{line['epoch']:.0f}", f"{line['map']:.3f}") for line in JUDGED]

seconds = (FOLDER / "2.seconds").read_text("utf-8")

console = "\n".join((FOLDER / "2.txt").read_text("utf-8").strip().splitlines()[-6:])


def column(name: str) -> np.ndarray:
    """A column of the log."""
    return np.array([line[name] for line in LOG])


def curves() -> str:
    """The loss and the learning rate."""
    steps = column("step")
    names = ("loss", "classification", "localisation")
    parts = [Line(name, steps, column(name)) for name in names]
    losses = chart("The loss and its parts", parts, x="step", y_range=(0, np.nanmax(column("loss"))))
    rate = chart("The learning rate", [Line("", steps, column("lr"))], x="step")
    return beside([losses, rate])


def growing_up() -> Figure:
    """What the network finds in the photo as training goes on."""
    figures = []
    for epoch in EPOCHS:
        found = detector(epoch)(PHOTO, score=0.3)
        figure = Figure(PHOTO.shape[1], PHOTO.shape[0], text=24).image(PHOTO)
        for box, score, name, label in reversed(
            list(zip(found.boxes, found.scores, found.names, found.labels, strict=True))
        ):
            figure.box(box, color_of(label), f"{name} {score:.2f}", width=2)
        figures.append(figure)
    return row(
        figures,
        [f"after {epoch} epochs" for epoch in EPOCHS],
        "Detections in the photo, epoch by epoch",
        columns=3,
        width=300,
    )
