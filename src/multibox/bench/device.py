"""The device that Keras uses: its name, and its peak memory."""

import sys

from multibox.models.backend import current


def device_name() -> str:
    """Name of the first accelerator, as reported by its driver, or ``cpu`` if there is none."""
    return str(current().device_name())


def peak_memory() -> int:
    """Peak memory so far in bytes: of the first accelerator, or of this process if there is none."""
    used: int | None = current().peak_memory()
    return _peak_of_process() if used is None else used


def _peak_of_process() -> int:
    import resource  # which Windows lacks

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
