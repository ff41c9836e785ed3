"""The speed of preparing training examples: each stage on one core, and batches by number of processes."""

import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from types import ModuleType
from typing import Any

import cv2
import numpy as np

from multibox.bench.stopwatch import Stopwatch
from multibox.config import Config
from multibox.data.store import Store, class_names
from multibox.machine import cores
from multibox.models.maps import network_priors
from multibox.prepare import example, pixels, plan, shot, tiled
from multibox.prepare.joined import JoinedStores
from multibox.prepare.phases import at_size
from multibox.prepare.pipeline import PrepareExample, joined_order, training_batches
from multibox.prepare.tile_size import settle_tiles

STEPS: dict[ModuleType, tuple[str, ...]] = {
    pixels: ("decode",),
    tiled: ("decode",),
    plan: ("draw_flaws",),
    shot: ("expand", "crop", "letterbox", "snap", "render", "distort", "look_through"),
    example: ("join", "mixup", "affine", "cutout", "degrade", "make_targets"),
}
"""Names of the functions that are timed as stages of preparing an example, by the module that calls them."""

ROUNDS = 5


@dataclass(frozen=True)
class PipelineSpeed:
    """Measured cost of preparing training examples.

    Attributes:
        images: Number of images that were prepared in each round.
        ms_per_example: Milliseconds to prepare an example on one core, from the stored bytes to image and targets.
        images_per_second_per_core: Number of examples that one core prepares per second.
        stages: Mean milliseconds per example by name of the stage. ``other`` is the time outside all stages.
        bytes_per_example: Bytes per example: ``encoded`` is read from the store, ``image`` and ``targets`` are sent to
            the training loop.
        workers: Images per second in batches, by number of worker processes. 0 stands for threads of one process.
    """

    images: int
    ms_per_example: float
    images_per_second_per_core: float
    stages: dict[str, float]
    bytes_per_example: dict[str, float]
    workers: dict[int, float]

    def to_json(self) -> dict[str, Any]:
        """The measurements as a dictionary that can be written as JSON."""
        return asdict(self)


def measure_pipeline(
    stores: Sequence[Store], config: Config, *, images: int = 300, workers: Sequence[int] = (), seconds: float = 4.0
) -> PipelineSpeed:
    """Measure the preparation of training examples.

    Args:
        stores: Stores whose images are prepared as training examples.
        config: Configuration of a run. Its network, priors, augmentation and batch are used.
        images: Number of images to prepare on one core, in each of five rounds.
        workers: Numbers of worker processes to measure. Empty measures 0, 1, 2, 4 and so on up to the number of cores.
        seconds: Duration in seconds of the measurement for each number of processes.

    Returns:
        The measured speed. Times are medians over the rounds.

    Raises:
        BadInput: If the stores hold no images.
    """
    config = at_size(config, config.network.size)
    classes = config.data.classes or class_names(stores)
    config = settle_tiles(JoinedStores(stores, classes), config)
    priors_rel = network_priors(config.network, config.priors)
    prepare = PrepareExample(joined_order(stores, classes, config)[0], priors_rel, config)
    count = min(images, len(prepare.records))
    plain, stages = _measure_one_core(prepare, count)
    return PipelineSpeed(
        images=count,
        ms_per_example=plain,
        images_per_second_per_core=1000 / plain,
        stages=stages,
        bytes_per_example=_count_bytes(prepare, count),
        workers={n: _measure_workers(stores, classes, priors_rel, config, n, seconds) for n in workers or _to_try()},
    )


def _measure_one_core(prepare: PrepareExample, count: int) -> tuple[float, dict[str, float]]:
    """Milliseconds per example, and per example in each stage.

    Stages are measured in separate rounds, because timing them takes time too.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        _prepare_all(prepare, count)  # pages of the store are read, code is loaded
        rounds = [(_prepare_all(prepare, count), _watch_all(prepare, count)) for _ in range(ROUNDS)]
    finally:
        cv2.setNumThreads(threads)
    plain = statistics.median(seconds for seconds, _ in rounds)
    stages = {name: statistics.median(watched[name] for _, watched in rounds) for name in rounds[0][1]}
    stages = {name: seconds for name, seconds in stages.items() if seconds > 0}
    stages["other"] = max(0.0, plain - sum(stages.values()))
    return plain * 1000 / count, {name: seconds * 1000 / count for name, seconds in stages.items()}


def _prepare_all(prepare: PrepareExample, count: int) -> float:
    start = time.perf_counter()
    for index in range(count):
        prepare(index, np.random.default_rng(index))
    return time.perf_counter() - start


def _watch_all(prepare: PrepareExample, count: int) -> dict[str, float]:
    stopwatch = Stopwatch()
    read = stopwatch.watch("read", prepare.records.__getitem__)
    another = stopwatch.watch("read", prepare.records.another)
    with ExitStack() as stack:
        for module, names in STEPS.items():
            stack.enter_context(stopwatch.watching(module, names))
        for index in range(count):
            record = read(index)
            rng = np.random.default_rng(index)
            example.training_example(record, rng, prepare.priors_rel, prepare.config, partial(another, index))
    return stopwatch.seconds


def _count_bytes(prepare: PrepareExample, count: int) -> dict[str, float]:
    encoded = statistics.mean(len(prepare.records[index].image) for index in range(count))
    prepared = prepare(0, np.random.default_rng(0))
    image = prepared.pop("image").nbytes
    return {"encoded": encoded, "image": image, "targets": sum(column.nbytes for column in prepared.values())}


def _to_try() -> list[int]:
    most = cores()
    return [0, *(2**k for k in range(most.bit_length()) if 2**k <= most)]


def _measure_workers(
    stores: Sequence[Store],
    classes: Sequence[str],
    priors_rel: np.ndarray,
    config: Config,
    workers: int,
    seconds: float,
) -> float:
    config = config.model_copy(update={"data": config.data.model_copy(update={"workers": workers})})
    ahead = 4 * max(workers, 1)  # what was prepared before the clock started must not count
    with training_batches(stores, classes, priors_rel, config) as batches:
        for _ in range(ahead):
            next(batches)
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            next(batches)
            count += 1
        return count * config.train.batch / (time.perf_counter() - start)
