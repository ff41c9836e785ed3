"""The report of a training run: its curves in one page, which a browser reads again while the run goes on."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from multibox.errors import BadInput
from multibox.report.chart import Line, chart
from multibox.report.page import Html, Section, code, page, pictures, save_page, table

REFRESH = 30
"""Seconds after which a browser reads the page of a running training again."""

LOG, VALIDATIONS, CONFIG, PAGE = "log.csv", "validation.csv", "config.yaml", "report.html"
"""The files of a run that the report reads, and the one that it writes."""

Columns = dict[str, np.ndarray]


def write_training_report(folder: Path, *, running: bool) -> Path:
    """Write ``report.html`` into the folder of a run.

    Args:
        folder: of the run.
        running: whether it goes on, so that the page is to look for a newer one.

    Returns:
        the page.

    Raises:
        BadInput: the run has written no line yet, or its logs are damaged.
    """
    log, validations = read_run(folder)
    config = folder / CONFIG
    last_step = datetime.fromtimestamp((folder / LOG).stat().st_mtime, UTC)
    sections = [
        Section("State", _state(log, validations, running, last_step)),
        Section("Curves", [pictures(_charts(log, validations))]),
        *([Section("Validations", [_validations(validations)])] if validations else []),
        *([Section("Configuration", [code(config.read_text("utf-8"))])] if config.is_file() else []),
    ]
    footer = f"written {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if running:
        footer += f"; this page looks for newer figures every {REFRESH} seconds"
    path = folder / PAGE
    save_page(path, page(f"Training {folder.name}", sections, footer=footer, refresh=REFRESH if running else 0))
    return path


def read_run(folder: Path) -> tuple[Columns, Columns]:
    """Read the logs of a run: of its steps, and of its validations.

    Args:
        folder: of the run.

    Returns:
        the columns of both, as :func:`read_log` gives them; the second is empty where nothing was judged yet.

    Raises:
        BadInput: the run has written no line yet, or a log is damaged.
    """
    log = read_log(folder / LOG)
    if not log:
        raise BadInput(folder / LOG, "the run has written no line yet; wait for its first steps")
    return log, read_log(folder / VALIDATIONS)


def read_log(path: Path) -> Columns:
    """Read a log of a run.

    Args:
        path: of the CSV file.

    Returns:
        its columns by name, ``(L,)`` float64, NaN where nothing is known; for a log of steps also ``epoch_at``, each
        step's epoch as a fraction. Empty where there is no line.

    Raises:
        BadInput: a line is damaged.
    """
    if not path.is_file():
        return {}
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        rows = list(csv.reader(file))
    names, values = (rows[0], rows[1:]) if rows else ([], [])
    if values and len(values[-1]) < len(names):  # the run writes it just now
        values.pop()
    if not values:
        return {}
    try:
        array = np.array([[float(cell or "nan") for cell in row] for row in values]).reshape(-1, len(names))
    except ValueError:
        raise BadInput(path, f"is damaged: each line must hold {len(names)} numbers") from None
    columns = dict(zip(names, array.T, strict=True))
    if {"step", "epoch"} <= columns.keys():
        columns["epoch_at"] = columns["step"] / _steps_per_epoch(columns["step"], columns["epoch"])
    return columns


def _steps_per_epoch(step: np.ndarray, epoch: np.ndarray) -> float:
    """Each epoch ends with a line, and only the last one may be unfinished."""
    whole = epoch < epoch[-1]
    at = np.flatnonzero(whole)[-1] if whole.any() else -1
    return float(step[at] / epoch[at])


def _state(log: Columns, validations: Columns, running: bool, last_step: datetime) -> list[str]:
    """What a run does, and when it was last heard of: a run that was killed cannot say that it no longer runs."""
    last = {name: values[-1] for name, values in log.items()}
    sentence = (
        f"{'Running' if running else 'Not running'}: step {last['step']:.0f}, epoch {last['epoch']:.0f}; "
        f"last step at {last_step:%Y-%m-%d %H:%M} UTC."
    )
    rows: list[list[str | float]] = [
        ["Loss per positive prior", f"{last['loss']:.4g}"],
        ["Images a second", f"{last['images_per_second']:.4g}"],
        ["Waiting for data", f"{last['data_wait']:.2%}"],
    ]
    if validations and not np.isnan(validations["map"]).all():
        best = int(np.nanargmax(validations["map"]))
        rows.append(["Best mAP, IoU 0.5", f"{validations['map'][best]:.3f}, epoch {validations['epoch'][best]:.0f}"])
    advice = [text for is_so, text in _advice(last, validations) if is_so]
    return [sentence, table(["figure", "now"], rows), *advice]


def _advice(last: dict[str, float], validations: Columns) -> list[tuple[bool, str]]:
    """What figures ask for."""
    falling = (
        bool(validations) and len(validations["map"]) >= 3 and validations["map"][-1] < 0.95 * max(validations["map"])
    )
    return [
        (last["data_wait"] > 0.05, "Over 5% of the time goes into waiting for data: give the pipeline more workers."),
        (last["positives"] < 2, "Few priors match an object: look at the priors with multibox data check."),
        (falling, "The mAP of the last validation is below the best by more than 5%: best.keras keeps the best one."),
    ]


def _charts(log: Columns, validations: Columns) -> list[Html]:
    of_steps = log["epoch"][-1] == 1  # how many steps make an epoch is not known before the second
    x, at = ("step", log["step"]) if of_steps else ("epoch", log["epoch_at"])

    def of_log(title: str, *names: str, factor: float = 1, y: str = "", log_scale: bool = False) -> Html:
        lines = [Line(name, at, log[name] * factor) for name in names]
        return chart(title, lines, x=x, y=y, x_range=(0, max(float(at[-1]), 1e-9)), log=log_scale)

    charts = [
        of_log("Loss per positive prior", "loss", "classification", "localisation", log_scale=True),
        of_log("Learning rate", "lr"),
        of_log("Positive priors an image", "positives"),
        of_log("Waiting for data", "data_wait", factor=100, y="% of the time"),
        of_log("Images a second", "images_per_second"),
    ]
    if validations:
        names = {"map": "IoU 0.5", "map_50_95": "IoU 0.5 to 0.95"}
        lines = [Line(text, validations["epoch"], validations[name], marked=True) for name, text in names.items()]
        span = (0.0, max(float(log["epoch_at"][-1]), float(validations["epoch"][-1])))
        charts.insert(1, chart("Validation mAP", lines, x="epoch", x_range=span, y_range=(0, 1)))
    return charts


def _validations(validations: Columns) -> Html:
    headings = ["epoch", "mAP, IoU 0.5", "11 points", "IoU 0.5 to 0.95", "seconds"]
    names = ["map", "map_11point", "map_50_95", "seconds"]
    rows = [
        [f"{epoch:.0f}", *(None if np.isnan(value) else float(value) for value in values)]
        for epoch, *values in zip(validations["epoch"], *(validations[name] for name in names), strict=True)
    ]
    return table(headings, rows)
