"""The report and the curves of a run, updated during the run."""

import logging
import time
from collections.abc import Callable

from multibox.errors import BadInput, RunFailed
from multibox.training.curves import draw_curves
from multibox.training.experiment import Experiment
from multibox.training.run_log import read_log
from multibox.training.run_report import write_run_report

log = logging.getLogger(__name__)

EVERY = 60.0
"""Smallest number of seconds between two updates of the report."""


class LiveReport:
    """Updates the report during a run. If a report cannot be written, the error is logged and the run continues.

    Args:
        experiment: Folder of the run.
    """

    def __init__(self, experiment: Experiment):
        self.experiment = experiment
        self.written = time.monotonic()

    def refresh(self) -> None:
        """Update the report if the last update is old enough and the run has logged something."""
        if time.monotonic() - self.written >= EVERY:
            self._try(self._refresh)

    def write(self, *, running: bool) -> None:
        """Write the report and the curves now."""
        self._try(lambda: write_run_report(self.experiment, running=running))
        self._try(lambda: draw_curves(self.experiment))

    def _refresh(self) -> None:
        if read_log(self.experiment.log):
            write_run_report(self.experiment, running=True)

    def _try(self, write: Callable[[], object]) -> None:
        try:
            write()
        except (BadInput, RunFailed, OSError) as error:
            log.warning("no report was written, and the run continues: %s", error)
        self.written = time.monotonic()
