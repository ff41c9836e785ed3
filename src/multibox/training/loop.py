"""The training loop: calls of ``fit``, callbacks after each step and epoch, and saving."""

import gc
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from multibox.errors import RunFailed, Stopped
from multibox.prepare.pipeline import training_batches
from multibox.training import hosts
from multibox.training.checkpoint import Checkpoints, State, read_variables
from multibox.training.clock import Clock, Segment
from multibox.training.experiment import Experiment
from multibox.training.finite import StopIfNotFinite
from multibox.training.growth import Growth
from multibox.training.journal import Journal, TimedBatches
from multibox.training.one_step_ahead import OneStepAhead
from multibox.training.run_log import STEP_FIELDS, RunLog
from multibox.training.setup import Setup
from multibox.training.stop import StopAsked, StopOnSignal
from multibox.training.trackers import Trackers, open_trackers
from multibox.training.training_model import TrainingModel, bring_weights_back
from multibox.training.validate import Validate


@dataclass(frozen=True)
class Run:
    """A finished training run.

    Attributes:
        folder: Folder with all files of the run.
        model: Path of the best model, or of the last one if no mAP is measured.
        map: Best validation mAP at IoU 0.5, in [0, 1]. None without validation data, or if it has no object to find.
    """

    folder: Path
    model: Path
    map: float | None


def run(setup: Setup, experiment: Experiment, state: State) -> Run:
    """Train a run from a state to its end. The caller must hold the lock of the run's folder.

    Args:
        setup: Network, optimizer, data and configuration of the run.
        experiment: Folder of the run.
        state: State that training continues from. A new run has the default state.

    Returns:
        The finished run.

    Raises:
        Stopped: If a signal stopped the run. Its state was saved, so it can be resumed.
        RunFailed: If the loss was not finite, the disk is full, or a process that prepares examples was killed.
    """
    settings = setup.config.train
    checkpoints = Checkpoints(experiment.checkpoints, settings.keep)
    clock = Clock(setup.steps_per_epoch, settings.epochs, state.step)
    first = hosts.is_first()
    is_stopped, failed = False, None
    with ExitStack() as until_end:
        opened = open_trackers(experiment, setup.config, state.step) if first else Trackers()
        trackers = until_end.enter_context(opened)
        stop = until_end.enter_context(StopOnSignal(settings.log_every if hosts.count() > 1 else 1))
        table = RunLog(experiment.log if first else None, STEP_FIELDS, state.step)
        validate = Validate(setup, state, experiment, trackers, clock, stop)

        def save() -> None:
            now = State(clock.step, validate.validated, validate.best, validate.stale, state.data)
            if first:
                checkpoints.save(now, read_variables(setup.variables))

        try:
            if validate.due:
                validate.validate()
            growth = Growth(setup)
            for segment in clock.left([growth.until]):
                if validate.gave_up:
                    break
                after = [validate, Save(clock, settings.checkpoint_every, save), stop]
                fit_segment(setup, growth.model_at(clock.step), segment, clock, after, trackers, table)
        except StopAsked:
            save()
            is_stopped = True
        except RunFailed as error:
            failed = error.with_traceback(None)
            failed.__cause__ = failed.__context__ = None
        if is_stopped or failed:  # outside of the except, as the frames of an exception keep the iterators of fit
            gc.collect()  # or TensorFlow warns of its iterator, which would end after Python
        if failed:
            raise failed
        if is_stopped:
            go_on = f"continue with multibox.resume({experiment.folder.name!r})"
            raise Stopped(f"stopped after step {clock.step} of {clock.steps}; {go_on}", stop.signal or 0)
    return Run(experiment.folder, experiment.best, validate.best if setup.measured else None)


def fit_segment(
    setup: Setup,
    model: TrainingModel,
    segment: Segment,
    clock: Clock,
    after: list[keras.callbacks.Callback],
    trackers: Trackers,
    table: RunLog,
) -> None:
    """Train one segment of a run with Keras' ``fit``.

    Args:
        setup: Data and configuration of the run.
        model: Model to train.
        segment: Consecutive epochs of the run to train.
        clock: Clock that counts the steps of the run, set to the first step of the segment.
        after: Additional callbacks, which run after the loop's own callbacks at the end of each step and epoch.
        trackers: Trackers that receive each row of the log.
        table: File ``log.csv`` of the run.
    """
    config, settings = setup.config, setup.config.train
    with training_batches(
        setup.stores,
        setup.schema.classes,
        setup.schema.make_priors(),
        config,
        start_step=clock.step,
        host=hosts.index(),
        hosts=hosts.count(),
        joined=setup.joined,
    ) as batches:
        timed = TimedBatches(batches)
        watch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.check())
        guard = StopIfNotFinite(clock, settings.log_every, batches.record_ids)
        journal = Journal(table, trackers, timed, clock, images=settings.batch, every=settings.log_every)
        model.fit(
            timed.stream(),
            initial_epoch=segment.epoch,
            epochs=segment.until,
            steps_per_epoch=segment.steps,
            callbacks=OneStepAhead([clock, watch, guard, journal, *after], add_history=True, model=model),
            shuffle=False,
            verbose=0,
        )


class Save(keras.callbacks.Callback):
    """Callback that saves a checkpoint after every epoch, and every ``every`` steps within an epoch.

    Args:
        clock: Clock that counts the steps of the run.
        every: Number of steps between two checkpoints. 0 saves after epochs only.
        save: Function without arguments that writes a checkpoint.
    """

    def __init__(self, clock: Clock, every: int, save: Callable[[], None]):
        super().__init__()
        self.clock, self.every, self.save = clock, every, save

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Save a checkpoint every ``every`` steps within an epoch."""
        if self.every and self.clock.step % self.every == 0 and not self.clock.ends_epoch:
            self._save()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save a checkpoint after an epoch and its validation."""
        self._save()

    def _save(self) -> None:
        bring_weights_back(self)
        self.save()
