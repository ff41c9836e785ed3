"""Preparation of a run before its first step: settings, stores, network and optimizer."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from multibox.config import Config
from multibox.config_file import load_config, parse_overrides
from multibox.data.build import OnBad
from multibox.data.object_kinds import learned
from multibox.data.presence import Presence, presence_in
from multibox.data.store import Store
from multibox.errors import BadInput
from multibox.evaluation.test_set import common_classes
from multibox.importers.pretrained import load_pretrained
from multibox.models import shipped
from multibox.models.backend import computing_in, jit_compile
from multibox.models.maps import feature_maps
from multibox.models.schema import Schema
from multibox.models.ssd import build, frozen_until
from multibox.models.transfer import graph_fields, start_weights, transfer
from multibox.prepare.joined import JoinedStores
from multibox.prepare.pipeline import Joined, joined_order
from multibox.prepare.tile_size import settle_tiles
from multibox.progress import Progress
from multibox.training import hosts
from multibox.training.class_weights import with_class_weights
from multibox.training.distribute import on_devices, synchronize
from multibox.training.optimizer import make_optimizer
from multibox.training.schedule import Schedule
from multibox.training.stores import OnBuild, all_classes, find_data, open_stores
from multibox.training.trackers import require_tracker
from multibox.training.training_model import TrainingModel
from multibox.training.usable_data import measured_classes, remarks, require_objects

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Setup:
    """What a run trains with: configuration, data, network and optimizer.

    Attributes:
        config: Configuration of the run, including its class names.
        stores: Stores to train on.
        validation: Stores to validate on. Empty without validation data.
        schema: Schema that is saved in the model file.
        network: Network of the detector.
        model: Keras model of the network with its loss and optimizer.
        steps_per_epoch: Number of training steps in an epoch.
        presence: Classes that the training images show.
        joined: Training records, and the endless order in which the run sees them.
        measured: Names of the classes that a validation can measure. If empty, no mAP is measured.
    """

    config: Config
    stores: Sequence[Store]
    validation: Sequence[Store]
    schema: Schema
    network: keras.Model
    model: TrainingModel
    steps_per_epoch: int
    presence: Presence
    joined: Joined
    measured: tuple[str, ...] = ()

    @property
    def optimizer(self) -> Any:
        """The optimizer that trains the network."""
        return self.model.optimizer

    @property
    def variables(self) -> list[Any]:
        """All variables that change in training: the network's and the optimizer's."""
        return [*self.network.variables, *self.optimizer.variables]

    @property
    def digests(self) -> tuple[str, ...]:
        """Digests of the training and validation stores, which show whether the data has changed."""
        return tuple(store.meta.digest for store in (*self.stores, *self.validation))


def settings_of(
    data: str | None,
    config: str | Path,
    overrides: Iterable[str] | Mapping[str, Any],
    on_bad: OnBad,
    progress: Progress | None = None,
    on_build: OnBuild | None = None,
) -> Config:
    """Read the configuration of a run.

    ``data`` replaces the splits that ``config`` names, and ``overrides`` replace both.

    Raises:
        BadInput: If the configuration or the data is invalid, or there is no split to train on.
    """
    found: dict[str, Any] = find_data(data, on_bad, progress, on_build) if data is not None else {}
    given = found | parse_overrides(overrides)
    settings = load_config(config, given)
    if of_graph := graph_fields(settings.network):
        hosts.log(
            f"network, priors and data.resize are taken from {settings.network.weights}, an imported graph of layers"
        )
        settings = load_config(config, of_graph | given)
    if not settings.data.train:
        raise BadInput("data.train", "no data to train on; give data=FOLDER or data.train=[NAME/SPLIT]")
    require_validations(settings)
    if hosts.is_first():
        require_tracker(settings)
    return settings


def require_validations(settings: Config) -> None:
    """Refuse ``train.patience`` in a run without regular validations.

    Raises:
        BadInput: If ``train.patience`` is set without validation data or without ``train.validate_every``.
    """
    if settings.train.patience and not (settings.data.val and settings.train.validate_every):
        raise BadInput("train.patience", "requires validations; set data.val=[NAME/SPLIT] and train.validate_every too")


def complete(settings: Config, stores: Sequence[Store]) -> Config:
    """Complete the configuration of a new run with the class names, the initial weights and the classes' factors.

    Raises:
        BadInput: If ``data.classes`` lacks a class of a store, there is no image, ``loss.class_weights`` names another
            class, or the validation data has no class of the run.
    """
    classes = all_classes(settings, stores)
    chosen = {
        "data": settings.data.model_copy(update={"classes": classes}),
        "network": settings.network.model_copy(
            update={"weights": start_weights(settings.network), "freeze": frozen_until(settings.network)}
        ),
    }
    settings = settings.model_copy(update=chosen)
    records = JoinedStores(stores, classes)
    require_objects(settings, stores)
    settings = settle_tiles(records, with_class_weights(settings, stores), hosts.log)
    if settings.data.val:
        common_classes(classes, open_stores(settings.data.val))
    return settings


def open_same_stores(settings: Config) -> list[Store]:
    """Open the training stores, and verify that all hosts have the same training and validation data.

    Raises:
        BadInput: If a store is missing, or differs between hosts.
    """
    stores = open_stores(settings.data.train)
    digests = [store.meta.digest for store in (*stores, *open_stores(settings.data.val))]
    hosts.require_same("has stores with data", digests)
    return stores


def set_up(config: Config, stores: Sequence[Store]) -> Setup:
    """Build the network and its optimizer. Weights are drawn at random from the configured seed.

    Args:
        config: Configuration of the run, including its class names.
        stores: Stores to train on.

    Returns:
        Configuration, data, network and optimizer of the run.

    Raises:
        BadInput: If ``data.weights`` does not fit the stores, or ``data.balance`` and ``data.tiles`` are both set.
    """
    keras.utils.set_random_seed(config.train.seed)
    presence = presence_in(stores, config.data.classes, learned(config.data.difficult))
    joined = joined_order(stores, config.data.classes, config, presence)
    schema = Schema(
        network=config.network,
        maps=feature_maps(config.network),
        classes=config.data.classes,
        priors=config.priors,
        resize=config.data.resize,
        tiles=config.data.tiles,
        activation=config.loss.activation,
        detect=config.detect,
        training=config.model_dump(mode="json", exclude={"network": {"graph"}}),
        images_of_class=presence.images_by_name,
    )
    steps = config.train.epoch_steps(joined[0].examples)
    with on_devices(config.train), computing_in(config.train.precision):
        network = build(config.network, len(schema.classes), config.priors, config.loss.activation)
        synchronize(network, config.train.devices)
        model = TrainingModel(network, config.loss, schema.make_priors(), config.priors.variances)
        optimizer = make_optimizer(network, config.network.trunk, config.train, Schedule(config.train, steps))
        model.compile(optimizer=optimizer, jit_compile=jit_compile(config.train.devices))
        optimizer.build(model.trainable_variables)
    validation = open_stores(config.data.val)
    measured = measured_classes(schema.classes, validation)
    return Setup(config, stores, validation, schema, network, model, steps, presence, joined, measured)


def log_remarks(setup: Setup, *, is_new: bool = True, is_val_chosen: bool = False) -> None:
    """Log what a user should know about the data before the first step, as warnings.

    Args:
        setup: Data and configuration of the run.
        is_new: Whether the run is new. For a resumed run, no change of its data is advised.
        is_val_chosen: Whether the caller has set ``data.val``. If it is empty then, no validation data is advised.
    """
    if hosts.is_first():
        data = (setup.stores, setup.validation, setup.presence, setup.measured)
        for remark in remarks(setup.config, *data, is_new=is_new, is_val_chosen=is_val_chosen):
            log.warning(remark)


def load_start_weights(setup: Setup) -> None:
    """Load the initial weights, and log which of them come from another detector and which are kept.

    Raises:
        BadInput: If the weights cannot be read or do not fit the network.
    """
    network = setup.config.network
    weights = network.weights
    if weights == shipped.NAME or weights.endswith(".keras"):
        taken_over = transfer(setup.network, setup.schema, weights)
        hosts.log(f"starts from {weights}: {taken_over}")
    else:
        load_pretrained(setup.network, network)
    if network.freeze:
        hosts.log(f"the trunk's weights up to {network.freeze} are not trained (network.freeze)")
