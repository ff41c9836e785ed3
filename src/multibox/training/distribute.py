"""Training on several devices. They share each batch and make the step that one device would have made.

On TensorFlow each device runs a copy of the step (``MirroredStrategy``), so values of the whole batch are summed over
the copies here. On PyTorch each device has a process of its own, and values are summed over the processes. On JAX one
step computes on the whole batch, which is spread over the devices (``DataParallel``). With several hosts, each host
gives its share of the images to its own devices.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import keras

from multibox.config import Train
from multibox.errors import BadInput
from multibox.models.backend import current, first_devices
from multibox.models.schema import Schema
from multibox.runtimes import KerasRuntime
from multibox.runtimes.devices import SharedRuntime
from multibox.training import hosts
from multibox.training.processes import require_even

Tensor = Any


def on_devices(config: Train) -> AbstractContextManager[Any]:
    """The context in which the variables of a run must be created.

    On JAX the devices of all hosts stay set for the whole process, so that ``fit`` uses them too.

    Args:
        config: Training configuration with the number of devices per host and the batch that they share.

    Returns:
        Context manager. The network and the optimizer are created inside its block.

    Raises:
        BadInput: If the machine has fewer devices, PyTorch has another number of processes, the batch cannot be split
            evenly, or ``train.accumulate`` is above 1 on several devices with TensorFlow.
    """
    on_torch = keras.backend.backend() == "torch"
    if on_torch and config.devices > 1 and hosts.count() % config.devices:
        raise BadInput(
            "train.devices",
            f"{config.devices} devices need a process each on PyTorch, and this run has {hosts.count()}; start it with "
            "the command 'multibox train', or with torchrun",
        )
    count = hosts.count() if on_torch else config.devices * hosts.count()
    require_even(config.batch, count)
    on_jax = keras.backend.backend() == "jax"
    if count == 1 or on_torch:
        if on_jax:
            keras.distribution.set_distribution(None)  # the run before, in the same process, may have set one
        return nullcontext()
    own = first_devices(config.devices, "train.devices")
    if on_jax:
        names = [name for names in hosts.gather(own) for name in names]
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=names, auto_shard_dataset=False))
        return nullcontext()
    if config.accumulate > 1:  # Keras decides in the graph whether to update, where devices cannot wait for each other
        raise BadInput("train.accumulate", "must be 1 on several devices with TensorFlow; use JAX, or one device")
    from multibox.models.backends.on_tensorflow import mirrored

    return mirrored(tuple(own)).scope()


def sum_over_replicas(values: list[Tensor]) -> list[Tensor]:
    """Sum values over the devices that share a batch on TensorFlow, or over the processes that share it on PyTorch.

    On JAX, or on one device, the values already cover the whole batch.
    """
    return list(current().sum_over_replicas(values))


def synchronize(network: keras.Model, count: int) -> None:
    """Make batch normalisation use the whole batch of several devices on TensorFlow. The others do so by themselves."""
    if count > 1 and keras.backend.backend() == "tensorflow":
        _set_synchronized(network, True)


def runtime_of(network: keras.Model, schema: Schema, devices: int) -> KerasRuntime | SharedRuntime:
    """A runtime that detects with a network in training, on the devices that train it.

    Args:
        network: Network that was created in the context of :func:`on_devices`.
        schema: Schema of the network's model file.
        devices: Number of devices of each host.
    """
    alone = keras.backend.backend() == "torch" or devices * hosts.count() == 1
    return KerasRuntime(network, schema) if alone else SharedRuntime(network, schema, devices)


@contextmanager
def as_if_alone(network: keras.Model) -> Iterator[None]:
    """Turn off synchronised batch normalisation while the block lasts.

    A model that is saved in the block can then be opened on any machine.

    Args:
        network: Network whose batch normalisation is not synchronised inside the block. JAX could not open a file with
            synchronised layers.
    """
    on_jax = keras.backend.backend() == "jax"
    distribution = keras.distribution.distribution() if on_jax else None
    synchronized = any(getattr(layer, "synchronized", False) for layer in network.layers)
    try:
        _set_synchronized(network, False)
        if on_jax:
            keras.distribution.set_distribution(None)
        yield
    finally:
        _set_synchronized(network, synchronized)
        if on_jax:
            keras.distribution.set_distribution(distribution)


def _set_synchronized(network: keras.Model, value: bool) -> None:
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = value
