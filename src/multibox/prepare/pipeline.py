"""The stream of training batches.

The global training step alone determines the position in the data. The seed fixes one endless order of records. Example
k is made from the k-th record of that order, with a random generator that depends only on the seed and k, and with the
configuration that holds at k (:mod:`multibox.prepare.phases`). So a run sees exactly the same examples after it is
resumed, or with more processes.
"""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Self

import cv2
import numpy as np

from multibox.config import Config
from multibox.data.object_kinds import learned
from multibox.data.presence import Presence, presence_in
from multibox.errors import BadInput, install
from multibox.machine import cores
from multibox.models.maps import network_priors
from multibox.prepare.balance import BalancedOrder, repeat_factors
from multibox.prepare.example import grids_of, training_example
from multibox.prepare.joined import JoinedStores
from multibox.prepare.phases import phases
from multibox.prepare.tiled import ENDLESS, TiledRecords
from multibox.prepare.workers import Workers
from multibox.torchrun import share_of_cores

try:
    from absl import flags, logging

    logging.set_verbosity(logging.ERROR)  # Grain warns where JAX is not installed
    import grain
except ImportError:
    raise BadInput("train", f"needs Grain, which is not installed; {install('train', 'torch', 'jax')}") from None

Batch = tuple[np.ndarray, dict[str, np.ndarray]]

Records = JoinedStores | TiledRecords
"""The records of a run as one sequence: whole images, or tiles."""

Joined = tuple[Records, grain.MapDataset]
"""The records of a run, and the endless order in which it sees them, as positions."""

BUFFERED = 2
"""Number of batches that each thread prepares in advance."""


def training_batches(
    stores: Sequence[Any],
    classes: Sequence[str],
    priors_rel: np.ndarray,
    config: Config,
    *,
    start_step: int = 0,
    host: int = 0,
    hosts: int = 1,
    joined: Joined | None = None,
) -> "TrainingBatches":
    """Prepare an endless stream of training batches, in advance of their use.

    Args:
        stores: Stores to train on, joined in this order.
        classes: Class names of the run. Labels of the stores are translated to these classes by name.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of the network's priors, relative to its input.
        config: Configuration of the run.
        start_step: Index of the training step whose batch comes first, from 0.
        host: Index of this host, from 0 to ``hosts - 1``.
        hosts: Number of hosts that train together. Each host gets an equal share of every batch.
        joined: What :func:`joined_order` has returned for these stores. None computes it.

    Returns:
        Iterator over the batches, which must be closed at the end of the run.

    Raises:
        BadInput: If there are no images, a store has classes that are not in ``classes``, ``data.weights`` does not fit
            the stores, or the hosts cannot share a batch equally.
    """
    records, order = joined or joined_order(stores, classes, config)
    batch = config.train.batch
    if batch % hosts:
        raise BadInput(
            "train.batch", f"{batch} images cannot be split evenly over {hosts} hosts; choose a multiple of {hosts}"
        )
    examples = endless_examples(order, records, priors_rel, config)
    own = examples[start_step * batch : ENDLESS][host::hosts].batch(batch // hosts, batch_fn=stack)
    return TrainingBatches(_read_ahead(own, choose_workers(config.data.workers)), records, order, batch)


def joined_order(
    stores: Sequence[Any], classes: Sequence[str], config: Config, presence: Presence | None = None
) -> Joined:
    """Join the records of a run, and fix the endless order in which it sees them.

    Args:
        stores: Stores to train on, joined in this order.
        classes: Class names of the run. Labels of the stores are translated to these classes by name.
        config: Configuration of the run.
        presence: Classes that the images show, which ``data.balance`` needs. None counts them.

    Returns:
        The records as one sequence, whole or as tiles, and an endless sequence of positions in it.

    Raises:
        BadInput: If the stores hold no image, if a store has a class that is not in ``classes``, or if ``data.weights``
            does not have one sampling weight per store, or if ``data.balance`` and ``data.tiles`` are both set.
    """
    joined, weights, seed = JoinedStores(stores, classes), config.data.weights, config.train.seed
    if config.data.balance and config.data.tiles != "none":
        raise BadInput("data.balance", "cannot be combined with data.tiles; set data.balance=0 or data.tiles=none")
    factors = None
    if config.data.balance:
        presence = presence or presence_in(stores, joined.classes, learned(config.data.difficult))
        factors = repeat_factors(presence, config.data.balance)
    order = endless_order(joined.ends, weights, seed, factors)
    if config.data.tiles == "none":
        return joined, order
    starts = range(0, len(stores) * ENDLESS if weights else ENDLESS, ENDLESS)
    orders = [grain.MapDataset.range(start, start + ENDLESS) for start in starts]
    return TiledRecords(joined, config.data, seed), _mixed(orders, weights, seed)


def count_examples(stores: Sequence[Any], classes: Sequence[str], config: Config) -> int:
    """Number of examples of a pass over the training data: images, or tiles if the configuration has any."""
    if config.data.tiles == "none":
        return sum(map(len, stores))
    return joined_order(stores, classes, config)[0].examples


class TrainingBatches:
    """An endless iterator of batches, and the names of their records.

    Each batch is ``(images, targets)``: images ``(B, H, W, 3)`` uint8 RGB, and targets ``classes`` ``(B, P)`` int32 and
    ``boxes`` ``(B, P, 4)`` float32. The iterator holds threads or processes, so close it, or use it in a ``with``.

    If preparing a batch fails, leaving the ``with`` block raises the original exception, even if TensorFlow has wrapped
    it in an error of its own.
    """

    def __init__(self, batches: grain.DatasetIterator | Workers, records: Records, order: grain.MapDataset, batch: int):
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
        """Name the images of a step on all hosts, without preparing them.

        Args:
            step: Number of the step, from 0.

        Returns:
            Store, as ``NAME/SPLIT``, and id of each record, in the order of the batch over all hosts.
        """
        first = step * self._batch
        return [self._records.name(self._order[k]) for k in range(first, first + self._batch)]

    def check(self) -> None:
        """Verify that all worker processes are alive. TensorFlow reads ahead, so it would notice a death only later.

        Raises:
            RunFailed: If a worker process was killed.
        """
        if isinstance(self._batches, Workers):
            self._batches.check()

    def close(self) -> None:
        """Stop the threads or processes. No batches can be read afterwards."""
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
    order: grain.MapDataset, records: Records, priors_rel: np.ndarray, config: Config
) -> grain.MapDataset:
    """Prepare the examples of a run, each with the configuration of its phase.

    Args:
        order: Endless order of positions in the records.
        records: Records to prepare.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of the network's priors at its full size, relative to its input.
        config: Configuration of the run.

    Returns:
        Training examples, one for each position of ``order``. A new phase changes neither their order nor their random
        states.
    """
    examples: grain.MapDataset | None = None
    for start, each in phases(config, records.examples).items():
        is_full = each.network.size == config.network.size
        own_priors = priors_rel if is_full else network_priors(each.network, each.priors)
        after = order.random_map(PrepareExample(records, own_priors, each))
        examples = grain.MapDataset.concatenate([examples[:start], after[start:]]) if examples else after
    return examples


