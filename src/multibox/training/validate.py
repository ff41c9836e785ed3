"""Validation during a run: mAP, snapshots, the best model, and the curves as a picture."""

from collections.abc import Sequence
from typing import Any

import keras
from rich.console import Console

from multibox.data.store import Store
from multibox.detect.detector import Detector
from multibox.detect.runtimes import KerasRuntime
from multibox.evaluation.evaluate import evaluate
from multibox.models.file import save_model
from multibox.models.schema import Schema
from multibox.training.checkpoint import State
from multibox.training.clock import Clock
from multibox.training.curves import draw_curves
from multibox.training.distribute import as_if_alone, for_one_device
from multibox.training.experiment import Experiment
from multibox.training.journal import Table, TensorBoard
from multibox.training.optimizer import GuardedOptimizer
from multibox.training.stop import StopOnSignal

FIELDS = ("epoch", "map", "map_11point", "map_50_95", "seconds")


class Validate(keras.callbacks.Callback):
    """Every few epochs, and after the last: judge the network and save it, with averaged weights where there are such.

    Args:
        network: the network that is trained.
        optimizer: its optimizer, which may keep averages of its weights.
        schema: of its model file.
        stores: the images to judge on; without any, the network is only saved.
        experiment: where the files go.
        board: TensorBoard's.
        clock: who knows the epoch.
        stop: who knows whether the run is to stop.
        every: epochs between two validations; 0: only after the last.
        patience: validations without a better mAP, after which the run ends; 0: never.
        state: where the run was when it was saved.
    """

    def __init__(
        self,
        network: keras.Model,
        optimizer: GuardedOptimizer,
        schema: Schema,
        stores: Sequence[Store],
        experiment: Experiment,
        board: TensorBoard,
        clock: Clock,
        stop: StopOnSignal,
        *,
        every: int,
        patience: int,
        state: State,
    ):
        super().__init__()
        self.network = for_one_device(network)
        self.optimizer, self.schema, self.stores = optimizer, schema, stores
        self.experiment, self.board, self.clock, self.stop = experiment, board, clock, stop
        self.every, self.patience = every, patience
        self.table = Table(experiment.validations, FIELDS, state.validated) if stores else None
        self.validated, self.best, self.stale = state.validated, state.best, state.stale
        self.console = Console(stderr=True, highlight=False)

    @property
    def due(self) -> bool:
        """Whether the epoch just made is one after which to validate, and that was not done yet."""
        epoch = self.clock.epochs_done
        wanted = epoch == self.clock.epochs or (self.every > 0 and epoch % self.every == 0)
        return self.clock.ends_epoch and wanted and epoch > self.validated

    @property
    def gave_up(self) -> bool:
        """Whether the mAP has not risen for too long."""
        return 0 < self.patience <= self.stale

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Validate and save, where it is due."""
        self.model  # noqa: B018  Keras brings the weights from the JAX step back when it is asked for
        if self.due:
            self.validate()
            self.model.stop_training = self.gave_up

    def validate(self) -> None:
        """Judge the network and save it.

        Raises:
            StopAsked: a signal has come.
        """
        epoch = self.clock.epochs_done
        with self.optimizer.averaged(), as_if_alone(self.network):
            save_model(self.network, self.schema, self.experiment.snapshot(epoch))
            save_model(self.network, self.schema, self.experiment.last)
            if self._is_best(epoch):
                save_model(self.network, self.schema, self.experiment.best)
        self.validated = epoch
        draw_curves(self.experiment)

    def _is_best(self, epoch: int) -> bool:
        if not self.table:
            return True
        detector = Detector(KerasRuntime(self.network, self.schema))
        figures = evaluate(detector, self.stores, progress=lambda done, total: self.stop.look()).to_json()
        self.table.write({"epoch": epoch, **figures})
        self.board.write({name: figures[name] or 0.0 for name in FIELDS[1:4]}, epoch)
        score = figures["map"] or 0.0
        self.console.print(
            f"epoch {epoch}/{self.clock.epochs}  validation mAP {score:.3f} ({figures['seconds']:.0f} s)"
        )
        is_best = score > self.best
        self.stale = 0 if is_best else self.stale + 1
        self.best = max(score, self.best)
        return is_best
