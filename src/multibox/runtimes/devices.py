"""Several devices of this machine share each batch of a detection."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from multibox.models.backend import first_devices, jit_compile, mirrored
from multibox.models.schema import Schema


class SharedRuntime:
    """Runs a Keras model on several devices, each with a copy of the weights and a part of the batch.

    A batch that they cannot share is filled up with its last image, and what the network says of that is dropped.

    Args:
        network: maps ``(B, H, W, 3)`` to a dict of ``classes`` and ``boxes``. On TensorFlow it was made in the scope of
            a strategy, whose devices are the ones; on JAX also one that several hosts train will do.
        schema: its schema.
        devices: how many; the first ones of this machine.
    """

    def __init__(self, network: keras.Model, schema: Schema, devices: int):
        self.schema, self.devices = schema, devices
        on_jax = keras.backend.backend() == "jax"
        self._network: Any = OnJax(network, devices) if on_jax else OnTensorFlow(network)

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Run the network, see :class:`~multibox.runtimes.Runtime`."""
        missing = -len(images) % self.devices
        outputs = self._network(np.concatenate([images, np.repeat(images[-1:], missing, axis=0)]))
        return outputs["classes"][: len(images)], outputs["boxes"][: len(images)]

    def reload(self) -> None:
        """Take the weights that the network has now."""
        self._network.reload()


class OnJax:
    """One step for the whole batch, which is spread over the devices."""

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
        """Copy the weights, which may lie on devices of other machines as well, to each device."""
        import jax

        self._weights = [
            [jax.device_put(np.asarray(variable.value), self._everywhere) for variable in variables]
            for variables in self._variables
        ]

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Run the network."""
        import jax

        outputs = self._step(self._weights, jax.device_put(images, self._shared))
        return {name: np.asarray(value) for name, value in outputs.items()}


class OnTensorFlow:
    """A copy of the step on each device of the strategy that the network was made for, whose weights they share."""

    def __init__(self, network: keras.Model):
        import tensorflow

        self._strategy = strategy = network.distribute_strategy
        step = tensorflow.function(
            lambda images: strategy.run(lambda share: network(share, training=False), args=(images,)),
            jit_compile=jit_compile(strategy.num_replicas_in_sync),
        )
        self._step: Callable[[Any], dict[str, Any]] = step

    def reload(self) -> None:
        """Nothing to do: the copies follow the network."""

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Run the network."""
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
    """Load a model for the first few devices of this machine.

    Args:
        load: loads it.
        devices: how many.

    Raises:
        BadInput: there are fewer.
    """
    names = first_devices(devices, "--devices")
    if keras.backend.backend() == "jax":
        return SharedRuntime(*load(), devices)
    with mirrored(tuple(names)).scope():
        network, schema = load()
    return SharedRuntime(network, schema, devices)
