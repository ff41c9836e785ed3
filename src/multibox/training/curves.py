"""The curves of a run as a picture."""

from multibox.report.training import read_run
from multibox.training.experiment import Experiment
from multibox.writing import new_file


def draw_curves(experiment: Experiment) -> None:
    """Draw losses, rates and mAP from the logs of a run into ``curves.png``.

    Args:
        experiment: the run.

    Raises:
        BadInput: the run has written no line yet, or its logs are damaged.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    log, validations = read_run(experiment.folder)
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
    with new_file(experiment.curves) as new:
        figure.savefig(new, dpi=110)
    pyplot.close(figure)
