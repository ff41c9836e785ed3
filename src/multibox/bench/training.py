"""The speed of training: a complete step of a run, compared with a step of plain Keras."""

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from multibox.bench.device import device_name, peak_memory
from multibox.bench.flops import TRAINING_FLOPS_PER_MAC, count_macs, peak_flops
from multibox.bench.scenes import make_scenes
from multibox.config import Config, Train
from multibox.data.store import Store
from multibox.losses.multibox import multibox_loss
from multibox.models.backend import computing_in, jit_compile
from multibox.models.ssd import build
from multibox.prepare.joined import JoinedStores
from multibox.prepare.phases import at_size
from multibox.prepare.pipeline import Batch, training_batches
from multibox.prepare.tile_size import settle_tiles
from multibox.training.class_weights import with_class_weights
from multibox.training.clock import Clock, Segment
from multibox.training.distribute import on_devices
from multibox.training.experiment import Experiment
from multibox.training.loop import fit_segment
from multibox.training.run_log import STEP_FIELDS, RunLog, read_log
from multibox.training.setup import Setup, set_up
from multibox.training.stop import StopOnSignal
from multibox.training.stores import all_classes
from multibox.training.trackers import open_trackers
from multibox.training.training_model import in_pixels

Tensor = Any


@dataclass(frozen=True)
class TrainingSpeed:
    """Measured speed of training steps.

    Attributes:
        device: Name of the first accelerator, or ``cpu``.
        backend: Name of the Keras backend.
        precision: Keras dtype policy of the layers, such as ``float32`` or ``mixed_float16``.
        batch: Number of images in a training step.
        images_per_second: Training speed of Multibox, images per second.
        step_ms: Duration of a training step of Multibox, milliseconds.
        bare_step_ms: Duration of a training step of plain Keras, milliseconds.
        ratio: Time of a training step of the run, divided by that of a step of plain Keras. It is the median over the
            rounds.
        data_wait_share: Share of the run's time that is spent waiting for the next batch, in [0, 1].
        peak_memory_mb: Peak memory of the run in units of 10^6 bytes: of the accelerator, or of the process if there is
            none.
        flops_per_image: Floating-point operations to train on one image: six for each multiply-accumulate of the
            network, as if all its weights were trained.
        flops_share: Share of the devices' peak FLOP/s that the run reaches. None on a CPU or an unknown chip.
    """

    device: str
    backend: str
    precision: str
    batch: int
    images_per_second: float
    step_ms: float
    bare_step_ms: float
    ratio: float
    data_wait_share: float
    peak_memory_mb: float
    flops_per_image: int
    flops_share: float | None

    def to_json(self) -> dict[str, Any]:
        """The measurements as a dictionary that can be written as JSON."""
        return asdict(self)


