"""Communication between hosts that train together. All hosts must make the same calls in the same order.

The first host decides and writes, and the others follow. On a single host every function returns what that host has.
"""

import logging
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import keras
import numpy as np

from multibox.data.store import Store
from multibox.detect.detections import Detections
from multibox.detect.detector import Detector
from multibox.errors import BadInput, RunFailed
from multibox.evaluation.evaluate import detect_all
from multibox.progress import Progress

Value = TypeVar("Value")

_log = logging.getLogger(__name__)


def count() -> int:
    """Number of hosts that train together."""
    if keras.backend.backend() != "jax":
        return 1
    import jax

    return int(jax.process_count())


def index() -> int:
    """Index of this host, from 0."""
    if count() == 1:
        return 0
    import jax

    return int(jax.process_index())


def is_first() -> bool:
    """Whether this is the host that decides and writes."""
    return index() == 0


def log(message: str) -> None:
    """Log a line at level INFO, on the first host alone."""
    if is_first():
        _log.info("%s", message)


def gather(value: Value) -> list[Value]:
    """The values of all hosts, in order, on each of them.

    Args:
        value: Value of this host. Anything that can be pickled, below 2 GiB.
    """
    if count() == 1:
        return [value]
    from jax.experimental.multihost_utils import process_allgather

    data = np.frombuffer(pickle.dumps(value), np.uint8)
    lengths = np.ravel(process_allgather(np.array([len(data)], np.int32)))  # (hosts,)
    padded = np.zeros(lengths.max(), np.uint8)
    padded[: len(data)] = data
    rows = np.asarray(process_allgather(padded))  # (hosts, bytes)
    return [pickle.loads(row[:length].tobytes()) for row, length in zip(rows, lengths, strict=True)]


def from_first(make: Callable[[], Value]) -> Value:
    """Call a function on the first host. All hosts return its result, or raise its error.

    So a checkpoint, a configuration or a name needs no folder that the hosts share.

    Args:
        make: Function to call on the first host.

    Raises:
        BadInput: If ``make`` raised it.
        RunFailed: If ``make`` raised it.
        OSError: If ``make`` raised it.
    """
    if count() == 1:
        return make()
    value: Any = None
    error: Exception | None = None
    if is_first():
        try:
            value = make()
        except (BadInput, RunFailed, OSError) as raised:
            error = raised
    value, error = _broadcast((value, error))
    if error is not None:
        raise error
    return value


def _broadcast(value: Any) -> Any:
    """The first host's value. Unlike :func:`gather` it needs no more memory on more hosts."""
    from jax.experimental.multihost_utils import broadcast_one_to_all

    data = np.frombuffer(pickle.dumps(value), np.uint8) if is_first() else np.zeros(0, np.uint8)
    length = int(broadcast_one_to_all(np.int32(len(data))))
    return pickle.loads(np.asarray(broadcast_one_to_all(np.resize(data, length))).tobytes())


def require_same(what: str, value: Any) -> None:
    """Refuse to begin if the hosts differ.

    Args:
        what: What differs, for the message.
        value: Value of this host.

    Raises:
        BadInput: If a host differs from host 0. The message names the first one.
    """
    values = gather(value)
    for host, other in enumerate(values):
        if other != values[0]:
            raise BadInput(f"host {host}", f"{what} other than on host 0; copy host 0's, or share a folder")


def detect_shares(
    detector: Detector, stores: Sequence[Store], *, batch: int, progress: Progress | None = None
) -> list[Detections]:
    """Detect in every image of stores. Each host detects in its share.

    If hosts cannot share the images evenly, some repeat an image of another host, so that all make the same number of
    batches and ``progress`` may be a call that all make together. Only one of the results counts.

    Returns:
        Detections of each image, in order, on all hosts.
    """
    hosts, total = count(), sum(map(len, stores))
    mine = [place % total for place in range(index(), index() + hosts * -(-total // hosts), hosts)]
    shares = gather(list(detect_all(detector, stores, batch=batch, only=mine, progress=progress)))
    return [shares[i % hosts][i // hosts] for i in range(total)]


@contextmanager
def others_may_fail() -> Iterator[None]:
    """Report in one line that another host has ended, which JAX reports in the words of its transport.

    Raises:
        RunFailed: If another host of the same run has stopped, so that this one cannot continue.
    """
    try:
        yield
    except (RuntimeError, ValueError) as error:
        line = next(iter(str(error).splitlines()), "")
        if count() == 1 or not any(word in line for word in ("Gloo", "NCCL", "Coordination")):
            raise
        raise RunFailed(
            f"another host has ended or cannot be reached; read its message, then resume the run on all hosts ({line})"
        ) from error
