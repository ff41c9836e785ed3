"""What Multibox needs to know about each of Keras' backends, one file a backend, with the same functions in each."""

from collections.abc import Callable

import numpy as np

Predict = Callable[[np.ndarray], dict[str, np.ndarray]]
"""A function that runs a network on images ``(B, H, W, 3)`` uint8 and returns its outputs by name."""
