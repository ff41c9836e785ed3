"""The device that Keras uses: its name, and its peak memory."""

import sys
from typing import Any

import keras


def device_name() -> str:
    """Name of the first accelerator, as reported by its driver, or ``cpu`` if there is none."""
    if keras.backend.backend() == "jax":
        return str(_jax_device().device_kind)
    import tensorflow

    gpus = tensorflow.config.list_physical_devices("GPU")
    return str(tensorflow.config.experimental.get_device_details(gpus[0])["device_name"]) if gpus else "cpu"


def peak_memory() -> int:
    """Peak memory so far in bytes: of the first accelerator, or of this process if there is none."""
    if keras.backend.backend() == "jax":
        statistics = _jax_device().memory_stats()  # None on a CPU
        return int(statistics["peak_bytes_in_use"]) if statistics else _peak_of_process()
    import tensorflow

    if tensorflow.config.list_logical_devices("GPU"):
        return int(tensorflow.config.experimental.get_memory_info("GPU:0")["peak"])
    return _peak_of_process()


def _jax_device() -> Any:
    import jax

    return jax.local_devices()[0]


def _peak_of_process() -> int:
    import resource  # which Windows lacks

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
