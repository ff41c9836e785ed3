"""Several devices of one machine share the images of each batch, and make the step that one device would have made.

On TensorFlow each device runs a copy of the step (``MirroredStrategy``), so what concerns the whole batch is added up
over the copies here. On JAX one step sees the whole batch, wherever its parts are (``DataParallel``).
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import keras

from multibox.config import Train
from multibox.errors import BadInput

Tensor = Any


def on_devices(config: Train) -> AbstractContextManager[Any]:
    """Where whatever holds variables of a run has to be made.

    On JAX the devices stay those of the process, for ``fit`` has to find them too.

    Args:
        config: how many devices, and what they share.

    Returns:
        a context to make the network and the optimizer in.

    Raises:
        BadInput: there are fewer devices, they cannot share the batch, or TensorFlow is to accumulate on several.
    """
    count = config.devices
    if config.batch % count:
        raise BadInput(
            f"train.batch: {config.batch} images cannot be shared by {count} devices; choose a multiple of {count}"
        )
    on_jax = keras.backend.backend() == "jax"
    if count == 1:
        if on_jax:
            keras.distribution.set_distribution(None)  # the run before, in the same process, may have set one
        return nullcontext()
    names = devices()
    if count > len(names):
        raise BadInput(
            f"train.devices: there are not {count} devices but {len(names)}: {', '.join(names)}. {_how_to_split(count)}"
        )
    if on_jax:
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=names[:count]))
        return nullcontext()
    if config.accumulate > 1:  # Keras decides in the graph whether to update, where devices cannot wait for each other
        raise BadInput("train.accumulate: cannot be above 1 on several devices with TensorFlow; use JAX, or one device")
    import tensorflow

    return tensorflow.distribute.MirroredStrategy(names[:count]).scope()


def devices() -> list[str]:
    """The devices that Keras may run on: the accelerators, or without any the CPU, which may have been split."""
    if keras.backend.backend() == "jax":
        return keras.distribution.list_devices()
    import tensorflow

    kinds = (tensorflow.config.list_logical_devices(kind) for kind in ("GPU", "CPU"))
    found = next(kind for kind in kinds if kind)
    return [device.name.removeprefix("/device:") for device in found]


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


def for_one_device(network: keras.Model) -> keras.Model:
    """The same layers and variables as a network that predicts on the first device alone.

    One that was made for several devices on TensorFlow gives all that it predicts once for each of them.
    """
    if keras.backend.backend() != "tensorflow" or network.distribute_strategy.num_replicas_in_sync == 1:
        return network
    return keras.Model(network.input, network.output, name=network.name)  # made outside of the strategy's scope


@contextmanager
def as_if_alone(network: keras.Model) -> Iterator[None]:
    """While the block lasts, JAX takes batches that devices cannot share, and files need no other devices.

    On JAX each device then works on the whole batch: the last one of a validation may be of any size.

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


def _how_to_split(count: int) -> str:
    if keras.backend.backend() == "jax":
        return f"To split a CPU, set XLA_FLAGS=--xla_force_host_platform_device_count={count} before the start"
    return f"A CPU is split by 'multibox train', or by import_keras(devices={count}) before Keras does anything"
