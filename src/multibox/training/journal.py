"""The log of a run: a line every few steps on the terminal, in ``log.csv`` and to tracking services."""

import time
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from multibox.models.backend import current
from multibox.training import hosts
from multibox.training.clock import Clock
from multibox.training.run_log import STEP_FIELDS, RunLog
from multibox.training.trackers import Trackers


class TimedBatches:
    """An iterator over batches that measures the time spent waiting for them."""

    def __init__(self, batches: Iterator[Any]):
        self.batches = batches
        self.waited = 0.0

    def stream(self) -> Iterator[Any]:
        """A generator of the batches, for Keras' ``fit``."""
        while True:
            start = time.perf_counter()
            batch = next(self.batches)
            self.waited += time.perf_counter() - start
            yield current().sent(batch)


class Journal(keras.callbacks.Callback):
    """Callback that writes the log of a run.

    Losses are means since the previous row, or since the run was resumed. ``data_wait`` is the share of time spent
    waiting for the next batch.

    Args:
        table: File ``log.csv`` of the run.
        trackers: Trackers that receive each row.
        batches: Batches of the run, which measure the time spent waiting for them.
        clock: Clock that counts the steps of the run.
        images: Number of images in a training step.
        every: Number of steps between two rows. Each epoch ends with a row too.
    """

    def __init__(
        self, table: RunLog, trackers: Trackers, batches: TimedBatches, clock: Clock, *, images: int, every: int
    ):
        super().__init__()
        self.table, self.trackers, self.batches, self.clock = table, trackers, batches, clock
        self.images, self.every = images, every
        self.in_epoch, self.made = 0, 0
        self.means: dict[str, float] = {}
        self._restart_clock()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Reset the means, because Keras resets its metrics at the start of each epoch."""
        self.means, self.in_epoch = {}, 0
        self._restart_clock()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Write a row every ``every`` steps, and at the end of an epoch."""
        self.made += 1
        if self.clock.step % self.every == 0 or self.clock.ends_epoch:
            self._write_line(batch + 1, logs or {})
        elif self.made == 1:
            self._restart_clock()  # The first step compiles, and fills the queue.

    def _write_line(self, done: int, logs: dict[str, Any]) -> None:
        step, epoch = self.clock.step, (self.clock.step - 1) // self.clock.steps_per_epoch + 1
        row: dict[str, Any] = {"step": step, "epoch": epoch, **self._means_since(done, logs)}
        seconds = max(time.perf_counter() - self.since, 1e-9)
        row["images_per_second"] = (step - self.counted) * self.images / seconds
        row["data_wait"] = (self.batches.waited - self.waited) / seconds
        optimizer: Any = self.model.optimizer
        row["lr"] = float(ops.convert_to_numpy(optimizer.learning_rate))
        self.table.write(row)
        self.trackers.scalars({f"train/{name}": row[name] for name in STEP_FIELDS[1:]}, step)
        hosts.log(self._sentence(row))
        self._restart_clock()

    def _means_since(self, done: int, logs: dict[str, Any]) -> dict[str, float]:
        """Means since the previous row, from Keras' means since the start of the epoch."""
        now = {name: float(value) for name, value in logs.items()}
        steps = done - self.in_epoch
        means = {
            name: (value * done - self.means.get(name, 0.0) * self.in_epoch) / steps for name, value in now.items()
        }
        self.means, self.in_epoch = now, done
        return means

    def _sentence(self, row: dict[str, Any]) -> str:
        left = (self.clock.steps - self.clock.step) * self.images / max(row["images_per_second"], 1e-9)
        return (
            f"epoch {row['epoch']}/{self.clock.epochs}  step {self.clock.step}/{self.clock.steps}  "
            f"loss {row['loss']:.3f} (classes {row['classification']:.3f}, boxes {row['localisation']:.3f})  "
            f"lr {row['lr']:.2g}  {row['images_per_second']:.1f} images/s  data-wait {row['data_wait']:.1%}  "
            f"left {int(left) // 60}:{int(left) % 60:02d}"
        )

    def _restart_clock(self) -> None:
        self.since, self.waited, self.counted = time.perf_counter(), self.batches.waited, self.clock.step
