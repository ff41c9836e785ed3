"""Chapter 9: training, and the photo while it goes on."""

import re

import numpy as np
from figure import Figure, beside, color_of, row
from photo import PHOTO
from trained import COMMANDS, EPOCHS, FOLDER, config, detector, run, split

from multibox.report.chart import Chart, Line
from multibox.training.run_log import read_logs

RUN, CONFIG = run(), config()
commands = "\n".join(re.sub(r" (?=\S+=)", " \\\\\n    ", command, count=0) for command in COMMANDS)

image_count = str(len(split("train")))
epochs, batch = str(CONFIG.train.epochs), str(CONFIG.train.batch)
STEPS = CONFIG.train.epoch_steps(len(split("train"))) * CONFIG.train.epochs
step_count, seen_count = f"{STEPS:,}", f"{STEPS * CONFIG.train.batch:,}"
lr, trunk_lr, warmup = f"{CONFIG.train.lr:g}", f"{CONFIG.train.trunk_lr:g}", str(CONFIG.train.warmup_steps)

LOG, VALIDATIONS = read_logs(RUN / "log.csv", RUN / "validation.csv")

first_loss, last_loss = f"{LOG['loss'][0]:.1f}", f"{LOG['loss'][-1]:.1f}"
validated = [("after epoch", "validation mAP, IoU 0.5")]
rows = zip(VALIDATIONS["epoch"], VALIDATIONS["map"], strict=True)
validated += [(f"{epoch:.0f}", f"{map_:.3f}") for epoch, map_ in rows]

seconds = (FOLDER / "2.seconds").read_text("utf-8")

console = "\n".join((FOLDER / "2.txt").read_text("utf-8").strip().splitlines()[-6:])


def curves() -> str:
    """The loss and the learning rate."""
    steps = LOG["step"]
    names = ("loss", "classification", "localisation")
    parts = [Line(name, steps, LOG[name]) for name in names]
    losses = Chart("The loss and its parts", parts, x="step", y_range=(0, np.nanmax(LOG["loss"])))
    rate = Chart("The learning rate", [Line("", steps, LOG["lr"])], x="step")
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
