"""The stream of training batches.

The global step is the only position in the data. One endless order is fixed by the seed; example k is made from the
k-th record of that order with a generator that depends on the seed and k alone, in the phase of the run that k is in.
So a run that is resumed at a step, or runs on another number of processes, sees exactly the same examples.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Self

import cv2
import numpy as np

from multibox.config import Config
from multibox.data.record import Record
from multibox.errors import BadInput
from multibox.machine import cores
from multibox.prepare.example import grids_of, training_example
from multibox.prepare.joined import JoinedStores
from multibox.prepare.workers import Workers

try:
    import grain
    from absl import flags
except ImportError:
    raise BadInput("train", "needs Grain, which is not installed; run: pip install 'multibox[train]'") from None

Batch = tuple[np.ndarray, dict[str, np.ndarray]]

ENDLESS = 2**53
"""Examples, more than any run makes. Grain counts batches in floating point, which is exact up to here."""

BUFFERED = 2
"""Batches that each thread prepares ahead."""


def training_batches(
    stores: Sequence[Any],
    classes: Sequence[str],
    priors_rel: np.ndarray,
    config: Config,
    *,
    start_step: int = 0,
    host: int = 0,
    hosts: int = 1,
) -> "TrainingBatches":
    """Prepare batches for training, without end, ahead of their use.

    Args:
        stores: what to train on; joined, in this order.
        classes: the run's classes; a store's labels are translated by name.
        priors_rel: ``(P, 4)`` the network's priors, relative to its input.
        config: the run's configuration.
        start_step: the global step of the first batch.
        host: which of the hosts this is.
        hosts: how many there are; each gets its share of the global batch.

    Returns:
        the batches; close them at the end of the run.

    Raises:
        BadInput: no images, a store with classes that are not in the list, weights that do not fit the stores, or a
            batch that hosts cannot share.
    """
    records, order = joined_order(stores, classes, config)
    batch = config.train.batch
    if batch % hosts:
        raise BadInput("train.batch", f"{batch} images cannot be shared by {hosts} hosts; choose a multiple of {hosts}")
    examples = endless_examples(order, records, priors_rel, config)
    own = examples[start_step * batch : ENDLESS][host::hosts].batch(batch // hosts, batch_fn=stack)
    return TrainingBatches(_read_ahead(own, choose_workers(config.data.workers)), records, order, batch)


def joined_order(
    stores: Sequence[Any], classes: Sequence[str], config: Config
) -> tuple[JoinedStores, grain.MapDataset]:
    """The records of a run as one sequence, and the endless order in which they are seen: what is fixed before it runs.

    Raises:
        BadInput: as :func:`training_batches`.
    """
    records = JoinedStores(stores, classes)
    return records, endless_order(records.ends, config.data.weights, config.train.seed)


class TrainingBatches:
    """An endless iterator of batches, and the names of what it reads.

    Each batch is ``(images, targets)``: images ``(B, H, W, 3)`` uint8 RGB; targets ``classes`` ``(B, P)`` int32 and
    ``boxes`` ``(B, P, 4)`` float32. It holds threads or processes: close it, or use it in a ``with``.

    A failure to make a batch leaves the ``with`` as it is, also where who asked for the batch turned it into another:
    TensorFlow makes an error of its own of whatever is raised while it reads.
    """

    def __init__(
        self, batches: grain.DatasetIterator | Workers, records: JoinedStores, order: grain.MapDataset, batch: int
    ):
        self._batches: grain.DatasetIterator | Workers | None = batches
        self._failure: Exception | None = None
        self._records = records
        self._order = order
        self._batch = batch

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        if self._batches is None:
            raise StopIteration
        try:
            return next(self._batches)
        except (StopIteration, KeyboardInterrupt):
            raise
        except Exception as error:
            self._failure = error
            raise

    def record_ids(self, step: int) -> list[tuple[str, str]]:
        """Name the images of a step, over all hosts, without preparing them.

        Args:
            step: the global step.

        Returns:
            the store, as ``NAME/SPLIT``, and the id of each record, in the order of the global batch.
        """
        first = step * self._batch
        return [self._records.name(self._order[k]) for k in range(first, first + self._batch)]

    def check(self) -> None:
        """Look after the processes. Who reads ahead, as TensorFlow does, would learn late that one has died.

        Raises:
            RunFailed: a worker process was killed.
        """
        if isinstance(self._batches, Workers):
            self._batches.check()

    def close(self) -> None:
        """Stop the threads or processes. Nothing can be read afterwards."""
        if self._batches is not None:
            self._batches.close()
        self._batches = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self.close()
        if self._failure and isinstance(error, Exception) and error is not self._failure:
            raise self._failure from None


def endless_examples(
    order: grain.MapDataset, records: JoinedStores, priors_rel: np.ndarray, config: Config
) -> grain.MapDataset:
    """Example k, for each k: of each phase of the run those that are its own.

    Args:
        order: of the records.
        records: what is prepared.
        priors_rel: ``(P, 4)``.
        config: the run's configuration.

    Returns:
        the examples. Where a phase begins nothing else changes: not the order, nor the chance of an example.
    """
    (_, first), *later = phases(config, len(records)).items()
    examples = order.random_map(PrepareExample(records, priors_rel, first))
    for start, each in later:
        after = order.random_map(PrepareExample(records, priors_rel, each))
        examples = grain.MapDataset.concatenate([examples[:start], after[start:]])
    return examples


def phases(config: Config, images: int) -> dict[int, Config]:
    """The configurations of a run, each by the first example that it prepares, in their order.

    Args:
        config: the run's, which says how long it mixes images.
        images: how many there are to train on.

    Returns:
        the one of the start; then, where mosaic or mixup end before the run does, the same without.
    """
    steps = config.train.epochs * config.train.epoch_steps(images)
    began = {0: config}
    for name in sorted(("mosaic", "mixup"), key=lambda name: getattr(config.augment, name).until):
        mix = getattr(config.augment, name)
        if mix.probability and mix.until < 1:
            without = {name: mix.model_copy(update={"probability": 0.0})}
            config = config.model_copy(update={"augment": config.augment.model_copy(update=without)})
            began[round(mix.until * steps) * config.train.batch] = config
    return began


class PrepareExample:
    """Makes the example of a position in the joined stores: what travels to the workers."""

    def __init__(self, records: JoinedStores, priors_rel: np.ndarray, config: Config):
        self.records = records
        self.priors_rel = by_columns(priors_rel)
        self.config = config
        self.grids = grids_of(config)

    def __call__(self, index: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Prepare the record at ``index`` with the chance of ``rng``."""
        return training_example(self.records[index], rng, self.priors_rel, self.config, self.draw_record, self.grids)

    def draw_record(self, rng: np.random.Generator) -> Record:
        """Any record, each as likely as the others."""
        return self.records[int(rng.integers(len(self.records)))]