def measure_training(
    config: Config, stores: Sequence[Store] = (), *, steps: int = 10, rounds: int = 5
) -> TrainingSpeed:
    """Measure a training step, and the time that Multibox adds to a step of plain Keras.

    The measured run does what ``multibox train`` does between two validations: pipeline, network, loss, guarded
    optimizer with averages if configured, metrics, log and TensorBoard. Weights are random. If gradients are
    accumulated, a batch counts as a step.

    Plain Keras runs ``fit`` with a network of the same kind, in the same precision, on the same devices, compiled by
    XLA if the run is. It has the MultiBox loss and Keras' own SGD or AdamW at a fixed learning rate. It has no metrics
    and no callbacks that compute, and always trains on the same batch, which stays on the device.

    Both are measured alternately, so that a change of the machine's speed affects both. A turn is a ``fit`` of two
    epochs with ``steps`` steps each. The second epoch is timed until the device has finished its last step. The first
    turn of each does not count, because it includes compilation.

    Args:
        config: Configuration of the run to measure.
        stores: Stores to train on. Scenes are rendered if there are none.
        steps: Number of training steps in an epoch.
        rounds: Number of rounds, after one warm-up round.

    Returns:
        The measured speed. Times are medians over the rounds.

    Raises:
        BadInput: If the configuration or the stores cannot be used.
        RunFailed: If the loss was not finite.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stores = stores or [make_scenes(folder / "scenes.lmdb")]
        setup = set_up(_of_measuring(config, stores), stores)
        run = stack.enter_context(_Run(setup, folder, steps, rounds))
        run.turn()
        memory = peak_memory()
        bare = _Bare(setup, steps)
        bare.turn()
        pairs = [(run.turn(), bare.turn()) for _ in range(rounds)]
        waiting = waiting_share(run.log)
    step, bare_step = (statistics.median(seconds) / steps for seconds in zip(*pairs, strict=True))
    images_per_second = config.train.batch / step
    flops = TRAINING_FLOPS_PER_MAC * count_macs(setup.network)
    peak = peak_flops(device_name(), config.train.precision)
    return TrainingSpeed(
        device=device_name(),
        backend=keras.backend.backend(),
        precision=config.train.precision,
        batch=config.train.batch,
        images_per_second=images_per_second,
        step_ms=step * 1000,
        bare_step_ms=bare_step * 1000,
        ratio=statistics.median(seconds / bare_seconds for seconds, bare_seconds in pairs),
        data_wait_share=waiting,
        peak_memory_mb=memory / 1e6,
        flops_per_image=flops,
        flops_share=flops * images_per_second / (peak * config.train.devices) if peak else None,
    )


def _of_measuring(config: Config, stores: Sequence[Store]) -> Config:
    """The configuration to measure, equal in every epoch: full size, mosaic, mixup, no validation, no tracker."""
    config = at_size(config, config.network.size)
    data = config.data.model_copy(update={"classes": all_classes(config, stores), "val": (), "weights": ()})
    train = config.train.model_copy(update={"tracker": "none"})
    mixes = {name: getattr(config.augment, name).model_copy(update={"until": 1.0}) for name in ("mosaic", "mixup")}
    augment = config.augment.model_copy(update=mixes)
    config = config.model_copy(update={"data": data, "train": train, "augment": augment})
    return settle_tiles(JoinedStores(stores, data.classes), with_class_weights(config, stores))


class LastEpoch(keras.callbacks.Callback):
    """Callback that measures the last epoch of a ``fit``.

    The callback has no method that is called after a step, because Keras would then wait for the device each time.
    """

    seconds = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Restart the clock at the beginning of an epoch."""
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop the clock. The metrics are already numbers, so the device has finished."""
        self.seconds = time.perf_counter() - self.began


class _Run:
    """The complete training steps of a run, in a folder of their own."""

    def __init__(self, setup: Setup, folder: Path, steps: int, rounds: int):
        self.setup = setup
        self.log = folder / "log.csv"
        self.table = RunLog(self.log, STEP_FIELDS)
        self.trackers = open_trackers(Experiment(folder), setup.config, 0)
        self.clock = Clock(steps, epochs=2 * (1 + rounds))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.trackers.close()

    def turn(self) -> float:
        """Train for two epochs with a new pipeline.

        Returns:
            Duration of the second epoch in seconds.
        """
        timer, first = LastEpoch(), self.clock.epochs_done
        segment = Segment(first, first + 2, self.clock.steps_per_epoch)
        fit_segment(
            self.setup, self.setup.model, segment, self.clock, [StopOnSignal(), timer], self.trackers, self.table
        )
        return timer.seconds


def waiting_share(log: Path) -> float:
    """Share of time spent waiting for the next batch. Only every second epoch counts, from the fourth on.

    Args:
        log: Path of the ``log.csv`` of a run.

    Returns:
        Share of the counted epochs' time that was spent waiting, in [0, 1].
    """
    columns = read_log(log)
    time_taken = np.diff(columns["step"], prepend=0) / columns["images_per_second"]  # the batch would cancel out
    counted = (columns["epoch"] > 2) & (columns["epoch"] % 2 == 0)
    return float((columns["data_wait"] * time_taken)[counted].sum() / time_taken[counted].sum())


class _Bare:
    """The steps of plain Keras that :func:`measure_training` compares with."""

    def __init__(self, setup: Setup, steps: int):
        config, self.steps = setup.config, steps
        with on_devices(config.train), computing_in(config.train.precision):
            network = build(config.network, len(setup.schema.classes), config.priors, config.loss.activation)
            self.model = BareModel(network, setup)
            self.model.compile(optimizer=plain_optimizer(config.train), jit_compile=jit_compile(config.train.devices))
        with training_batches(setup.stores, setup.schema.classes, setup.schema.make_priors(), config) as batches:
            self.batch = next(batches)

    def turn(self) -> float:
        """Train for two epochs with plain Keras.

        Returns:
            Duration of the second epoch in seconds.
        """
        timer = LastEpoch()
        batches = _endlessly(self.batch)
        self.model.fit(batches, epochs=2, steps_per_epoch=self.steps, callbacks=[timer], shuffle=False, verbose=0)
        return timer.seconds


class BareModel(keras.Model):
    """A Keras model of the network and the MultiBox loss, without anything else that takes time.

    Args:
        network: Network with the same architecture as the run's network.
        setup: Configuration of the run, which gives the loss and the priors.
    """

    def __init__(self, network: keras.Model, setup: Setup):
        super().__init__(name=f"bare_{network.name}")
        self.network = network
        self.loss_config = setup.config.loss
        self.priors = in_pixels(setup.schema.make_priors(), network.input_shape[1:3])
        self.variances = setup.config.priors.variances

    def call(self, images: Tensor, training: bool | None = None) -> dict[str, Tensor]:
        """Run the network on a batch of images."""
        return self.network(images, training=training)

    def compute_loss(self, x: Tensor = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any) -> Tensor:
        """Compute the MultiBox loss of a batch."""
        predicted = y_pred["classes"], y_pred["boxes"]
        targets = y["classes"], y["boxes"]
        parts = multibox_loss(*targets, *predicted, self.loss_config, self.priors, self.variances, xp=ops)
        return (parts.classification + parts.localisation) / ops.maximum(parts.positives, 1.0)


def plain_optimizer(config: Train) -> keras.optimizers.Optimizer:
    """Keras' own optimizer of the configured kind, with a learning rate low enough to repeat one batch."""
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(1e-6, momentum=config.momentum, weight_decay=config.weight_decay)
    return keras.optimizers.AdamW(1e-6, weight_decay=config.weight_decay)


def _endlessly(batch: Batch) -> Any:
    """Repeat one batch without end, in the form that ``fit`` reads fastest."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        return tensorflow.data.Dataset.from_tensors(batch).repeat()
    return _again(keras.tree.map_structure(ops.convert_to_tensor, batch))


def _again(batch: Any) -> Iterator[Any]:
    while True:
        yield batch
