"""The speed of training: the step of a run, with everything around it, against the bare step of Keras."""

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
from multibox.prepare.pipeline import Batch, training_batches
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
    """Cost of a training step.

    Attributes:
        device: Name of the device.
        backend: Keras backend.
        precision: Precision that layers compute in.
        batch: Number of images in a step.
        images_per_second: Images per second of the run.
        step_ms: Milliseconds of a step of the run.
        bare_step_ms: Milliseconds of a bare step.
        ratio: Median ratio of the two over the rounds, in each of which both were measured.
        data_wait_share: Share of the run's time spent waiting for the next batch.
        peak_memory_mb: 10^6 bytes: of an accelerator, else of the process; before the bare step was made.
        flops_per_image: Floating-point operations of training with an image: six for each multiply-accumulate of the
            network, as if all of it were trained.
        flops_share: Share of the devices' peak that the run reaches. None on a CPU or an unknown chip.
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
        """The figures as JSON-able values."""
        return asdict(self)


def measure_training(
    config: Config, stores: Sequence[Store] = (), *, steps: int = 10, rounds: int = 5
) -> TrainingSpeed:
    """Measure a training step, and what Multibox adds to the step of Keras.

    The run is what ``multibox train`` does between two validations: the pipeline, the network, the loss, the guarded
    optimizer with its averages if any, the metrics, the log and TensorBoard. Weights are fresh. Where a
    run accumulates, a batch counts as a step.

    The bare step is that of plain Keras: ``fit`` with a network of the same kind, in the same precision, on the same
    devices, compiled by XLA if the run's is; the MultiBox loss; Keras' own SGD or AdamW at a fixed rate. Nothing is
    computed or called beside, and its one batch stays on the device.

    Both are measured in turns, so that a machine whose speed changes changes it for both. A turn is a ``fit`` of two
    epochs of ``steps``; the second is timed, from its beginning until the device has made its last step. The first turn
    of each, which compiles, does not count.

    Args:
        config: Configuration of the run.
        stores: Stores whose images are trained on. Without any, scenes are rendered.
        steps: Number of steps in an epoch.
        rounds: Number of turns that count.

    Returns:
        Medians over the rounds.

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
    """The configuration for measurements: the stores' classes, no validation, no tracking service, mixing to the
    end.
    """
    data = config.data.model_copy(update={"classes": all_classes(config, stores), "val": (), "weights": ()})
    train = config.train.model_copy(update={"tracker": "none"})
    mixes = {name: getattr(config.augment, name).model_copy(update={"until": 1.0}) for name in ("mosaic", "mixup")}
    return config.model_copy(update={"data": data, "train": train, "augment": config.augment.model_copy(update=mixes)})


class LastEpoch(keras.callbacks.Callback):
    """Times the last epoch of a ``fit``.

    It has no callback for steps, before which Keras would wait for the device.
    """

    seconds = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Restart the clock."""
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop the clock. The metrics are numbers here, so the device is done."""
        self.seconds = time.perf_counter() - self.began


class _Run:
    """The steps of a run, in a folder of its own."""

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
        """Train for two epochs, with a pipeline of their own.

        Returns:
            Seconds of the second epoch.
        """
        timer, first = LastEpoch(), self.clock.epochs_done
        segment = Segment(first, first + 2, self.clock.steps_per_epoch)
        fit_segment(self.setup, segment, self.clock, [StopOnSignal(), timer], self.trackers, self.table)
        return timer.seconds


def waiting_share(log: Path) -> float:
    """Share of time spent waiting for the next batch, in every second epoch after the first two.

    Args:
        log: ``log.csv`` of a run.

    Returns:
        The share, in [0, 1].
    """
    columns = read_log(log)
    time_taken = np.diff(columns["step"], prepend=0) / columns["images_per_second"]  # the batch would cancel out
    counted = (columns["epoch"] > 2) & (columns["epoch"] % 2 == 0)
    return float((columns["data_wait"] * time_taken)[counted].sum() / time_taken[counted].sum())


class _Bare:
    """The bare step of :func:`measure_training`."""

    def __init__(self, setup: Setup, steps: int):
        config, self.steps = setup.config, steps
        with on_devices(config.train), computing_in(config.train.precision):
            network = build(config.network, len(setup.schema.classes), config.priors, config.loss.activation)
            self.model = BareModel(network, setup)
            self.model.compile(optimizer=plain_optimizer(config.train), jit_compile=jit_compile(config.train.devices))
        with training_batches(setup.stores, setup.schema.classes, setup.schema.make_priors(), config) as batches:
            self.batch = next(batches)

    def turn(self) -> float:
        """Train for two epochs.

        Returns:
            Seconds of the second epoch.
        """
        timer = LastEpoch()
        batches = _endlessly(self.batch)
        self.model.fit(batches, epochs=2, steps_per_epoch=self.steps, callbacks=[timer], shuffle=False, verbose=0)
        return timer.seconds


class BareModel(keras.Model):
    """A network and the MultiBox loss, with the least that ``fit`` needs.

    Args:
        network: A network like the run's.
        setup: Everything the run is made of.
    """

    def __init__(self, network: keras.Model, setup: Setup):
        super().__init__(name=f"bare_{network.name}")
        self.network = network
        self.loss_config = setup.config.loss
        self.priors = in_pixels(setup.schema.make_priors(), network.input_shape[1:3])
        self.variances = setup.config.priors.variances

    def call(self, images: Tensor, training: bool | None = None) -> dict[str, Tensor]:
        """The network's output."""
        return self.network(images, training=training)

    def compute_loss(self, x: Tensor = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any) -> Tensor:
        """The loss of the batch."""
        predicted = y_pred["classes"], y_pred["boxes"]
        targets = y["classes"], y["boxes"]
        parts = multibox_loss(*targets, *predicted, self.loss_config, self.priors, self.variances, xp=ops)
        return (parts.classification + parts.localisation) / ops.maximum(parts.positives, 1.0)


def plain_optimizer(config: Train) -> keras.optimizers.Optimizer:
    """Keras' own optimizer of the same kind, with a rate that keeps the weights usable on one batch."""
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(1e-6, momentum=config.momentum, weight_decay=config.weight_decay)
    return keras.optimizers.AdamW(1e-6, weight_decay=config.weight_decay)


def _endlessly(batch: Batch) -> Any:
    """The same batch repeated, in the form that costs ``fit`` the least."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        return tensorflow.data.Dataset.from_tensors(batch).repeat()
    return _again(keras.tree.map_structure(ops.convert_to_tensor, batch))


def _again(batch: Any) -> Iterator[Any]:
    while True:
        yield batch
