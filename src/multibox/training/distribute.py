"""Several devices share the images of each batch, and make the step that one device would have made.

On TensorFlow each device runs a copy of the step (``MirroredStrategy``), so what concerns the whole batch is added up
over the copies here. On JAX one step sees the whole batch, wherever its parts are (``DataParallel``), also on several
hosts: each gives its share of the images to its own devices.
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
    """Where whatever holds variables of a run has to be made.

    On JAX the devices, of all hosts, stay those of the process, for ``fit`` has to find them too.

    Args:
        config: how many devices of each host, and what they share.

    Returns:
        a context to make the network and the optimizer in.

    Raises:
        BadInput: there are fewer devices, they cannot share the batch, or TensorFlow is to accumulate on several.
    """
    count = config.devices * hosts.count()
    if config.batch % count:
        raise BadInput(
            "train.batch", f"{config.batch} images cannot be shared by {count} devices; choose a multiple of {count}"
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
    """Add up, over the copies of a step on TensorFlow, what each has of its share of the batch.

    Elsewhere the values are of the whole batch already.
    """
    if keras.backend.backend() != "tensorflow":
        return values
    import tensorflow

    context = tensorflow.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return values
    return context.all_reduce(tensorflow.distribute.ReduceOp.SUM, values)


def synchronize(network: keras.Model, count: int) -> None:
    """Make batch normalisation look at the whole batch on TensorFlow; on JAX it does so anyway."""
    if count > 1 and keras.backend.backend() == "tensorflow":
        _set_synchronized(network, True)


def runtime_of(network: keras.Model, schema: Schema, devices: int) -> KerasRuntime | SharedRuntime:
    """What runs a network that is trained, on the devices that train it; of several hosts each on its own devices.

    Args:
        network: made in the context of :func:`on_devices`.
        schema: its schema.
        devices: of each host.
    """
    return KerasRuntime(network, schema) if devices * hosts.count() == 1 else SharedRuntime(network, schema, devices)


@contextmanager
def as_if_alone(network: keras.Model) -> Iterator[None]:
    """While the block lasts, the network is one that any machine can open or run.

    Args:
        network: its batch normalisation does not ask to be synchronised meanwhile: JAX could not open such a file.
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
