"""NumPy as an array namespace for losses: the functions of ``keras.ops`` that a loss calls, by the same names."""

import numpy as np
from numpy import (
    abs,
    arctan2,
    array,
    concatenate,
    equal,
    exp,
    log,
    logical_and,
    logical_or,
    maximum,
    minimum,
    shape,
    square,
    sum,
    where,
)

__all__ = [
    "abs",
    "arctan2",
    "argsort",
    "array",
    "cast",
    "concatenate",
    "equal",
    "exp",
    "log",
    "log_sigmoid",
    "log_softmax",
    "logical_and",
    "logical_or",
    "maximum",
    "minimum",
    "one_hot",
    "shape",
    "square",
    "stop_gradient",
    "sum",
    "where",
]


def argsort(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """Indices that sort ``x`` along an axis. Equal values keep their order, as in ``keras.ops``."""
    return np.argsort(x, axis=axis, kind="stable")


def cast(x: np.ndarray, dtype: str) -> np.ndarray:
    """Convert ``x`` to another type."""
    return np.asarray(x, dtype)


def log_sigmoid(x: np.ndarray) -> np.ndarray:
    """``log(1 / (1 + exp(-x)))``, finite for every finite ``x``."""
    return -np.logaddexp(np.zeros((), x.dtype), -x)


def log_softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """``x - log(sum(exp(x)))`` along an axis."""
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def one_hot(x: np.ndarray, num_classes: int, dtype: str) -> np.ndarray:
    """Replace each integer of ``x`` by a vector that is 1 at the integer's position and 0 elsewhere."""
    return np.eye(num_classes, dtype=dtype)[x]


def stop_gradient(x: np.ndarray) -> np.ndarray:
    """Return ``x`` itself: NumPy computes no gradients."""
    return x
