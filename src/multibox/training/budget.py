"""The length of a run that is given in minutes instead of epochs."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from multibox.config import Config
from multibox.data.store import Store
from multibox.errors import BadInput
from multibox.prepare.phases import at_size, small_size
from multibox.prepare.pipeline import count_examples, training_batches
from multibox.prepare.tiles import tiles_of
from multibox.training import hosts
from multibox.training.setup import set_up
from multibox.training.stores import open_stores

FEWEST_STEPS = 10
"""Number of steps below which a run is refused, because it would learn next to nothing."""

WARM_UP_SHARE = 0.1
"""Largest share of the run in which the learning rate warms up."""

VALIDATION_COST = 0.5
"""Time to validate on an image, as a share of the time to train on it, which includes the gradients."""


@dataclass(frozen=True)
class Speed:
    """Measured duration of training steps.

    Attributes:
        first: Seconds of the first step, which compiles the network.
        step: Seconds of each further step.
    """

    first: float
    step: float


def fit_into(minutes: float | None, config: Config, stores: Sequence[Store], began: float) -> Config:
    """Choose the length of a run so that it ends after a number of minutes on this machine.

    A few steps are measured with the run's own network and data. The run gets the number of steps that fit, after the
    time for validations is subtracted. The result is an ordinary configuration: ``train.epochs`` and
    ``train.steps_per_epoch`` are set, and a resumed run keeps them.

    Args:
        minutes: Minutes from ``began`` to the end of the run. None leaves the configuration as it is.
        config: Configuration of the run, including its class names. Its ``train.epochs`` is not used.
        stores: Stores to train on.
        began: Time at which the run began, as a value of ``time.monotonic``.

    Returns:
        The configuration with the length of the run.

    Raises:
        BadInput: If ``minutes`` is not finite, several hosts train together, or fewer than :data:`FEWEST_STEPS` steps
            fit.
    """
    if minutes is None:
        return config
    if not math.isfinite(minutes):
        raise BadInput("minutes", "must be a finite number; set train.epochs for a run without a limit on time")
    if hosts.count() > 1:
        raise BadInput(
            "minutes", "cannot be given with several hosts or processes, whose speeds differ; set train.epochs instead"
        )
    speed = speed_of_run(config, stores)
    left = minutes * 60 - (time.monotonic() - began) - speed.first
    epoch = config.train.epoch_steps(count_examples(stores, config.data.classes, config))
    validation = VALIDATION_COST * speed.step / config.train.batch * _validation_inputs(config)
    steps = steps_within(left, speed.step, validation, config.train.validate_every * epoch)
    if steps < FEWEST_STEPS:
        needed = (minutes * 60 - left + FEWEST_STEPS * speed.step + validation) / 60
        raise BadInput(
            "minutes", f"{minutes:g} is too short for {FEWEST_STEPS} steps on this machine; give at least {needed:.1f}"
        )
    length = _length(config, steps, epoch)
    fields = " ".join(f"train.{name}={value}" for name, value in length.items())
    hosts.log(f"{minutes:g} minutes at {config.train.batch / speed.step:.1f} images/s: {fields}")
    return config.model_copy(update={"train": config.train.model_copy(update=length)})


def speed_of_run(config: Config, stores: Sequence[Store]) -> Speed:
    """Measure how long the steps of a run take, at each size of its input.

    Args:
        config: Configuration of the run, including its class names.
        stores: Stores to train on.

    Returns:
        Duration of the first steps of all sizes together, and the mean duration of the further steps of the run.
    """
    shares = {small_size(config): config.train.small_until, config.network.size: 1 - config.train.small_until}
    shares = shares if len(shares) > 1 else {config.network.size: 1.0}
    speeds = {size: measure_speed(at_size(config, size), stores) for size, share in shares.items() if share > 0}
    return Speed(
        sum(speed.first for speed in speeds.values()), sum(shares[size] * speed.step for size, speed in speeds.items())
    )


def measure_speed(config: Config, stores: Sequence[Store], seconds: float = 3.0) -> Speed:
    """Train for a few steps with random weights, and measure how long a step takes.

    Args:
        config: Configuration of the run, including its class names.
        stores: Stores to train on.
        seconds: Time in seconds for which steps after the first one are measured. At least two steps are measured.

    Returns:
        Durations of the first step and of the further ones.
    """
    setup = set_up(config, stores)
    watch = _Stopwatch(seconds)
    priors_rel = setup.schema.make_priors()
    with training_batches(stores, setup.schema.classes, priors_rel, config, joined=setup.joined) as batches:
        stream = (batch for batch in batches)  # Keras takes generators, but not other iterators
        setup.model.fit(stream, steps_per_epoch=10**9, callbacks=[watch], shuffle=False, verbose=0)
    return Speed(watch.ends[0] - watch.began, (watch.ends[-1] - watch.ends[0]) / (len(watch.ends) - 1))


def steps_within(left: float, step: float, validation: float, every: int) -> int:
    """Number of steps that fit into a time, with a validation every few steps and one at the end.

    Args:
        left: Time in seconds. If it is too short for a validation, no step fits.
        step: Seconds of a step.
        validation: Seconds of a validation.
        every: Number of steps between two validations. 0 validates only at the end.

    Returns:
        Number of steps, at least 0.
    """
    each = step + (validation / every if every else 0.0)
    return max(0, int((left - validation) / each))


class _Stopwatch(keras.callbacks.Callback):
    """Callback that records when each step ends, and stops ``fit`` after some seconds."""

    def __init__(self, seconds: float):
        super().__init__()
        self.seconds, self.ends = seconds, list[float]()

    def on_train_begin(self, logs: Any = None) -> None:
        self.began = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.ends.append(time.monotonic())
        if len(self.ends) > 2 and self.ends[-1] - self.ends[0] > self.seconds:
            self.model.stop_training = True


def _length(config: Config, steps: int, epoch: int) -> dict[str, int]:
    """Fields of ``train`` for a run of about ``steps`` steps, in epochs of at least ``epoch`` steps if so many fit."""
    epochs = max(1, steps // epoch)
    warm_up = min(config.train.warmup_steps, int(WARM_UP_SHARE * steps))
    return {"epochs": epochs, "steps_per_epoch": steps // epochs, "warmup_steps": warm_up}


def _validation_inputs(config: Config) -> int:
    """Number of times that the network runs in a validation: once for each image, or for it and each of its tiles."""
    stores = open_stores(config.data.val)
    tiles = tiles_of(config.data.tiles)
    if tiles is None:
        return sum(map(len, stores))
    records = (store.without_image(i) for store in stores for i in range(len(store)))
    return sum(len(tiles.regions((record.height, record.width))) for record in records)
