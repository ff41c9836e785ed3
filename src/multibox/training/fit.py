"""A training run, from its configuration to its model file."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from multibox.config import DEFAULT_PRESET, Config, load_config, parse_overrides
from multibox.data.build import OnBad
from multibox.data.store import Store
from multibox.errors import BadInput, Stopped
from multibox.evaluation.test_set import judged_classes
from multibox.importers.pretrained import load_pretrained
from multibox.models import shipped
from multibox.models.backend import computing_in, jit_compile
from multibox.models.maps import feature_maps
from multibox.models.schema import Schema
from multibox.models.ssd import build
from multibox.models.transfer import start_weights, transfer
from multibox.prepare.pipeline import joined_order, training_batches
from multibox.training import hosts
from multibox.training.checkpoint import Checkpoints, State, assign_variables, read_variables
from multibox.training.clock import Clock, Segment
from multibox.training.distribute import on_devices, synchronize
from multibox.training.experiment import Experiment, new_experiment, open_experiment
from multibox.training.finite import StopIfNotFinite
from multibox.training.journal import FIELDS, Journal, Table, TimedBatches
from multibox.training.one_step_ahead import OneStepAhead
from multibox.training.optimizer import make_optimizer
from multibox.training.schedule import Schedule
from multibox.training.stop import StopAsked, StopOnSignal
from multibox.training.stores import all_classes, find_data, open_stores
from multibox.training.trackers import Trackers, open_trackers, require_tracker
from multibox.training.training_model import TrainingModel
from multibox.training.validate import Validate


@dataclass(frozen=True)
class Run:
    """A finished training run.

    Attributes:
        folder: everything of it.
        model: its best model; without validation data, its last.
        map: the best validation mAP at IoU 0.5, in [0, 1]; None without validation data.
    """

    folder: Path
    model: Path
    map: float | None


def train(
    data: str | None = None,
    *,
    config: str | Path = DEFAULT_PRESET,
    overrides: Iterable[str] | Mapping[str, Any] = (),
    name: str | None = None,
    on_bad: OnBad = "fail",
) -> Run:
    """Train a detector.

    Example:
        >>> run = multibox.train("photos/", overrides={"train.epochs": 20})
        >>> detector = multibox.load(run.model)

    Args:
        data: a dataset's name, or a folder or file of images and annotations, instead of the configuration's.
        config: a preset's name, or a YAML file.
        overrides: fields by their dotted names, as a mapping or as ``name=value``.
        name: of the run; its files lie in ``experiments/NAME``. None: chosen.
        on_bad: ``fail`` or ``skip``, what to do with damaged images and boxes where ``data`` has to be built first.

    Returns:
        where the results are.

    Raises:
        BadInput: the configuration, the data or the weights are not usable, or there is a run of that name.
        RunFailed: the loss was not finite, the disk is full, or a process that prepares examples was killed.
        Stopped: by Ctrl-C or SIGTERM; :func:`resume` goes on.
    """
    settings = _settings_of_all(lambda: settings_of(data, config, overrides, on_bad))
    stores = _open_same(settings)
    classes = all_classes(settings, stores)
    chosen = {
        "data": settings.data.model_copy(update={"classes": classes}),
        "network": settings.network.model_copy(update={"weights": start_weights(settings.network)}),
    }
    settings = settings.model_copy(update=chosen)
    joined_order(stores, classes, settings)  # what does not fit is refused before the run has a folder
    if settings.data.val:
        judged_classes(classes, open_stores(settings.data.val))
    parts = make_parts(settings, stores)
    start(parts)
    default = f"{settings.network.trunk}-{stores[0].meta.name}"

    def begin() -> Experiment:
        experiment = new_experiment(name, default)
        experiment.describe(settings, parts.network)
        return experiment

    experiment = hosts.from_first(begin)
    with alone_at(experiment):
        return run(parts, experiment, State(data=parts.digests))


@contextmanager
def alone_at(experiment: Experiment) -> Iterator[None]:
    """Keep other processes from a run; of several hosts none leaves before the first has written everything.

    Raises:
        BadInput: another process is at it.
        RunFailed: another host has ended.
    """
    with ExitStack() as until_end, hosts.others_may_fail():
        hosts.from_first(lambda: until_end.enter_context(experiment.locked()))
        try:
            yield
        except Stopped:
            hosts.gather(None)
            raise
        hosts.gather(None)


def _open_same(settings: Config) -> list[Store]:
    """The stores to train on, where those of all hosts are the same, also those to judge on."""
    stores = open_stores(settings.data.train)
    digests = [store.meta.digest for store in (*stores, *open_stores(settings.data.val))]
    hosts.require_same("has stores with data", digests)
    return stores


def _settings_of_all(make: Callable[[], Config]) -> Config:
    """The first host's settings. The others read theirs after it: stores in a folder that they share are built once."""
    settings = hosts.from_first(make)
    if not hosts.is_first():
        make()
    return settings