class PrepareExample:
    """Prepares the training example of a record. The object is pickled and sent to worker processes."""

    def __init__(self, records: Records, priors_rel: np.ndarray, config: Config):
        self.records = records
        self.priors_rel = by_columns(priors_rel)
        self.config = config
        self.grids = grids_of(config)

    def __call__(self, index: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Prepare the record at ``index`` with a random generator."""
        another = partial(self.records.another, index)
        return training_example(self.records[index], rng, self.priors_rel, self.config, another, self.grids)


def by_columns(priors_rel: np.ndarray) -> np.ndarray:
    """Copy priors into memory column by column, because matching reads one coordinate of all priors at a time."""
    return np.asfortranarray(priors_rel)


def endless_order(
    ends: Sequence[int], weights: Sequence[float], seed: int, factors: np.ndarray | None = None
) -> grain.MapDataset:
    """Make the endless order of positions in the joined stores.

    Args:
        ends: Position after the last record of each store.
        weights: Relative weight of each store in the examples, rounded to a hundredth of the smallest. If empty, every
            image is drawn equally often.
        seed: Random seed of the order, and of the examples made from it.
        factors: Repeat factor of each image, as :func:`multibox.prepare.balance.repeat_factors` returns them. With
            weights, they hold within each store. None draws every image of a store equally often.

    Returns:
        Endless sequence of positions. Every pass over the data has its own permutation. With weights, every pass over a
        store has its own permutation.

    Raises:
        BadInput: If there is not one weight for each store, or a store without images has a weight.
    """
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()  # Grain has command-line flags of its own, which Multibox does not parse
    if not weights:
        if factors is not None:
            return _balanced(factors, seed).seed(seed)
        return grain.MapDataset.range(ends[-1]).seed(seed).shuffle().repeat()
    spans = list(pairwise([0, *ends]))
    if len(weights) != len(spans):
        raise BadInput(
            "data.weights", f"{len(weights)} weights for {len(spans)} stores of data.train; give one for each store"
        )
    if any(start == end for start, end in spans):
        raise BadInput("data.weights", "a store of data.train has no images; remove it")
    orders = [
        grain.MapDataset.range(*span).shuffle(seed=(seed + place) % 2**32).repeat()
        if factors is None
        else _balanced(factors[slice(*span)], (seed + place) % 2**32, span[0])
        for place, span in enumerate(spans)
    ]
    return _mixed(orders, weights, seed)


def _mixed(orders: Sequence[grain.MapDataset], weights: Sequence[float], seed: int) -> grain.MapDataset:
    if not weights:
        return orders[0].seed(seed)
    hundredths = [round(100 * weight / min(weights)) for weight in weights]  # Grain would round down
    return grain.MapDataset.mix(orders, hundredths).seed(seed)


def _balanced(factors: np.ndarray, seed: int, first: int = 0) -> grain.MapDataset:
    return grain.MapDataset.range(ENDLESS).map(BalancedOrder(factors, seed, first))


def stack(examples: Sequence[dict[str, np.ndarray]]) -> Batch:
    """Stack examples into a batch for Keras: ``(inputs, targets)``."""
    columns = {name: np.stack([example[name] for example in examples]) for name in examples[0]}
    return columns.pop("image"), columns


def choose_workers(workers: int) -> int:
    """Choose the number of processes that prepare examples.

    With few cores the network needs all of them, so threads of this process are enough. Many cores usually come with an
    accelerator that needs much data. Then all cores prepare examples but two, which are left for the training loop and
    the system. Processes of a run that ``torchrun`` has started share the cores of their host.

    Args:
        workers: Configured number of processes, or -1 to choose automatically.

    Returns:
        Number of processes, or 0 for threads of this process.
    """
    if workers >= 0:
        return workers
    return min(share_of_cores() - 2, 16) if share_of_cores() > 4 else 0


def _read_ahead(batches: grain.MapDataset, workers: int) -> grain.DatasetIterator | Workers:
    if workers == 0:
        cv2.setNumThreads(1)
        threads = min(cores(), 4)
        options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=threads * BUFFERED)
        return iter(batches.to_iter_dataset(options))
    return Workers(batches, workers)
