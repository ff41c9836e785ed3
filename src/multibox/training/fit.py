"""A training run, from its configuration to its model file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from multibox.config import DEFAULT_PRESET, Config, load_config, parse_overrides
from multibox.data.build import OnBad
from multibox.errors import BadInput
from multibox.importers.pretrained import load_pretrained
from multibox.models.backend import jit_compile
from multibox.models.maps import feature_maps
from multibox.models.schema import Schema
from multibox.models.ssd import build
from multibox.prepare.pipeline import training_batches
from multibox.training.experiment import new_experiment
from multibox.training.finite import StopIfNotFinite
from multibox.training.journal import FIELDS, Journal, Table, TensorBoard, TimedBatches
from multibox.training.optimizer import make_optimizer
from multibox.training.schedule import Schedule
from multibox.training.stores import all_classes, find_data, open_stores
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
        RunFailed: the loss was not finite, or a process that prepares examples was killed.
    """
    found: dict[str, Any] = find_data(data, on_bad) if data is not None else {}
    settings = load_config(config, found | parse_overrides(overrides))
    if not settings.data.train:
        raise BadInput("data.train: no data to train on; give --data FOLDER or data.train=[NAME/SPLIT]")
    return _run(settings, name)


def _run(config: Config, name: str | None) -> Run:
    stores, judges = open_stores(config.data.train), open_stores(config.data.val)
    classes = all_classes(config, stores)
    config = config.model_copy(update={"data": config.data.model_copy(update={"classes": classes})})
    schema = Schema(
        network=config.network,
        maps=feature_maps(config.network),
        classes=classes,
        priors=config.priors,
        resize=config.data.resize,
        detect=config.detect,
        training=config.model_dump(mode="json"),
    )
    keras.utils.set_random_seed(config.train.seed)
    network = build(config.network, len(classes), config.priors)
    load_pretrained(network, config.network)
    with training_batches(stores, classes, schema.make_priors(), config) as batches:
        experiment = new_experiment(name, f"{config.network.trunk}-{stores[0].meta.name}")
        experiment.describe(config, network)
        steps = config.train.steps_per_epoch or max(1, sum(map(len, stores)) // config.train.batch)
        model = TrainingModel(network, config.loss)
        schedule = Schedule(config.train, steps)
        optimizer = make_optimizer(network, config.network.trunk, config.train, schedule)
        model.compile(optimizer=optimizer, jit_compile=jit_compile())
        timed, board = TimedBatches(batches), TensorBoard(experiment.folder / "tensorboard")
        validate = Validate(
            network, schema, judges, experiment, board, every=config.train.validate_every, epochs=config.train.epochs
        )
        journal = Journal(
            Table(experiment.log, FIELDS),
            board,
            timed,
            images=config.train.batch,
            steps_per_epoch=steps,
            epochs=config.train.epochs,
            every=config.train.log_every,
        )
        guard = StopIfNotFinite(config.train.log_every, batches.record_ids)
        watch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.check())
        model.fit(
            timed.stream(),
            epochs=config.train.epochs,
            steps_per_epoch=steps,
            callbacks=[watch, guard, journal, validate],
            shuffle=False,
            verbose=0,
        )
    return Run(experiment.folder, experiment.best, validate.best if judges else None)