def settings_of(
    data: str | None, config: str | Path, overrides: Iterable[str] | Mapping[str, Any], on_bad: OnBad
) -> Config:
    """The configuration of a run: that of ``config``; in its place the splits of ``data``; in theirs, ``overrides``.

    Raises:
        BadInput: as :func:`train`.
    """
    found: dict[str, Any] = find_data(data, on_bad) if data is not None else {}
    settings = load_config(config, found | parse_overrides(overrides))
    if not settings.data.train:
        raise BadInput("data.train", "no data to train on; give --data FOLDER or data.train=[NAME/SPLIT]")
    if settings.train.patience and not (settings.data.val and settings.train.validate_every):
        raise BadInput("train.patience", "counts validations; give data.val=[NAME/SPLIT] and train.validate_every too")
    if hosts.is_first():
        require_tracker(settings)
    return settings


def resume(name: str) -> Run:
    """Go on with a run that was stopped, at whatever moment and however, as if it had not been.

    On a CPU it ends with the very weights of a run that was never stopped. Of several hosts the first reads the
    checkpoint and tells the others, so that they need not share a folder.

    Args:
        name: of the run.

    Returns:
        where the results are.

    Raises:
        BadInput: no such run, other data than it began with, or no checkpoint that is whole.
        RunFailed: as :func:`train`.
        Stopped: again.
    """
    experiment = hosts.from_first(lambda: open_experiment(name))
    with alone_at(experiment):
        settings = hosts.from_first(lambda: load_config(experiment.config))
        hosts.from_first(lambda: require_tracker(settings))
        parts = make_parts(settings, _open_same(settings))
        checkpoint = hosts.from_first(Checkpoints(experiment.checkpoints).latest)
        if checkpoint is None:
            start(parts)
            return run(parts, experiment, State(data=parts.digests))
        if checkpoint.state.data != parts.digests:
            names = ", ".join((*settings.data.train, *settings.data.val))
            raise BadInput("resume", f"{name}: of {names}, something changed since the run began; train anew")
        assign_variables(parts.variables, checkpoint)
        return run(parts, experiment, checkpoint.state)


@dataclass(frozen=True)
class Parts:
    """What a run is made of, but for its place and its state."""

    config: Config
    stores: Sequence[Store]
    judges: Sequence[Store]
    schema: Schema
    network: keras.Model
    model: TrainingModel
    steps_per_epoch: int

    @property
    def variables(self) -> list[Any]:
        """All that changes in training: the network's and the optimizer's."""
        optimizer: Any = self.model.optimizer
        return [*self.network.variables, *optimizer.variables]

    @property
    def digests(self) -> tuple[str, ...]:
        """What tells whether the stores hold the same as before."""
        return tuple(store.meta.digest for store in (*self.stores, *self.judges))


def make_parts(config: Config, stores: Sequence[Store]) -> Parts:
    """Build the network and its optimizer, with fresh weights that the seed decides."""
    keras.utils.set_random_seed(config.train.seed)
    schema = Schema(
        network=config.network,
        maps=feature_maps(config.network),
        classes=config.data.classes,
        priors=config.priors,
        resize=config.data.resize,
        activation=config.loss.activation,
        detect=config.detect,
        training=config.model_dump(mode="json"),
    )
    steps = config.train.epoch_steps(sum(map(len, stores)))
    with on_devices(config.train), computing_in(config.train.precision):
        network = build(config.network, len(schema.classes), config.priors, config.loss.activation)
        synchronize(network, config.train.devices)
        model = TrainingModel(network, config.loss, schema.make_priors(), config.priors.variances)
        optimizer = make_optimizer(network, config.network.trunk, config.train, Schedule(config.train, steps))
        model.compile(optimizer=optimizer, jit_compile=jit_compile(config.train.devices))
        optimizer.build(model.trainable_variables)
    return Parts(config, stores, open_stores(config.data.val), schema, network, model, steps)


