"""Losses computed in both of their array namespaces."""

import numpy as np
from keras import ops


def in_both(function, *arguments, rtol=1e-5, atol=1e-6, **options):
    """The result of Keras as NumPy arrays, after a check that NumPy alone gives the same."""
    tensors = [ops.convert_to_tensor(x) if isinstance(x, np.ndarray) else x for x in arguments]
    keras_result, numpy_result = function(*tensors, xp=ops, **options), function(*arguments, **options)
    if not isinstance(numpy_result, tuple):
        return _same(keras_result, numpy_result, rtol, atol)
    pairs = zip(keras_result, numpy_result, strict=True)
    return type(numpy_result)(*(_same(one, other, rtol, atol) for one, other in pairs))


def _same(keras_result, numpy_result, rtol, atol):
    keras_result = ops.convert_to_numpy(keras_result)
    assert isinstance(numpy_result, np.ndarray | np.generic)
    np.testing.assert_allclose(numpy_result, keras_result, rtol=rtol, atol=atol)
    return keras_result
