"""The gradient of a function on whichever backend Keras runs."""

import keras
import numpy as np


def gradients(function, *arrays):
    """The gradients of ``function(*arrays)``, a scalar, with respect to each array."""
    if keras.backend.backend() == "jax":
        import jax

        return [
            np.array(g) for g in jax.grad(function, argnums=tuple(range(len(arrays))))(*map(jax.numpy.asarray, arrays))
        ]
    if keras.backend.backend() == "torch":
        import torch

        tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
        found = torch.autograd.grad(function(*tensors), tensors, allow_unused=True)
        return [np.zeros_like(array) if g is None else g.numpy() for array, g in zip(arrays, found, strict=True)]
    import tensorflow as tf

    tensors = [tf.constant(array) for array in arrays]
    with tf.GradientTape() as tape:
        for tensor in tensors:
            tape.watch(tensor)
        total = function(*tensors)
    return [
        np.array(tf.zeros_like(t) if g is None else g)
        for t, g in zip(tensors, tape.gradient(total, tensors), strict=True)
    ]
