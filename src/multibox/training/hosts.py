"""Communication between hosts that train together.

On JAX a host is a machine with one process. On PyTorch each process counts as a host, as it has a single device.

All hosts must make the same calls in the same order. The first host makes decisions and writes files, and the others
follow. On a single host every function returns that host's own value.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import keras

from multibox.data.store import Store
from multibox.detect.detections import Detections
from multibox.detect.detector import Detector
from multibox.errors import BadInput, HostLost, RunFailed
from multibox.evaluation.evaluate import detect_all
from multibox.models.backend import current
from multibox.progress import Progress
from multibox.training.processes import require_alive, require_torch

Value = TypeVar("Value")

_log = logging.getLogger(__name__)


def join() -> None:
    """Connect to the other processes of a run on PyTorch. On JAX, :meth:`Cluster.join` has connected the hosts already.

    Raises:
        BadInput: If torchrun has started several processes, and Keras does not run on PyTorch.
        HostLost: If another process has ended.
        RunFailed: If another process did not connect in time.
    """
    require_torch(keras.backend.backend())
    current().join(require_alive)


def count() -> int:
    """Number of hosts that train together."""
    return int(current().process_count())


def index() -> int:
    """Index of this host, from 0."""
    return int(current().process_index())


def is_first() -> bool:
    """Whether this host is the first one, which makes decisions and writes files."""
    return index() == 0


def log(message: str) -> None:
    """Log a message at level INFO, only on the first host."""
    if is_first():
        _log.info("%s", message)


def gather(value: Value) -> list[Value]:
    """Collect a value from each host. Every host returns the values of all hosts, in order.

    Args:
        value: Value of this host. It must be picklable and below 2 GiB.
    """
    return [value] if count() == 1 else list(current().gather(value))


def from_first(make: Callable[[], Value]) -> Value:
    """Call a function on the first host only. All hosts return its result, or raise its error.

    So hosts can use the first host's checkpoint, configuration or name without a shared folder.

    Args:
        make: Function without arguments, called on the first host.

    Raises:
        BadInput: If ``make`` raised this error on the first host.
        RunFailed: If ``make`` raised this error on the first host.
        OSError: If ``make`` raised this error on the first host.
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
    value, error = current().broadcast((value, error))  # its memory does not grow with the hosts
    if error is not None:
        raise error
    return value


def require_same(what: str, value: Any) -> None:
    """Raise an error if the hosts have different values.

    Args:
        what: Beginning of the error message, such as ``has stores with data``.
        value: Value of this host, which must equal the first host's.

    Raises:
        BadInput: If a host's value differs from that of host 0. The message names the first such host.
    """
    values = gather(value)
    for host, other in enumerate(values):
        if other != values[0]:
            raise BadInput(f"host {host}", f"{what} that differs from that of host 0; copy host 0's, or share a folder")


def detect_shares(
    detector: Detector, stores: Sequence[Store], *, batch: int, progress: Progress | None = None
) -> list[Detections]:
    """Detect objects in every image of stores. Each host detects in its share of the images.

    If the images cannot be shared evenly, some hosts repeat an image of another host, and one result of each image is
    kept. So all hosts make the same number of batches, and ``progress`` may be a call that all hosts make together.

    Returns:
        Detections of each image, in order. All hosts return the same list.
    """
    hosts, total = count(), sum(map(len, stores))
    mine = [place % total for place in range(index(), index() + hosts * -(-total // hosts), hosts)]
    shares = gather(list(detect_all(detector, stores, batch=batch, only=mine, progress=progress)))
    return [shares[i % hosts][i // hosts] for i in range(total)]


@contextmanager
def others_may_fail() -> Iterator[None]:
    """Report in one line that another host has ended, in place of a long error of JAX or PyTorch.

    Raises:
        HostLost: If another host of the run has stopped, so that this host cannot continue.
    """
    try:
        yield
    except (RuntimeError, ValueError) as error:
        line = next(iter(str(error).splitlines()), "")
        if count() == 1 or not any(word in line.lower() for word in ("gloo", "nccl", "coordination")):
            raise
        raise HostLost(
            f"another host has ended or cannot be reached; read its message, then resume the run on all hosts ({line})"
        ) from error