def start(parts: Parts) -> None:
    """Give the network the weights that training starts from; of a detector's it is said what they were good for.

    Raises:
        BadInput: the weights cannot be had or do not fit.
    """
    network = parts.config.network
    weights = network.weights
    if weights == shipped.NAME or weights.endswith(".keras"):
        told = transfer(parts.network, parts.schema, weights)
        hosts.console().print(f"starts from {weights}: {told}", soft_wrap=True)
    else:
        load_pretrained(parts.network, network)


def run(parts: Parts, experiment: Experiment, state: State) -> Run:
    """Train from a state to the end, as the only process that does; see :func:`alone_at`.

    Raises:
        Stopped: a signal came; the run was saved.
        RunFailed: as :func:`train`.
    """
    settings = parts.config.train
    checkpoints = Checkpoints(experiment.checkpoints, settings.keep)
    clock = Clock(parts.steps_per_epoch, settings.epochs, state.step)
    first = hosts.is_first()
    with ExitStack() as until_end:
        tell = open_trackers(experiment, parts.config, state.step) if first else Trackers()
        trackers = until_end.enter_context(tell)
        stop = until_end.enter_context(StopOnSignal(settings.log_every if hosts.count() > 1 else 1))
        table = Table(experiment.log if first else None, FIELDS, state.step)
        optimizer: Any = parts.model.optimizer
        validate = Validate(
            parts.network,
            optimizer,
            parts.schema,
            parts.judges,
            experiment,
            trackers,
            clock,
            stop,
            devices=settings.devices,
            every=settings.validate_every,
            patience=settings.patience,
            state=state,
        )

        def save() -> None:
            now = State(clock.step, validate.validated, validate.best, validate.stale, state.data)
            if first:
                checkpoints.save(now, read_variables(parts.variables))

        try:
            if validate.due:
                validate.validate()
            for segment in clock.left():
                if validate.gave_up:
                    break
                after = [validate, Save(clock, settings.checkpoint_every, save), stop]
                fit(parts, segment, clock, after, trackers, table)
        except StopAsked:
            save()
            raise Stopped(
                f"stopped after step {clock.step} of {clock.steps}; go on by: multibox train --resume "
                f"{experiment.folder.name}",
                stop.signal or 0,
            ) from None
    return Run(experiment.folder, experiment.best, validate.best if parts.judges else None)


def fit(
    parts: Parts,
    segment: Segment,
    clock: Clock,
    after: list[keras.callbacks.Callback],
    trackers: Trackers,
    table: Table,
) -> None:
    """Train for a segment of the run.

    Args:
        parts: of the run.
        segment: which part of it.
        clock: at the first step of the segment.
        after: what happens after a step or an epoch, once it was looked at and told of.
        trackers: who else is told.
        table: the log.
    """
    config, settings = parts.config, parts.config.train
    priors_rel = parts.schema.make_priors()
    with training_batches(
        parts.stores,
        parts.schema.classes,
        priors_rel,
        config,
        start_step=clock.step,
        host=hosts.index(),
        hosts=hosts.count(),
    ) as batches:
        timed = TimedBatches(batches)
        watch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.check())
        guard = StopIfNotFinite(clock, settings.log_every, batches.record_ids)
        journal = Journal(table, trackers, timed, clock, images=settings.batch, every=settings.log_every)
        parts.model.fit(
            timed.stream(),
            initial_epoch=segment.epoch,
            epochs=segment.until,
            steps_per_epoch=segment.steps,
            callbacks=OneStepAhead([clock, watch, guard, journal, *after], add_history=True, model=parts.model),
            shuffle=False,
            verbose=0,
        )


class Save(keras.callbacks.Callback):
    """Saves the run after every epoch, and every so many steps.

    Args:
        clock: who knows the step.
        every: steps; 0: only after epochs.
        save: what does it.
    """

    def __init__(self, clock: Clock, every: int, save: Callable[[], None]):
        super().__init__()
        self.clock, self.every, self.save = clock, every, save

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Save within an epoch, where it is due."""
        if self.every and self.clock.step % self.every == 0 and not self.clock.ends_epoch:
            self.model  # noqa: B018  Keras brings the weights from the JAX step back when it is asked for
            self.save()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save after an epoch and what was judged after it."""
        self.model  # noqa: B018
        self.save()