def by_columns(priors_rel: np.ndarray) -> np.ndarray:
    """The same priors, laid out in memory column by column: matching reads one coordinate of all priors at a time."""
    return np.asfortranarray(priors_rel)


def endless_order(ends: Sequence[int], weights: Sequence[float], seed: int) -> grain.MapDataset:
    """The endless order of positions in the joined stores.

    Args:
        ends: where each store ends.
        weights: the stores' shares of the examples, told apart to a hundredth of the smallest; none: every image is as
            frequent as any other.
        seed: of the order, and of what is made of it.

    Returns:
        the order: every pass over the data, or over a store where there are weights, has its own permutation.

    Raises:
        BadInput: not one weight a store, or one for a store without images.
    """
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()  # Grain reads command-line flags of its own, which nobody parses here
    if not weights:
        return grain.MapDataset.range(ends[-1]).seed(seed).shuffle().repeat()
    spans = list(pairwise([0, *ends]))
    if len(weights) != len(spans):
        raise BadInput("data.weights", f"{len(weights)} given for {len(spans)} stores of data.train; give one a store")
    if any(start == end for start, end in spans):
        raise BadInput("data.weights", "a store of data.train has no images to draw; leave it out")
    orders = [
        grain.MapDataset.range(*span).shuffle(seed=(seed + place) % 2**32).repeat() for place, span in enumerate(spans)
    ]
    hundredths = [round(100 * weight / min(weights)) for weight in weights]  # as Grain does, which rounds down
    return grain.MapDataset.mix(orders, hundredths).seed(seed)


def stack(examples: Sequence[dict[str, np.ndarray]]) -> Batch:
    """Join examples to a batch, as Keras takes it: ``(inputs, targets)``."""
    columns = {name: np.stack([example[name] for example in examples]) for name in examples[0]}
    return columns.pop("image"), columns


def choose_workers(workers: int) -> int:
    """How many processes prepare examples.

    With few cores the network needs them all, and the threads of this process do. With many cores there is an
    accelerator to feed: all but two of them, which are for the training loop and the system.

    Args:
        workers: the configured number, or -1 to choose.

    Returns:
        processes; 0 for threads of this process.
    """
    if workers >= 0:
        return workers
    return min(cores() - 2, 16) if cores() > 4 else 0


def _read_ahead(batches: grain.MapDataset, workers: int) -> grain.DatasetIterator | Workers:
    if workers == 0:
        cv2.setNumThreads(1)
        threads = min(cores(), 4)
        options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=threads * BUFFERED)
        return iter(batches.to_iter_dataset(options))
    return Workers(batches, workers)
