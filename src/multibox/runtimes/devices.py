"""Runs Keras models on several devices of this machine, which share each batch."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from multibox.errors import BadInput
from multibox.models.backend import first_devices, jit_compile
from multibox.models.schema import Schema
from multibox.runtimes.outputs import Outputs
from multibox.runtimes.runtime import Runtime


class SharedRuntime(Runtime):
    """Runs a Keras model on several devices, each with a copy of the weights and a part of the batch.

    A batch that cannot be divided evenly is padded with copies of its last image, whose outputs are dropped.

    Args:
        network: Keras model that maps ``(B, H, W, 3)`` to a dict of ``classes`` and ``boxes``. On TensorFlow, it must
            have been built in the scope of the strategy whose devices share the batch. On JAX, it may be trained by
            several hosts.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        devices: Number of devices, counted from the first of this machine.
    """

    name = "keras"

    def __init__(self, network: keras.Model, schema: Schema, devices: int):
        self.schema, self.devices = schema, devices
        on_jax = keras.backend.backend() == "jax"
        self._network: Any = OnJax(network, devices) if on_jax else OnTensorFlow(network)

    def run(self, images: np.ndarray) -> Outputs:
        """Run the network on a batch of images. Arguments and result are those of :meth:`Runtime.run`."""
        missing = -len(images) % self.devices
        outputs = self._network(np.concatenate([images, np.repeat(images[-1:], missing, axis=0)]))
        return {name: values[: len(images)] for name, values in outputs.items()}

    def reload(self) -> None:
        """Copy the network's current weights to the devices."""
        self._network.reload()


class OnJax:
    """Runs the network on JAX. The batch is sharded over the devices.

    Args:
        network: Keras model on JAX.
        devices: Number of devices, counted from the first of this machine.
    """

    def __init__(self, network: keras.Model, devices: int):
        import jax
        from jax.sharding import Mesh, NamedSharding, PartitionSpec

        mesh = Mesh(np.array(jax.local_devices()[:devices]), ("batch",))
        self._everywhere = NamedSharding(mesh, PartitionSpec())
        self._shared = NamedSharding(mesh, PartitionSpec("batch"))
        self._variables = (network.trainable_variables, network.non_trainable_variables)
        self._step = jax.jit(lambda weights, images: network.stateless_call(*weights, images, training=False)[0])
        self.reload()

    def reload(self) -> None:
        """Copy the network's weights to each device.

        The weights may be distributed over the devices of several machines.
        """
        import jax

        self._weights = [
            [jax.device_put(np.asarray(variable.value), self._everywhere) for variable in variables]
            for variables in self._variables
        ]

    def __call__(self, images: np.ndarray) -> Outputs:
        """Run the network on a batch whose size is a multiple of the number of devices."""
        import jax

        outputs = self._step(self._weights, jax.device_put(images, self._shared))
        return {name: np.asarray(value) for name, value in outputs.items()}


class OnTensorFlow:
    """Runs the network on TensorFlow, on each device of its strategy. The devices use the network's own variables.

    Args:
        network: Keras model on TensorFlow, built in the scope of a strategy.
    """

    def __init__(self, network: keras.Model):
        import tensorflow

        self._strategy = strategy = network.distribute_strategy
        step = tensorflow.function(
            lambda images: strategy.run(lambda share: network(share, training=False), args=(images,)),
            jit_compile=jit_compile(strategy.num_replicas_in_sync),
        )
        self._step: Callable[[Any], dict[str, Any]] = step

    def reload(self) -> None:
        """Do nothing, because the devices use the network's own variables."""

    def __call__(self, images: np.ndarray) -> Outputs:
        """Run the network on a batch whose size is a multiple of the number of devices."""
        shares = np.split(images, self._strategy.num_replicas_in_sync)
        outputs = self._step(
            self._strategy.experimental_distribute_values_from_function(
                lambda context: shares[context.replica_id_in_sync_group]
            )
        )
        return {
            name: np.concatenate([part.numpy() for part in self._strategy.experimental_local_results(value)])
            for name, value in outputs.items()
        }


def load_shared(load: Callable[[], tuple[keras.Model, Schema]], devices: int) -> SharedRuntime:
    """Load a model onto the first devices of this machine.

    Args:
        load: Function that loads the model and returns the network and its schema.
        devices: Number of devices, counted from the first of this machine.

    Returns:
        Runtime that runs the model on the devices.

    Raises:
        BadInput: This machine has fewer devices than ``devices``, or Keras runs on PyTorch.
    """
    if keras.backend.backend() == "torch":
        raise BadInput("devices", "must be 1 on PyTorch; choose the backend tensorflow or jax for several")
    names = first_devices(devices, "devices")
    if keras.backend.backend() == "jax":
        return SharedRuntime(*load(), devices)
    from multibox.models.backends.on_tensorflow import mirrored

    with mirrored(tuple(names)).scope():
        network, schema = load()
    return SharedRuntime(network, schema, devices)
