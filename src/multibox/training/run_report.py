"""The report of a run: a page with its curves, which a browser reloads during the run."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from multibox.errors import BadInput
from multibox.report.page import Code, Gallery, Section, Table, page, save_page
from multibox.report.part import Part
from multibox.training.curves import all_charts
from multibox.training.experiment import ROOT, Experiment
from multibox.training.run_log import Columns, read_logs

REFRESH = 30
"""Number of seconds after which a browser reloads the page during the run."""


def report_run(name: str) -> Path:
    """Write the report of a run as an HTML page.

    Args:
        name: Name of the run.

    Returns:
        Path of the page, ``report.html`` in the run's folder.

    Raises:
        BadInput: No run of this name exists, it has not logged a step yet, or its logs are damaged.
    """
    experiment = Experiment(ROOT / name)
    if not name or not experiment.folder.is_dir():
        runs = sorted(log.parent.name for log in ROOT.glob(f"*/{experiment.log.name}"))
        raise BadInput(experiment.folder, f"no such run; available: {', '.join(runs) or 'none'}")
    return write_run_report(experiment, running=_is_running(experiment))


def write_run_report(experiment: Experiment, *, running: bool) -> Path:
    """Write the page ``report.html`` into the folder of a run.

    Args:
        experiment: Folder of the run.
        running: Whether the run still trains, so that browsers must reload the page.

    Returns:
        Path of the page.

    Raises:
        BadInput: The run has not logged a step yet, or its logs are damaged.
    """
    log, validations = read_logs(experiment.log, experiment.validations)
    last_step = datetime.fromtimestamp(experiment.log.stat().st_mtime, UTC)
    sections = [
        Section("State", _state(log, validations, running, last_step)),
        Section("Curves", [Gallery(all_charts(log, validations))]),
    ]
    if validations:
        sections.append(Section("Validations", [_validations(validations)]))
    if experiment.config.is_file():
        sections.append(Section("Configuration", [Code(experiment.config.read_text("utf-8"))]))
    footer = f"Written {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC."
    if running:
        footer += f" This page reloads every {REFRESH} seconds."
    title = f"Training {experiment.folder.name}"
    text = page(title, sections, footer=footer, refresh=REFRESH if running else 0)
    save_page(experiment.report, text, replace=True)  # the folder of a run is Multibox's own
    return experiment.report


def _is_running(experiment: Experiment) -> bool:
    try:
        with experiment.locked():
            return False
    except BadInput:
        return True


def _state(log: Columns, validations: Columns, running: bool, last_step: datetime) -> list[str | Part]:
    """Whether the run is training, and the time of its last step. A killed run could not record its end."""
    last = {name: values[-1] for name, values in log.items()}
    sentence = (
        f"{'Running' if running else 'Not running'}: step {last['step']:.0f}, epoch {last['epoch']:.0f}; "
        f"last step at {last_step:%Y-%m-%d %H:%M} UTC."
    )
    rows = [
        ["Loss per positive prior", f"{last['loss']:.4g}"],
        ["Images per second", f"{last['images_per_second']:.4g}"],
        ["Waiting for data", f"{last['data_wait']:.2%}"],
    ]
    if validations and not np.isnan(validations["map"]).all():
        best = int(np.nanargmax(validations["map"]))
        rows.append(["Best mAP, IoU 0.5", f"{validations['map'][best]:.3f}, epoch {validations['epoch'][best]:.0f}"])
    return [sentence, Table(["figure", "now"], rows), *_advice(last, validations)]


def _advice(last: dict[str, float], validations: Columns) -> list[str]:
    """Advice for each figure of a run that indicates a problem, such as a validation mAP that falls."""
    maps = validations.get("map", np.zeros(0))
    is_falling = len(maps) >= 3 and maps[-1] < 0.95 * max(maps)
    advice = {
        "Over 5% of the time is spent waiting for data. Give the pipeline more workers.": last["data_wait"] > 0.05,
        "Few priors match an object. Check the priors with multibox data check.": last["positives"] < 2,
        "The last validation mAP is more than 5% below the best. best.keras keeps the best model.": is_falling,
    }
    return [text for text, is_due in advice.items() if is_due]


def _validations(validations: Columns) -> Table:
    headings = ["epoch", "mAP, IoU 0.5", "11 points", "IoU 0.5 to 0.95", "seconds"]
    names = ["map", "map_11point", "map_50_95", "seconds"]
    rows = [
        [f"{epoch:.0f}", *(None if np.isnan(value) else float(value) for value in values)]
        for epoch, *values in zip(validations["epoch"], *(validations[name] for name in names), strict=True)
    ]
    return Table(headings, rows)
