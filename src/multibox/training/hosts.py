"""What hosts that train together tell one another. All of it has to be called by all of them, in the same order.

The first host decides and writes; the others follow. Without others all of this is nothing but what one host does.
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
    """How many hosts train together."""
    if keras.backend.backend() != "jax":
        return 1
    import jax

    return int(jax.process_count())


def index() -> int:
    """Which of them this is, from 0."""
    if count() == 1:
        return 0
    import jax

    return int(jax.process_index())


def is_first() -> bool:
    """Whether this host is the one that decides and writes."""
    return index() == 0


def log(message: str) -> None:
    """Log a line at level INFO, on the first host alone."""
    if is_first():
        _log.info("%s", message)


def gather(value: Value) -> list[Value]:
    """What each host has, by host, on all of them.

    Args:
        value: of this host; anything that can be pickled, below 2 GiB.
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
    """Do something on the first host; all have what it returns, or raise what it raised.

    So a checkpoint, a configuration or a name needs no folder that the hosts share.

    Args:
        make: what to do.

    Raises:
        BadInput: ``make`` raised it.
        RunFailed: likewise.
        OSError: likewise.
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
    """Refuse to begin where hosts differ.

    Args:
        what: differs then, for the message.
        value: of this host.

    Raises:
        BadInput: naming the first host that differs from host 0.
    """
    values = gather(value)
    for host, other in enumerate(values):
        if other != values[0]:
            raise BadInput(f"host {host}", f"{what} other than on host 0; copy host 0's, or share a folder")


def detect_shares(
    detector: Detector, stores: Sequence[Store], *, batch: int, progress: Progress | None = None
) -> list[Detections]:
    """Detect in every image of stores, each host in its share of them; see :func:`detect_all`.

    Where hosts cannot share the images evenly, some detect in an image that is another's too, so that all make the same
    number of batches and ``progress`` may be something that they do together. Only one of the results counts.

    Returns:
        the detections of each image, in order, on all hosts.
    """
    hosts, total = count(), sum(map(len, stores))
    mine = [place % total for place in range(index(), index() + hosts * -(-total // hosts), hosts)]
    shares = gather(list(detect_all(detector, stores, batch=batch, only=mine, progress=progress)))
    return [shares[i % hosts][i // hosts] for i in range(total)]


@contextmanager
def others_may_fail() -> Iterator[None]:
    """Say in one line that another host has ended, which JAX tells in the words of whatever carries its messages.

    Raises:
        RunFailed: so it is.
    """
    try:
        yield
    except (RuntimeError, ValueError) as error:
        line = next(iter(str(error).splitlines()), "")
        if count() == 1 or not any(word in line for word in ("Gloo", "NCCL", "Coordination")):
            raise
        raise RunFailed(
            f"another host has ended or cannot be reached; see what it said, then go on by --resume on all ({line})"
        ) from error
