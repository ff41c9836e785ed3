"""Several devices share the images of each batch and make the step that one device would have made.

On TensorFlow each device runs a copy of the step (``MirroredStrategy``), so values of the whole batch are summed over
the copies here. On JAX one step sees the whole batch, wherever its parts are (``DataParallel``). With several hosts,
each gives its share of the images to its own devices.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import keras

from multibox.config import Train
from multibox.errors import BadInput
from multibox.models.backend import first_devices, mirrored
from multibox.models.schema import Schema
from multibox.runtimes import KerasRuntime
from multibox.runtimes.devices import SharedRuntime
from multibox.training import hosts

Tensor = Any


def on_devices(config: Train) -> AbstractContextManager[Any]:
    """The context in which everything with variables of a run is created.

    On JAX the devices of all hosts stay those of the process, so that ``fit`` finds them too.

    Args:
        config: Number of devices per host, and the batch that they share.

    Returns:
        Context in which the network and the optimizer are created.

    Raises:
        BadInput: If there are fewer devices, they cannot share the batch, or TensorFlow would accumulate on several
            devices.
    """
    count = config.devices * hosts.count()
    if config.batch % count:
        raise BadInput(
            "train.batch",
            f"{config.batch} images cannot be split evenly over {count} devices; choose a multiple of {count}",
        )
    on_jax = keras.backend.backend() == "jax"
    if count == 1:
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
    return mirrored(tuple(own)).scope()


def sum_over_replicas(values: list[Tensor]) -> list[Tensor]:
    """Sum, over the copies of a step on TensorFlow, the values of each copy's share of the batch.

    Elsewhere the values already cover the whole batch.
    """
    if keras.backend.backend() != "tensorflow":
        return values
    import tensorflow

    context = tensorflow.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return values
    return context.all_reduce(tensorflow.distribute.ReduceOp.SUM, values)


def synchronize(network: keras.Model, count: int) -> None:
    """Make batch normalisation cover the whole batch on TensorFlow. On JAX it does so anyway."""
    if count > 1 and keras.backend.backend() == "tensorflow":
        _set_synchronized(network, True)


def runtime_of(network: keras.Model, schema: Schema, devices: int) -> KerasRuntime | SharedRuntime:
    """The runtime of a network in training, on the devices that train it. Each host uses its own devices.

    Args:
        network: Network that was created in the context of :func:`on_devices`.
        schema: Schema of the network's model file.
        devices: Number of devices per host.
    """
    return KerasRuntime(network, schema) if devices * hosts.count() == 1 else SharedRuntime(network, schema, devices)


@contextmanager
def as_if_alone(network: keras.Model) -> Iterator[None]:
    """Inside the block, any machine can open or run the network.

    Args:
        network: Network whose batch normalisation is not synchronised inside the block. JAX could not open such a file
            otherwise.
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
