"""The curves of a run as a picture."""

import csv
import os
from pathlib import Path

from multibox.training.experiment import Experiment


def draw_curves(experiment: Experiment) -> None:
    """Draw losses, rates and mAP from the logs of a run into ``curves.png``.

    Args:
        experiment: the run.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    log, validations = _columns(experiment.log), _columns(experiment.validations)
    figure, (loss_axis, rate_axis, map_axis) = pyplot.subplots(1, 3, figsize=(15, 4.2), layout="constrained")
    for name in ("loss", "classification", "localisation"):
        loss_axis.plot(log["epoch_at"], log[name], label=name, linewidth=2 if name == "loss" else 1)
    loss_axis.set(title="Loss per positive prior", xlabel="epoch", yscale="log")
    loss_axis.legend(frameon=False)
    rate_axis.plot(log["epoch_at"], log["lr"], color="tab:green")
    rate_axis.set(title="Learning rate", xlabel="epoch")
    if validations:
        map_axis.plot(validations["epoch"], validations["map"], marker="o", label="IoU 0.5")
        map_axis.plot(validations["epoch"], validations["map_50_95"], marker="o", label="IoU 0.5 to 0.95")
        map_axis.legend(frameon=False)
    else:
        map_axis.text(0.5, 0.5, "no validation data", ha="center", transform=map_axis.transAxes)
    map_axis.set(title="Validation mAP", xlabel="epoch", ylim=(0, 1))
    for axis in (loss_axis, rate_axis, map_axis):
        axis.set_xlim(0, log["epoch"][-1])
        axis.grid(alpha=0.3)
    beside = experiment.curves.with_suffix(".tmp.png")
    figure.savefig(beside, dpi=110)
    pyplot.close(figure)
    os.replace(beside, experiment.curves)


def _columns(path: Path) -> dict[str, list[float]]:
    """The columns of a log as numbers, and for a log of steps also the epoch of each as a fraction."""
    if not path.is_file():
        return {}
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {name: [float(row[name] or "nan") for row in rows] for name in (rows[0] if rows else {})}
    if "step" in columns:
        steps_per_epoch = columns["step"][-1] / columns["epoch"][-1]
        columns["epoch_at"] = [step / steps_per_epoch for step in columns["step"]]
    return columns
