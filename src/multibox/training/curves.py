"""Charts of a run's losses, learning rate and mAP."""

from multibox.report.chart import Chart, Line
from multibox.report.drawing import save_drawings
from multibox.training.experiment import Experiment
from multibox.training.run_log import Columns, read_logs


def draw_curves(experiment: Experiment) -> None:
    """Draw the losses, the mAP and the learning rate of a run into its file ``curves.svg``.

    Args:
        experiment: Folder of the run.

    Raises:
        BadInput: The run has not logged a step yet, or its logs are damaged.
    """
    log, validations = read_logs(experiment.log, experiment.validations)
    charts = [*main_charts(log, validations), rate_chart(log)]
    title = f"Curves of {experiment.folder.name}"
    save_drawings(experiment.curves, title, charts, replace=True)  # the folder of a run is Multibox's own


def all_charts(log: Columns, validations: Columns) -> list[Chart]:
    """All charts for the report of a run.

    Args:
        log: Columns of ``log.csv``, as :func:`~multibox.training.run_log.read_logs` returns them.
        validations: Columns of ``validation.csv``. Empty before the first validation.

    Returns:
        The charts, in the order of the page.
    """
    return [
        *main_charts(log, validations),
        rate_chart(log),
        _over_steps(log, "Positive priors per image", "positives"),
        _over_steps(log, "Waiting for data", "data_wait", factor=100, y="% of the time"),
        _over_steps(log, "Images per second", "images_per_second"),
    ]


def main_charts(log: Columns, validations: Columns) -> list[Chart]:
    """A chart of the losses, and a chart of the validation mAP if there was a validation."""
    losses = _over_steps(log, "Loss per positive prior", "loss", "classification", "localisation", y_log=True)
    if not validations:
        return [losses]
    names = {"map": "IoU 0.5", "map_50_95": "IoU 0.5 to 0.95"}
    lines = [Line(text, validations["epoch"], validations[name], marked=True) for name, text in names.items()]
    span = (0.0, max(float(log["epoch_at"][-1]), float(validations["epoch"][-1])))
    return [losses, Chart("Validation mAP", lines, x="epoch", x_range=span, y_range=(0, 1))]


def rate_chart(log: Columns) -> Chart:
    """A chart of the learning rate."""
    return _over_steps(log, "Learning rate", "lr")


def _over_steps(log: Columns, title: str, *names: str, factor: float = 1, y: str = "", y_log: bool = False) -> Chart:
    """Chart columns of the log over epochs, or over steps until the first epoch has ended."""
    x, at = ("step", log["step"]) if log["epoch"][-1] == 1 else ("epoch", log["epoch_at"])
    lines = [Line(name, at, log[name] * factor) for name in names]
    return Chart(title, lines, x=x, y=y, x_range=(0, max(float(at[-1]), 1e-9)), y_log=y_log)
