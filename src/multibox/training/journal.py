"""What a run says of itself: a line every few steps on the terminal, in ``log.csv`` and for TensorBoard."""

import csv
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
from keras import ops
from rich.console import Console

FIELDS = (
    "step",
    "epoch",
    "loss",
    "classification",
    "localisation",
    "positives",
    "lr",
    "images_per_second",
    "data_wait",
)


class TimedBatches:
    """Passes batches on and adds up the time spent waiting for them."""

    def __init__(self, batches: Iterator[Any]):
        self.batches = batches
        self.waited = 0.0

    def stream(self) -> Iterator[Any]:
        """The batches as a generator, which is what ``fit`` takes."""
        while True:
            start = time.perf_counter()
            batch = next(self.batches)
            self.waited += time.perf_counter() - start
            yield batch


class Table:
    """A CSV file that grows by a line at a time."""

    def __init__(self, path: Path, fields: tuple[str, ...]):
        self.path, self.fields = path, fields
        self._append(fields)

    def write(self, row: dict[str, Any]) -> None:
        """Add a line; numbers with six digits."""
        values = [row[field] for field in self.fields]
        self._append([f"{value:.6g}" if isinstance(value, float) else value for value in values])

    def _append(self, cells: Any) -> None:
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(cells)


class TensorBoard:
    """Scalars for TensorBoard, where it is installed."""

    def __init__(self, folder: Path):
        try:
            from tensorboard.summary import Writer
        except ImportError:
            self._writer = None
        else:
            self._writer = Writer(str(folder))

    def write(self, values: dict[str, float], step: int) -> None:
        """Add points to curves."""
        if self._writer:
            for name, value in values.items():
                self._writer.add_scalar(name, float(value), step)
            self._writer.flush()


class Journal(keras.callbacks.Callback):
    """Writes the log of a run.

    Losses are means since the line before. ``data_wait`` is the share of the time in which the next batch was waited
    for.

    Args:
        table: the CSV file.
        board: TensorBoard's.
        batches: who knows the time waited.
        images: a step.
        steps_per_epoch: as said.
        epochs: as said.
        every: steps between two lines.
    """

    def __init__(
        self,
        table: Table,
        board: TensorBoard,
        batches: TimedBatches,
        *,
        images: int,
        steps_per_epoch: int,
        epochs: int,
        every: int,
    ):
        super().__init__()
        self.table, self.board, self.batches = table, board, batches
        self.images, self.steps_per_epoch, self.epochs, self.every = images, steps_per_epoch, epochs, every
        self.console = Console(stderr=True, highlight=False)
        self.step = self.epoch = self.in_epoch = 0
        self.means: dict[str, float] = {}
        self._restart_clock()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Means of the network's metrics begin anew."""
        self.epoch, self.means, self.in_epoch = epoch, {}, 0
        self._restart_clock()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Count; write a line where one is due."""
        self.step += 1
        if self.step == 1:
            self._restart_clock()  # The first step compiles, and fills the queue.
        last = batch + 1 == self.steps_per_epoch
        if self.step % self.every == 0 or last:
            self._write_line(batch + 1, logs or {})

    def _write_line(self, done: int, logs: dict[str, Any]) -> None:
        row: dict[str, Any] = {"step": self.step, "epoch": self.epoch + 1, **self._means_since(done, logs)}
        seconds = max(time.perf_counter() - self.since, 1e-9)
        row["images_per_second"] = (self.step - self.counted) * self.images / seconds
        row["data_wait"] = (self.batches.waited - self.waited) / seconds
        optimizer: Any = self.model.optimizer
        row["lr"] = float(ops.convert_to_numpy(optimizer.learning_rate))
        self.table.write(row)
        self.board.write({name: row[name] for name in FIELDS[2:]}, self.step)
        self.console.print(self._sentence(row), soft_wrap=True)
        self._restart_clock()

    def _means_since(self, done: int, logs: dict[str, Any]) -> dict[str, float]:
        """Keras gives means since the epoch began; take out what the last line has told."""
        now = {name: float(value) for name, value in logs.items()}
        steps = done - self.in_epoch
        means = {
            name: (value * done - self.means.get(name, 0.0) * self.in_epoch) / steps for name, value in now.items()
        }
        self.means, self.in_epoch = now, done
        return means

    def _sentence(self, row: dict[str, Any]) -> str:
        left = (self.epochs * self.steps_per_epoch - self.step) * self.images / max(row["images_per_second"], 1e-9)
        return (
            f"epoch {row['epoch']}/{self.epochs}  step {self.step}/{self.epochs * self.steps_per_epoch}  "
            f"loss {row['loss']:.3f} (classes {row['classification']:.3f}, boxes {row['localisation']:.3f})  "
            f"lr {row['lr']:.2g}  {row['images_per_second']:.1f} images/s  data-wait {row['data_wait']:.1%}  "
            f"left {int(left) // 60}:{int(left) % 60:02d}"
        )

    def _restart_clock(self) -> None:
        self.since, self.waited, self.counted = time.perf_counter(), self.batches.waited, self.step
