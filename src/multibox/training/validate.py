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
from multibox.training.curves import draw_curves
from multibox.training.experiment import Experiment
from multibox.training.journal import Table, TensorBoard

FIELDS = ("epoch", "map", "map_11point", "map_50_95", "seconds")


class Validate(keras.callbacks.Callback):
    """Every few epochs, and after the last: judge the network and save it.

    Args:
        network: the network that is trained.
        schema: of its model file.
        stores: the images to judge on; without any, the network is only saved.
        experiment: where the files go.
        board: TensorBoard's.
        every: epochs between two validations; 0: only after the last.
        epochs: of the run.
    """

    def __init__(
        self,
        network: keras.Model,
        schema: Schema,
        stores: Sequence[Store],
        experiment: Experiment,
        board: TensorBoard,
        *,
        every: int,
        epochs: int,
    ):
        super().__init__()
        self.network, self.schema, self.stores = network, schema, stores
        self.experiment, self.board, self.every, self.epochs = experiment, board, every, epochs
        self.table = Table(experiment.validations, FIELDS) if stores else None
        self.best = -1.0
        self.last: float | None = None
        self.console = Console(stderr=True, highlight=False)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Validate and save, where it is due."""
        epoch += 1
        if epoch < self.epochs and (self.every == 0 or epoch % self.every):
            return
        self.model  # noqa: B018  Keras brings the weights from the JAX step back when it is asked for
        save_model(self.network, self.schema, self.experiment.snapshot(epoch))
        save_model(self.network, self.schema, self.experiment.last)
        self._judge(epoch)
        draw_curves(self.experiment)

    def _judge(self, epoch: int) -> None:
        if self.table:
            figures = evaluate(Detector(KerasRuntime(self.network, self.schema)), self.stores).to_json()
            self.table.write({"epoch": epoch, **figures})
            self.board.write({name: figures[name] or 0.0 for name in FIELDS[1:4]}, epoch)
            self.last = figures["map"] or 0.0
            self.console.print(
                f"epoch {epoch}/{self.epochs}  validation mAP {self.last:.3f} ({figures['seconds']:.0f} s)"
            )
            if self.last <= self.best:
                return
            self.best = self.last
        save_model(self.network, self.schema, self.experiment.best)
