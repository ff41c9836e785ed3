"""Validation during a run: mAP, snapshots, the best model, curves and report."""

from pathlib import Path
from typing import Any

import keras

from multibox.detect.detector import Detector
from multibox.evaluation.evaluate import evaluate
from multibox.models.file import save_model
from multibox.runtimes.from_keras import quickest_of
from multibox.runtimes.keras import KerasRuntime
from multibox.training import hosts
from multibox.training.checkpoint import State
from multibox.training.clock import Clock
from multibox.training.distribute import as_if_alone, runtime_of
from multibox.training.experiment import Experiment
from multibox.training.live_report import LiveReport
from multibox.training.optimizer import GuardedOptimizer
from multibox.training.pictures import draw_findings
from multibox.training.run_log import VALIDATION_FIELDS, RunLog
from multibox.training.setup import Setup
from multibox.training.stop import StopOnSignal
from multibox.training.trackers import Trackers
from multibox.training.training_model import bring_weights_back


class Validate(keras.callbacks.Callback):
    """Callback that validates and saves the network every few epochs, with averaged weights if there are any.

    The last epoch is always followed by a validation. Several hosts share the images. The detections of all
    hosts are then sent to each host, and every host takes the mAP that the first one computed.

    Args:
        setup: Network, optimizer, data and configuration of the run. If no mAP can be
            measured, the network is only saved.
        state: State of the run at its last checkpoint, or the default state of a new run.
        experiment: Folder of the run.
        trackers: Trackers that receive mAP and images of each validation.
        clock: Clock that counts the steps of the run.
        stop: Callback that notices signals, so that a long validation can be interrupted.
    """

    def __init__(
        self,
        setup: Setup,
        state: State,
        experiment: Experiment,
        trackers: Trackers,
        clock: Clock,
        stop: StopOnSignal,
    ):
        super().__init__()
        self.network, self.schema, self.stores = setup.network, setup.schema, setup.validation
        self.measures = bool(setup.measured)
        self.optimizer: GuardedOptimizer = setup.optimizer
        settings = setup.config.train
        self.every, self.patience = settings.validate_every, settings.patience
        self.runtime = runtime_of(setup.network, setup.schema, settings.devices)
        self.experiment, self.trackers, self.clock, self.stop = experiment, trackers, clock, stop
        self.table = RunLog(
            experiment.validations if self.measures and hosts.is_first() else None, VALIDATION_FIELDS, state.validated
        )
        self.validated, self.best, self.stale = state.validated, state.best, state.stale
        self.report = LiveReport(experiment)

    @property
    def due(self) -> bool:
        """Whether the epoch that just ended must be followed by a validation, and has not been yet."""
        epoch = self.clock.epochs_done
        wanted = epoch == self.clock.epochs or (self.every > 0 and epoch % self.every == 0)
        return self.clock.ends_epoch and wanted and epoch > self.validated

    @property
    def gave_up(self) -> bool:
        """Whether the mAP has not risen for ``train.patience`` validations, so that the run ends.

        Without mAP it never ends.
        """
        return self.measures and 0 < self.patience <= self.stale

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Update the report from time to time."""
        if hosts.is_first():
            self.report.refresh()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Validate and save the network if a validation is due."""
        bring_weights_back(self)
        if self.due:
            self.validate()
            self.model.stop_training = self.gave_up

    def validate(self) -> None:
        """Validate the network and save it.

        Raises:
            StopAsked: If Ctrl-C or SIGTERM has arrived.
        """
        epoch = self.clock.epochs_done
        with self.optimizer.averaged(), as_if_alone(self.network):
            self._save(self.experiment.snapshot(epoch), self.experiment.last)
            if self._is_best(epoch):
                self._save(self.experiment.best)
        self.validated = epoch
        if hosts.is_first():
            self.report.write(running=epoch < self.clock.epochs and not self.gave_up)

    def _look(self, done: int, total: int) -> None:
        self.stop.look()

    def _save(self, *paths: Path) -> None:
        for path in paths if hosts.is_first() else ():
            save_model(self.network, self.schema, path)

    def _is_best(self, epoch: int) -> bool:
        if not self.measures:
            return True
        self.runtime.reload()
        detector = Detector(quickest_of(self.runtime) if isinstance(self.runtime, KerasRuntime) else self.runtime)
        evaluation = evaluate(detector, self.stores, progress=self._look, detect=hosts.detect_shares)
        figures = hosts.from_first(evaluation.to_json)
        self.table.write({"epoch": epoch, **figures})
        maps = {f"validation/{name}": figures[name] for name in VALIDATION_FIELDS[1:4]}
        self.trackers.scalars(maps, self.clock.step)
        if self.trackers:
            self.trackers.pictures("validation", draw_findings(detector, self.stores), self.clock.step)
        score = figures["map"]
        hosts.log(f"epoch {epoch}/{self.clock.epochs}  validation mAP {score:.3f} ({figures['seconds']:.0f} s)")
        is_best = score > self.best
        self.stale = 0 if is_best else self.stale + 1
        self.best = max(score, self.best)
        return is_best
