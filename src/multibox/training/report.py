"""The report of a run, written during and after the run."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from multibox.errors import BadInput, RunFailed
from multibox.report.training import read_log, write_training_report
from multibox.training.curves import draw_curves
from multibox.training.experiment import ROOT, Experiment

log = logging.getLogger(__name__)

EVERY = 60.0
"""Seconds between two reports of a run that goes on, at least."""


def report(run: str) -> Path:
    """Write the report of a run.

    Args:
        run: its name.

    Returns:
        the page, ``report.html`` in the run's folder.

    Raises:
        BadInput: no such run, or it has written nothing yet.
    """
    folder = ROOT / run
    if not run or not folder.is_dir():
        runs = sorted(path.parent.name for path in ROOT.glob("*/log.csv"))
        raise BadInput(f"report {run}", f"no such run in {ROOT}; there are: {', '.join(runs) or 'none'}")
    return write_training_report(folder, running=_is_running(Experiment(folder)))


class LiveReport:
    """Writes the report of a run during the run. A report that cannot be written is logged, and the run continues.

    Args:
        experiment: The run.
    """

    def __init__(self, experiment: Experiment):
        self.experiment = experiment
        self.written = time.monotonic()

    def refresh(self) -> None:
        """Write the page, if the last one is old enough and there is something to report."""
        if time.monotonic() - self.written >= EVERY:
            self._try(self._refresh)

    def write(self, *, running: bool) -> None:
        """Write the page and the curves now."""
        self._try(lambda: write_training_report(self.experiment.folder, running=running))
        self._try(lambda: draw_curves(self.experiment))

    def _refresh(self) -> None:
        if read_log(self.experiment.log):
            write_training_report(self.experiment.folder, running=True)

    def _try(self, write: Callable[[], object]) -> None:
        try:
            write()
        except (BadInput, RunFailed, OSError) as error:
            log.warning("no report was written, and the run continues: %s", error)
        self.written = time.monotonic()


def _is_running(experiment: Experiment) -> bool:
    try:
        with experiment.locked():
            return False
    except BadInput:
        return True
